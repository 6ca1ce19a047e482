//! What can go wrong at Workers AI, and what its models may vary. There is no table of its own in
//! spec/peers.md §5: these are the rows of §5.1 that hold for any model behind HTTP, with the codes of
//! §3.2 and the odd results of §3.1.
//!
//! | row | sites (`peer.workers-ai.…`) |
//! | --- | --- |
//! | O1, O2 | `slow`; for ever, `silent` |
//! | O3 | `stall` of a stream; of a whole body, `body-cut` as `stalled` |
//! | O4 | `token-slow` |
//! | O5 | `stream-drop` |
//! | O6 | `stream-end` |
//! | O10 | `capacity` |
//! | O11 | `allocation` |
//! | O12 | `server-error`; §3.2's 408, `timed-out` |
//! | O13 | `turned-down` |
//! | O14 | `reply-lost`; and a gateway that asks twice, `gateway-retry` |
//! | O15 | `body-cut` |
//! | O16 | `odd-result` |
//! | O17 | `chunks` |
//! | O18 | `misbehave` |
//!
//! Not here: O7 to O9, as nothing is documented of an error in a stream, and of a text that is cut.

use crate::{
    choice::{Shape, Site},
    peers::script::{ANSWERS, PIECES},
};

/// O1 and O2: the first token of a stream, or the whole reply.
pub static SLOW: Site = Site::fault(
    "peer.workers-ai.slow",
    Shape::Delay {
        rate: 0.08,
        min_ms: 200,
        max_ms: 15_000,
    },
    "the first token of a run comes late",
);

/// O4. Drawn at each piece of a stream.
pub static TOKEN_SLOW: Site = Site::fault(
    "peer.workers-ai.token-slow",
    Shape::Delay {
        rate: 0.04,
        min_ms: 20,
        max_ms: 3_000,
    },
    "a piece of a stream comes late",
);

pub static SILENT: Site = Site::fault(
    "peer.workers-ai.silent",
    Shape::YesNo { rate: 0.02 },
    "a request is accepted and never answered; its connection stays open, and stuck",
);

/// O3.
pub static STALL: Site = Site::fault(
    "peer.workers-ai.stall",
    Shape::YesNo { rate: 0.02 },
    "a stream stops in the middle, and its connection stays open",
);

/// O5.
pub static STREAM_DROP: Site = Site::fault(
    "peer.workers-ai.stream-drop",
    Shape::YesNo { rate: 0.03 },
    "the connection of a stream is closed in the middle",
);

/// O6. Usage and `[DONE]` are missing in either case.
pub static STREAM_END: Site = Site::fault(
    "peer.workers-ai.stream-end",
    Shape::OneOf {
        rate: 0.02,
        variants: &["early", "no-done"],
    },
    "a stream ends as if all were well, in the middle of the text or without saying that it is done",
);

/// O10: code 3040.
pub static CAPACITY: Site = Site::fault(
    "peer.workers-ai.capacity",
    Shape::YesNo { rate: 0.03 },
    "a request is turned away with 429: there is no room for it now, and later there is",
);

/// O11: codes 3036 and 4006.
pub static ALLOCATION: Site = Site::fault(
    "peer.workers-ai.allocation",
    Shape::OneOf {
        rate: 0.01,
        variants: &["3036", "4006"],
    },
    "a request is turned away with 429 and this code: what the account may use in a day is used up",
)
.rated_by("codes of peers §3.2");

/// O12.
pub static SERVER_ERROR: Site = Site::fault(
    "peer.workers-ai.server-error",
    Shape::OneOf {
        rate: 0.03,
        variants: &["500", "502-html", "503"],
    },
    "a request fails with this status, before any work was done",
);

/// §3.2. It comes after the wait, and the work was for nothing.
pub static TIMED_OUT: Site = Site::fault(
    "peer.workers-ai.timed-out",
    Shape::OneOf {
        rate: 0.02,
        variants: &["3007", "3008", "3046"],
    },
    "a request is given up after 10 s with 408 and this code",
)
.rated_by("codes of peers §3.2");

