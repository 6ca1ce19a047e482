//! What may happen to any response, over WebSocket and over HTTP: the model and the machines behind it.

use crate::{
    choice::{Shape, Site},
    peers::script::{ANSWERS, PIECES},
};

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

/// O1, W2. As one response is in flight at a time, everything behind it on the connection waits too.
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

/// W7, and the same over HTTP (O13).
pub static FORGET: Site = Site::fault(
    "peer.openai.forget",
    Shape::YesNo { rate: 0.05 },
    "a response that was to be continued is not found any more",
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

/// O18 and O19. A call of a tool that nobody offered has arguments that are no JSON.
pub static MISBEHAVE: Site = Site::fault(
    "peer.openai.misbehave",
    Shape::OneOf {
        rate: 0.03,
        variants: &["empty", "refusal", "function-call", "wrong-deltas", "long"],
    },
    "the model says something that nobody expects",
);

/// O18, where the request offers tools.
pub static MISCALL: Site = Site::fault(
    "peer.openai.miscall",
    Shape::OneOf {
        rate: 0.05,
        variants: &["bad-arguments", "unknown-tool", "two-calls", "loop"],
    },
    "the model calls a tool with broken arguments, one that is not there, two at once, or one again and again",
);

pub static MODEL: &[&Site] = &[
    &SLOW,
    &TOKEN_SLOW,
    &SILENT,
    &STALL,
    &FORGET,
    &FAILED,
    &INCOMPLETE,
    &MISBEHAVE,
    &MISCALL,
];

/// Which text the model answers; 0 gives the user's words back.
pub static ANSWER: Site = Site::draw(
    "peer.openai.answer",
    Shape::Below { count: ANSWERS },
    "what the model says",
);

pub static DELTAS: Site = Site::draw(
    "peer.openai.deltas",
    Shape::Below {
        count: PIECES.len() as u64,
    },
    "in how many deltas the model says it",
);

/// Drawn where the request asks for a summary of the model's reasoning: it may give none.
pub static SUMMARY: Site = Site::draw(
    "peer.openai.summary",
    Shape::OneOf {
        rate: 0.1,
        variants: &["1", "2"],
    },
    "in how many parts the model tells of its reasoning",
);

/// Drawn only when `peer.openai.drop` or `peer.openai.stream-drop` struck: after that many deltas, or,
/// as the last value, after generation was finished and billed but before the terminal event.
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

pub static DRAWS: &[&Site] = &[&ANSWER, &DELTAS, &SUMMARY, &DROP_AFTER, &CUT_AFTER];
