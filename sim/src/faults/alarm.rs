//! Faults of alarms: late, or too often.

use crate::choice::{Shape, Site};

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

pub(super) const FAULTS: &[&Site] = &[&ALARM_LATE, &ALARM_TWICE];
