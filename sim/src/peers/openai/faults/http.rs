//! What can go wrong over HTTP (spec/peers.md §5.1). Nothing of it touches a WebSocket.

use crate::choice::{Shape, Site};

/// O1. A whole reply is late when its work is done, a stream before it begins.
pub static SLOW_HEADER: Site = Site::fault(
    "peer.openai.slow-header",
    Shape::Delay {
        rate: 0.06,
        min_ms: 200,
        max_ms: 15_000,
    },
    "the head of a reply comes late",
);

/// O5.
pub static STREAM_DROP: Site = Site::fault(
    "peer.openai.stream-drop",
    Shape::YesNo { rate: 0.04 },
    "the connection of a stream is closed in the middle of a response",
);

/// O6. Without its blank line an event does not count, so the terminal one is lost in either case.
pub static STREAM_END: Site = Site::fault(
    "peer.openai.stream-end",
    Shape::OneOf {
        rate: 0.02,
        variants: &["early", "no-blank-line"],
    },
    "a stream ends as if all were well, without a terminal event or in the middle of it",
);

/// O7 in its three shapes.
pub static STREAM_ERROR: Site = Site::fault(
    "peer.openai.stream-error",
    Shape::OneOf {
        rate: 0.03,
        variants: &["flat", "flat-unnamed", "bare"],
    },
    "an error event of this shape comes in the place of the rest of a stream",
);

/// O10. A number is the seconds of Retry-After; `ms` is 300 of retry-after-ms, `date` a time in 2 s.
pub static RATE_LIMIT: Site = Site::fault(
    "peer.openai.rate-limit",
    Shape::OneOf {
        rate: 0.03,
        variants: &["1", "30", "61", "121", "ms", "date", "0", "none"],
    },
    "a request is turned away with 429, and told in this way how long to wait",
)
.rated_by("waits of peers §5.1, O10");

/// O11.
pub static QUOTA: Site = Site::fault(
    "peer.openai.quota",
    Shape::OneOf {
        rate: 0.01,
        variants: &[
            "insufficient_quota",
            "credit_balance_exhausted",
            "project_spend_limit_exceeded",
        ],
    },
    "a request is turned away with 429 and this code: there is no money left, and waiting does not help",
)
.rated_by("codes of peers §1.4");

/// O12, once.
pub static SERVER_ERROR: Site = Site::fault(
    "peer.openai.server-error",
    Shape::OneOf {
        rate: 0.03,
        variants: &["500", "502-html", "503"],
    },
    "a request fails with this status, before any work was done",
);

/// O12, lasting: every request over HTTP meets it.
pub static OUTAGE: Site = Site::fault(
    "peer.openai.outage",
    Shape::Delay {
        rate: 0.01,
        min_ms: 1_000,
        max_ms: 30_000,
    },
    "for that long every request over HTTP fails with 503",
)
.planned();

/// O13. Once: asked again, the service takes it.
pub static TURNED_DOWN: Site = Site::fault(
    "peer.openai.turned-down",
    Shape::OneOf {
        rate: 0.02,
        variants: &[
            "context_length_exceeded",
            "no-tool-output",
            "previous_response_not_found",
            "invalid_api_key",
            "model_not_found",
        ],
    },
    "a request is turned down for good, for this reason",
)
.rated_by("reasons of peers §5.1, O13");

/// O14, and its twin from which the client can not tell it.
pub static REPLY_LOST: Site = Site::fault(
    "peer.openai.reply-lost",
    Shape::OneOf {
        rate: 0.03,
        variants: &["after-work", "before-work"],
    },
    "a connection is closed in place of a reply, when the work is done and billed, or not begun",
);

/// O15, and the whole body's kind of O3.
pub static BODY_CUT: Site = Site::fault(
    "peer.openai.body-cut",
    Shape::OneOf {
        rate: 0.02,
        variants: &["closed", "stalled"],
    },
    "half of a reply's body comes; then its connection is closed, or nothing more happens",
);

/// O16.
pub static ODD_EVENT: Site = Site::fault(
    "peer.openai.odd-event",
    Shape::OneOf {
        rate: 0.04,
        variants: &[
            "unknown-event",
            "unknown-item",
            "extra-fields",
            "stray-delta",
            "keepalive",
        ],
    },
    "an event or a field of this kind comes in a stream, which no description knows",
);

/// O17.
pub static CHUNKS: Site = Site::fault(
    "peer.openai.chunks",
    Shape::OneOf {
        rate: 0.08,
        variants: &[
            "bytes",
            "split-characters",
            "together",
            "comments",
            "carriage-returns",
            "unnamed",
        ],
    },
    "a stream comes in chunks, or with lines, of another kind than usual",
);

pub static HTTP: &[&Site] = &[
    &SLOW_HEADER,
    &STREAM_DROP,
    &STREAM_END,
    &STREAM_ERROR,
    &RATE_LIMIT,
    &QUOTA,
    &SERVER_ERROR,
    &OUTAGE,
    &TURNED_DOWN,
    &REPLY_LOST,
    &BODY_CUT,
    &ODD_EVENT,
    &CHUNKS,
];
