//! The faults of the platform itself, as data (design §6). Each row is a site: what it does, its
//! rate, its range. The faults of outside services stand beside the services.

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
);

pub static EVICT_IDLE: Site = Site::fault(
    "object.evict-idle",
    Shape::Delay {
        rate: 0.03,
        min_ms: 1,
        max_ms: 2_000,
    },
    "the object is evicted if it is idle that many milliseconds after a call",
);

pub static STORAGE_SLOW: Site = Site::fault(
    "storage.slow",
    Shape::Delay {
        rate: 0.03,
        min_ms: 5,
        max_ms: 1_500,
    },
    "a transaction takes that much longer to become durable",
);

/// The count is that of the transactions which were not yet durable, plus one.
pub static STORAGE_LOST_SUFFIX: Site = Site::fault(
    "storage.lost-suffix",
    Shape::Below { count: 0 },
    "a crash loses that many of the newest transactions that were not yet durable",
);

pub static STORAGE_STALE_CACHE: Site = Site::fault(
    "storage.stale-cache",
    Shape::YesNo { rate: 0.1 },
    "a stream that crashed finds the cached core state of some transactions ago, older than its rows",
);

pub static RPC_DELAY: Site = Site::fault(
    "rpc.delay",
    Shape::Delay {
        rate: 0.05,
        min_ms: 2,
        max_ms: 3_000,
    },
    "a call takes that much longer to arrive; later ones of its stub wait behind it",
);

pub static RPC_REPLY_DELAY: Site = Site::fault(
    "rpc.reply-delay",
    Shape::Delay {
        rate: 0.03,
        min_ms: 2,
        max_ms: 3_000,
    },
    "a reply takes that much longer to arrive",
);

pub static RPC_REQUEST_LOST: Site = Site::fault(
    "rpc.request-lost",
    Shape::YesNo { rate: 0.01 },
    "the connection is lost before the call had its effect; the caller sees a disconnect",
);

pub static RPC_REPLY_LOST: Site = Site::fault(
    "rpc.reply-lost",
    Shape::YesNo { rate: 0.01 },
    "the connection is lost after the call had its effect; the caller sees a disconnect",
);

pub static STUB_BROKEN: Site = Site::fault(
    "stub.broken",
    Shape::YesNo { rate: 0.005 },
    "a retained capability breaks although both ends live",
);

pub static STUB_NOTICE: Site = Site::fault(
    "stub.notice",
    Shape::Delay {
        rate: 0.2,
        min_ms: 10,
        max_ms: 5_000,
    },
    "a holder learns that much later that the other side is gone",
);

pub static ALARM_LATE: Site = Site::fault(
    "alarm.late",
    Shape::Delay {
        rate: 0.1,
        min_ms: 10,
        max_ms: 20_000,
    },
    "an alarm rings that much later",
);

pub static ALARM_TWICE: Site = Site::fault(
    "alarm.twice",
    Shape::YesNo { rate: 0.05 },
    "an alarm rings twice",
);

/// Every fault of the platform.
pub static FAULTS: &[&Site] = &[
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
    &STORAGE_SLOW,
    &STORAGE_LOST_SUFFIX,
    &STORAGE_STALE_CACHE,
    &RPC_DELAY,
    &RPC_REPLY_DELAY,
    &RPC_REQUEST_LOST,
    &RPC_REPLY_LOST,
    &STUB_BROKEN,
    &STUB_NOTICE,
    &ALARM_LATE,
    &ALARM_TWICE,
];
