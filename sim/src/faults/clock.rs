//! Faults of an object's wall clock. Simulated time, and so every sleep, is not affected.
//!
//! Skew and jump together stay below 4 minutes, because Slack's signatures are good for 5 (peers §4.6).

use crate::choice::{Shape, Site};

const SKEW: Shape = Shape::Delay {
    rate: 0.1,
    min_ms: 10,
    max_ms: 60_000,
};

const JUMP: Shape = Shape::Delay {
    rate: 0.1,
    min_ms: 10,
    max_ms: 150_000,
};

pub static CLOCK_SKEW_BEHIND: Site = Site::fault(
    "clock.skew-behind",
    SKEW,
    "all clocks of the object are that much behind, in every incarnation",
)
.planned()
.rated_by("range below the five minutes of peers §4.6");

pub static CLOCK_SKEW_AHEAD: Site = Site::fault(
    "clock.skew-ahead",
    SKEW,
    "all clocks of the object are that much ahead, in every incarnation",
)
.planned()
.rated_by("range below the five minutes of peers §4.6");

pub static CLOCK_JUMP_BACK: Site = Site::fault(
    "clock.jump-back",
    JUMP,
    "the object is restarted where the clock is that much behind",
)
.planned()
.rated_by("range below the five minutes of peers §4.6");

pub static CLOCK_JUMP_FORWARD: Site = Site::fault(
    "clock.jump-forward",
    JUMP,
    "the object is restarted where the clock is that much ahead",
)
.planned()
.rated_by("range below the five minutes of peers §4.6");

pub(super) const FAULTS: &[&Site] = &[
    &CLOCK_SKEW_BEHIND,
    &CLOCK_SKEW_AHEAD,
    &CLOCK_JUMP_BACK,
    &CLOCK_JUMP_FORWARD,
];
