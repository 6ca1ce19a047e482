//! Faults of an object's storage: slow, lossy, and older than it should be.

use crate::choice::{Shape, Site};

pub static STORAGE_SLOW: Site = Site::fault(
    "storage.slow",
    Shape::Delay {
        rate: 0.03,
        min_ms: 5,
        max_ms: 1_500,
    },
    "a transaction takes that much longer to become durable",
);

pub static STORAGE_FLUSH_FAILS: Site = Site::fault(
    "storage.flush-fails",
    Shape::YesNo { rate: 0.002 },
    "a transaction cannot become durable: the object is reset, and loses it and all later ones",
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

/// Which write it is decides how much of what belongs together was written before: an appended event
/// is three rows and the core state.
pub static STORAGE_WRITE_ERROR: Site = Site::fault(
    "storage.write-error",
    Shape::OneOf {
        rate: 0.003,
        variants: &["1st", "2nd", "3rd", "4th"],
    },
    "that write of a turn is refused: the handler sees an error",
);

pub(super) const FAULTS: &[&Site] = &[
    &STORAGE_SLOW,
    &STORAGE_FLUSH_FAILS,
    &STORAGE_LOST_SUFFIX,
    &STORAGE_STALE_CACHE,
    &STORAGE_WRITE_ERROR,
];
