//! What can go wrong on a WebSocket (spec/peers.md §5.2).

use crate::choice::{Shape, Site};

/// W1.
pub static REFUSE: Site = Site::fault(
    "peer.openai.refuse",
    Shape::OneOf {
        rate: 0.04,
        variants: &["429", "500", "503", "401", "403", "426"],
    },
    "an upgrade to WebSocket is refused with this status",
);

/// W11: the service is gone without a word. It hears nothing, and answers no ping and no close.
pub static HALF_OPEN: Site = Site::fault(
    "peer.openai.half-open",
    Shape::YesNo { rate: 0.01 },
    "a connection is open on the client's side only: a request on it reaches nobody",
);

/// W3, W4.
pub static DROP: Site = Site::fault(
    "peer.openai.drop",
    Shape::OneOf {
        rate: 0.04,
        variants: &[
            "reset",
            "close-1011",
            "close-1000",
            "close-1001",
            "close-1012",
            "close-1013",
        ],
    },
    "the connection ends in the middle of a response",
);

/// W12: a client that connects anew, and waits for the answer to what it sent, waits for ever.
pub static DROP_EARLY: Site = Site::fault(
    "peer.openai.drop-early",
    Shape::OneOf {
        rate: 0.01,
        variants: &["reset", "close-1001", "close-1011", "close-1012"],
    },
    "the connection ends when a request has arrived, before anything of its response was sent",
);

/// W5: whatever its age, as few worlds last an hour. The close code is undocumented.
pub static LIMIT: Site = Site::fault(
    "peer.openai.limit",
    Shape::OneOf {
        rate: 0.02,
        variants: &["1000", "1001", "1008", "open"],
    },
    "a request meets the connection's limit of 60 minutes; then it is closed with this code, or left open",
);

/// W6. What becomes of the response is undocumented: here it is lost.
pub static LIMIT_DURING: Site = Site::fault(
    "peer.openai.limit-during",
    Shape::OneOf {
        rate: 0.01,
        variants: &["1000", "1001", "1008"],
    },
    "a connection reaches its 60 minutes in the middle of a response, says so, and is closed with this code",
);

/// W6 again: here the response is finished first.
pub static LIMIT_AFTER: Site = Site::fault(
    "peer.openai.limit-after",
    Shape::OneOf {
        rate: 0.01,
        variants: &["1000", "1001", "1008"],
    },
    "a connection that reached its 60 minutes is closed with this code when its response is complete",
);

/// W9: what waited in line begins that much later than it could.
pub static QUEUE_SLOW: Site = Site::fault(
    "peer.openai.queue-slow",
    Shape::Delay {
        rate: 0.1,
        min_ms: 50,
        max_ms: 5_000,
    },
    "a request that had to wait for another one on its connection begins late",
);

/// W10. Named lanes only; the others go on.
pub static LANE_ERROR: Site = Site::fault(
    "peer.openai.lane-error",
    Shape::OneOf {
        rate: 0.05,
        variants: &["rate_limit_exceeded", "server_error"],
    },
    "a request on a named lane is turned down with this code",
);

/// O7 in the shapes that are in use on WebSockets, and W14: an error without a code. One that hits a
/// continuation makes the service forget what was to be continued (W8).
pub static ERROR: Site = Site::fault(
    "peer.openai.error",
    Shape::OneOf {
        rate: 0.03,
        variants: &["nested", "rate-limit", "no-code", "flat", "bare"],
    },
    "an error event of this shape comes in the place of the rest of a response",
);

/// W13, W14 and O16: frames that a client need not understand, before the first token.
pub static ODD_FRAME: Site = Site::fault(
    "peer.openai.odd-frame",
    Shape::OneOf {
        rate: 0.04,
        variants: &[
            "unknown-event",
            "unknown-item",
            "stray-delta",
            "binary",
            "not-json",
            "fragments",
            "ping",
        ],
    },
    "a frame of this kind comes in the middle of a response",
);

pub static SOCKET: &[&Site] = &[
    &REFUSE,
    &HALF_OPEN,
    &DROP,
    &DROP_EARLY,
    &LIMIT,
    &LIMIT_DURING,
    &LIMIT_AFTER,
    &QUEUE_SLOW,
    &LANE_ERROR,
    &ERROR,
    &ODD_FRAME,
];
