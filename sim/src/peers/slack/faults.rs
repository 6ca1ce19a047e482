//! What can go wrong at Slack: deliveries (spec/peers.md §5.3) and the Web API (§5.4).

use crate::choice::{Shape, Site};

/// S1.
pub static DUPLICATE: Site = Site::fault(
    "peer.slack.duplicate",
    Shape::YesNo { rate: 0.05 },
    "the same event is delivered twice, quickly, without retry headers",
);

/// S13.
pub static LATE: Site = Site::fault(
    "peer.slack.late",
    Shape::Delay {
        rate: 0.05,
        min_ms: 500,
        max_ms: 20_000,
    },
    "an event is delivered late",
);

/// S7: enough for neighbours to swap places.
pub static REORDER: Site = Site::fault(
    "peer.slack.reorder",
    Shape::Delay {
        rate: 0.08,
        min_ms: 10,
        max_ms: 3_000,
    },
    "an event is overtaken by its neighbours",
);

/// S4.
pub static REDELIVER: Site = Site::fault(
    "peer.slack.redeliver",
    Shape::YesNo { rate: 0.05 },
    "an acknowledgement is lost, so the event is delivered again after the time-out",
);

/// P1.
pub static REPLY_LOST: Site = Site::fault(
    "peer.slack.reply-lost",
    Shape::YesNo { rate: 0.03 },
    "a call takes effect and its connection is closed before the reply",
);

/// P4.
pub static REQUEST_LOST: Site = Site::fault(
    "peer.slack.request-lost",
    Shape::YesNo { rate: 0.03 },
    "a call's connection is closed before the call takes effect",
);

/// P3.
pub static SLOW: Site = Site::fault(
    "peer.slack.slow",
    Shape::Delay {
        rate: 0.05,
        min_ms: 200,
        max_ms: 6_000,
    },
    "a call takes effect and its reply comes late",
);

/// P5. The value is the seconds that the caller is told to wait.
pub static RATE_LIMIT: Site = Site::fault(
    "peer.slack.rate-limit",
    Shape::OneOf {
        rate: 0.03,
        variants: &["1", "5", "30"],
    },
    "a call is turned away with 429 and this many seconds of Retry-After",
);

pub static FAULTS: &[&Site] = &[
    &DUPLICATE,
    &LATE,
    &REORDER,
    &REDELIVER,
    &REPLY_LOST,
    &REQUEST_LOST,
    &SLOW,
    &RATE_LIMIT,
];
