//! Faults of objects: they die, are put away, stand still, or live twice.

use crate::choice::{Shape, Site};

const CRASH_RATE: f64 = 0.002;

const fn crash(name: &'static str, does: &'static str) -> Site {
    Site::fault(name, Shape::YesNo { rate: CRASH_RATE }, does)
}

pub static CRASH_BEFORE_COMMIT: Site = crash(
    "crash.before-commit",
    "the object dies just before a transaction becomes durable",
);

pub static CRASH_AFTER_COMMIT: Site = crash(
    "crash.after-commit",
    "the object dies just after a transaction became durable",
);

pub static CRASH_BEFORE_CALL: Site = crash(
    "crash.before-call",
    "the object dies just before it sends a call",
);

pub static CRASH_AFTER_CALL: Site = crash(
    "crash.after-call",
    "the object dies when the reply to its call arrives",
);

pub static CRASH_BEFORE_REPLY: Site = crash(
    "crash.before-reply",
    "the object dies just before it replies",
);

pub static CRASH_AFTER_REPLY: Site =
    crash("crash.after-reply", "the object dies just after it replied");
pub static CRASH_BEFORE_REQUEST: Site = crash(
    "crash.before-request",
    "the object dies just before it writes to an outside service",
);

pub static CRASH_AFTER_REQUEST: Site = crash(
    "crash.after-request",
    "the object dies when an outside service answers",
);

pub static CRASH_BEFORE_CHECKPOINT: Site = crash(
    "crash.before-checkpoint",
    "the object dies just before a processor's checkpoint",
);

pub static CRASH_AFTER_CHECKPOINT: Site = crash(
    "crash.after-checkpoint",
    "the object dies just after a processor's checkpoint",
);

pub static CRASH_BEFORE_ALARM: Site = crash(
    "crash.before-alarm",
    "the object dies as its alarm is about to ring",
);

pub static CRASH_AFTER_ALARM: Site = crash(
    "crash.after-alarm",
    "the object dies when its alarm handler is done",
);

pub static CRASH_AT_TIME: Site = Site::fault(
    "crash.at-time",
    Shape::Delay {
        rate: 0.05,
        min_ms: 1,
        max_ms: 20_000,
    },
    "an incarnation dies that many milliseconds after its start",
)
.planned();

pub static EVICT_IDLE: Site = Site::fault(
    "object.evict-idle",
    Shape::Delay {
        rate: 0.03,
        min_ms: 1,
        max_ms: 2_000,
    },
    "the object is evicted if it is idle that many milliseconds after a call",
)
.planned();

/// The subject is the fleet.
pub static EVICT_STORM: Site = Site::fault(
    "object.evict-storm",
    Shape::Delay {
        rate: 0.3,
        min_ms: 500,
        max_ms: 30_000,
    },
    "all objects that are idle are evicted at once, that many milliseconds after the faults began or after the last such storm",
)
.planned();

pub static SLOW_START: Site = Site::fault(
    "object.slow-start",
    Shape::Delay {
        rate: 0.05,
        min_ms: 20,
        max_ms: 5_000,
    },
    "an incarnation takes that many milliseconds until its constructor runs and it takes calls",
);

pub static PAUSE: Site = Site::fault(
    "object.pause",
    Shape::Delay {
        rate: 0.004,
        min_ms: 50,
        max_ms: 20_000,
    },
    "as a call arrives the object stands still for that many milliseconds, and everything addressed to it waits",
);

pub static TWIN: Site = Site::fault(
    "object.twin",
    Shape::Delay {
        rate: 0.003,
        min_ms: 1,
        max_ms: 5_000,
    },
    "who looks for the object by name finds a new incarnation, while the old one goes on for that many milliseconds; its writes and sends fail",
)
.planned();

pub(super) const FAULTS: &[&Site] = &[
    &CRASH_BEFORE_COMMIT,
    &CRASH_AFTER_COMMIT,
    &CRASH_BEFORE_CALL,
    &CRASH_AFTER_CALL,
    &CRASH_BEFORE_REPLY,
    &CRASH_AFTER_REPLY,
    &CRASH_BEFORE_REQUEST,
    &CRASH_AFTER_REQUEST,
    &CRASH_BEFORE_CHECKPOINT,
    &CRASH_AFTER_CHECKPOINT,
    &CRASH_BEFORE_ALARM,
    &CRASH_AFTER_ALARM,
    &CRASH_AT_TIME,
    &EVICT_IDLE,
    &EVICT_STORM,
    &SLOW_START,
    &PAUSE,
    &TWIN,
];
