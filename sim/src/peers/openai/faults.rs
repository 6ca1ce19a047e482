//! What can go wrong at OpenAI (spec/peers.md §5.2), and what the model may vary.

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

/// W3, W4.
pub static DROP: Site = Site::fault(
    "peer.openai.drop",
    Shape::OneOf {
        rate: 0.04,
        variants: &["reset", "close-1011", "close-1000"],
    },
    "the connection ends in the middle of a response",
);

/// W1.
pub static REFUSE: Site = Site::fault(
    "peer.openai.refuse",
    Shape::OneOf {
        rate: 0.04,
        variants: &["429", "500", "503"],
    },
    "an upgrade to WebSocket is refused with this status",
);

pub static FAULTS: &[&Site] = &[&SLOW, &TOKEN_SLOW, &SILENT, &DROP, &REFUSE];

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

pub static DRAWS: &[&Site] = &[&ANSWER, &DELTAS, &DROP_AFTER];
