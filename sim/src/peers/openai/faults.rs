//! What can go wrong at OpenAI, and what the model may vary: the rows of spec/peers.md §5.2, and
//! those of §5.1 that hold for the WebSocket as well. A site names its rows in front.
//!
//! Not here: W9 and W10, as the fake takes no lanes and queues in order (`conversation`), and the
//! client asks once at a time; W12, which is the client's own doing, and any `drop` brings about;
//! of W13 only the stray delta, as nothing else of an abandoned response can come on a new socket;
//! O17, which is the network's; O1, O5, O6 and O10 to O15, which need the HTTP service.

use crate::choice::{Shape, Site};

/// O2, W2: a long wait before the first token.
pub static SLOW: Site = Site::fault(
    "peer.openai.slow",
    Shape::Delay {
        rate: 0.08,
        min_ms: 200,
        max_ms: 8_000,
    },
    "the first token of a response comes late",
);

/// O4: a trickle. Drawn at each delta.
pub static TOKEN_SLOW: Site = Site::fault(
    "peer.openai.token-slow",
    Shape::Delay {
        rate: 0.04,
        min_ms: 20,
        max_ms: 3_000,
    },
    "a delta of a response comes late",
);

/// W2. As one response is in flight at a time, everything behind it on the connection waits too.
pub static SILENT: Site = Site::fault(
    "peer.openai.silent",
    Shape::YesNo { rate: 0.02 },
    "a request is accepted and never answered; its connection stays open, and stuck",
);

/// O3: some deltas, then silence. The connection stays open, and stuck.
pub static STALL: Site = Site::fault(
    "peer.openai.stall",
    Shape::YesNo { rate: 0.02 },
    "a response stops in the middle, and its connection stays open",
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

/// W7.
pub static FORGET: Site = Site::fault(
    "peer.openai.forget",
    Shape::YesNo { rate: 0.05 },
    "a response that was to be continued is not found any more",
);

/// O7 in its three shapes, and W14: an error without a code. One that hits a continuation makes the
/// service forget what was to be continued (W8).
pub static ERROR: Site = Site::fault(
    "peer.openai.error",
    Shape::OneOf {
        rate: 0.03,
        variants: &["nested", "rate-limit", "no-code", "flat", "bare"],
    },
    "an error event of this shape comes in the place of the rest of a response",
);

/// O8.
pub static FAILED: Site = Site::fault(
    "peer.openai.failed",
    Shape::OneOf {
        rate: 0.02,
        variants: &["server_error", "rate_limit_exceeded", "invalid_prompt"],
    },
    "a response ends as failed, with this code",
);

/// O9.
pub static INCOMPLETE: Site = Site::fault(
    "peer.openai.incomplete",
    Shape::OneOf {
        rate: 0.02,
        variants: &["max_output_tokens", "content_filter"],
    },
    "a response ends as incomplete, for this reason",
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

/// O18 and O19. A call of a tool that nobody offered has arguments that are no JSON.
pub static MISBEHAVE: Site = Site::fault(
    "peer.openai.misbehave",
    Shape::OneOf {
        rate: 0.03,
        variants: &["empty", "refusal", "function-call", "wrong-deltas", "long"],
    },
    "the model says something that nobody expects",
);

/// W1.
pub static REFUSE: Site = Site::fault(
    "peer.openai.refuse",
    Shape::OneOf {
        rate: 0.04,
        variants: &["429", "500", "503", "401", "403", "426"],
    },
    "an upgrade to WebSocket is refused with this status",
);

pub static FAULTS: &[&Site] = &[
    &SLOW,
    &TOKEN_SLOW,
    &SILENT,
    &STALL,
    &HALF_OPEN,
    &DROP,
    &LIMIT,
    &LIMIT_DURING,
    &FORGET,
    &ERROR,
    &FAILED,
    &INCOMPLETE,
    &ODD_FRAME,
    &MISBEHAVE,
    &REFUSE,
];

/// Which text the model answers; 0 gives the user's words back.
pub static ANSWER: Site = Site::draw(
    "peer.openai.answer",
    Shape::Below { count: 4 },
    "what the model says",
);

pub static DELTAS: Site = Site::draw(
    "peer.openai.deltas",
    Shape::Below { count: 4 },
    "in how many deltas the model says it",
);

/// Drawn only when `peer.openai.drop` struck: after that many deltas, or, as the last value,
/// after generation was finished and billed but before the terminal event.
pub static DROP_AFTER: Site = Site::draw(
    "peer.openai.drop-after",
    Shape::Below { count: 10 },
    "where in a response its connection is dropped",
);

/// The same for every other fault that cuts a response: drawn only when one struck.
pub static CUT_AFTER: Site = Site::draw(
    "peer.openai.cut-after",
    Shape::Below { count: 10 },
    "where in a response it stalls, fails, or ends otherwise than by being complete",
);

pub static DRAWS: &[&Site] = &[&ANSWER, &DELTAS, &DROP_AFTER, &CUT_AFTER];