/// O13, once: asked again, the service takes it.
pub static TURNED_DOWN: Site = Site::fault(
    "peer.workers-ai.turned-down",
    Shape::OneOf {
        rate: 0.02,
        variants: &[
            "5007", "5004", "3003", "5018", "3041", "3023", "5016", "3042", "3006", "5021", "10000",
        ],
    },
    "a request is turned down for good, with this code",
)
.rated_by("codes of peers §3.2");

/// O14, and its twin from which the client can not tell it.
pub static REPLY_LOST: Site = Site::fault(
    "peer.workers-ai.reply-lost",
    Shape::OneOf {
        rate: 0.03,
        variants: &["after-work", "before-work"],
    },
    "a connection is closed in place of a reply, when the work is done and billed, or not begun",
);

/// §3.3: a second layer of duplication. Drawn only for requests through a gateway.
pub static GATEWAY_RETRY: Site = Site::fault(
    "peer.workers-ai.gateway-retry",
    Shape::YesNo { rate: 0.05 },
    "the gateway asks the model a second time, and both runs are billed",
);

/// O15, and the whole body's kind of O3.
pub static BODY_CUT: Site = Site::fault(
    "peer.workers-ai.body-cut",
    Shape::OneOf {
        rate: 0.02,
        variants: &["closed", "stalled"],
    },
    "half of a reply's body comes; then its connection is closed, or nothing more happens",
);

/// O16, §3.1: forms of a result that exist somewhere.
pub static ODD_RESULT: Site = Site::fault(
    "peer.workers-ai.odd-result",
    Shape::OneOf {
        rate: 0.03,
        variants: &[
            "null-response",
            "object-response",
            "no-result",
            "content-list",
            "extra-fields",
        ],
    },
    "the result of a run has another form than usual, or is not there",
);

/// O17.
pub static CHUNKS: Site = Site::fault(
    "peer.workers-ai.chunks",
    Shape::OneOf {
        rate: 0.08,
        variants: &[
            "bytes",
            "split-characters",
            "together",
            "comments",
            "carriage-returns",
        ],
    },
    "a stream comes in chunks, or with lines, of another kind than usual",
);

/// O18.
pub static MISBEHAVE: Site = Site::fault(
    "peer.workers-ai.misbehave",
    Shape::OneOf {
        rate: 0.03,
        variants: &["empty", "tool-call", "long"],
    },
    "the model says something that nobody expects",
);

pub static FAULTS: &[&Site] = &[
    &SLOW,
    &TOKEN_SLOW,
    &SILENT,
    &STALL,
    &STREAM_DROP,
    &STREAM_END,
    &CAPACITY,
    &ALLOCATION,
    &SERVER_ERROR,
    &TIMED_OUT,
    &TURNED_DOWN,
    &REPLY_LOST,
    &GATEWAY_RETRY,
    &BODY_CUT,
    &ODD_RESULT,
    &CHUNKS,
    &MISBEHAVE,
];

/// Which text the model answers; 0 gives the user's words back.
pub static ANSWER: Site = Site::draw(
    "peer.workers-ai.answer",
    Shape::Below { count: ANSWERS },
    "what the model says",
);

pub static PIECES_DRAWN: Site = Site::draw(
    "peer.workers-ai.pieces",
    Shape::Below {
        count: PIECES.len() as u64,
    },
    "in how many pieces a stream comes",
);

/// Drawn only when a fault cuts a stream.
pub static CUT_AFTER: Site = Site::draw(
    "peer.workers-ai.cut-after",
    Shape::Below { count: 10 },
    "after how many pieces a stream is cut",
);

pub static DRAWS: &[&Site] = &[&ANSWER, &PIECES_DRAWN, &CUT_AFTER];
