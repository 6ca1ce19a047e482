//! What an agent with a known bug fails to see in its state. Without one it sees everything.

use runtime::{event::Offset, object::Context, quirk::Quirk};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oversight {
    /// Triggers at or below this are not answered. Quirk B-28: the anchor silences the trigger
    /// itself, not only its side effects (V0).
    pub ignored_through: Offset,
    /// Quirk B-40: a pending trigger is in the state, and nobody looks there: only an input that comes
    /// just now is acted on.
    pub of_pending: bool,
    /// Quirk X-1: what was queued counts when a request ends, and at no other time.
    pub of_queue: bool,
    /// Quirk B-25: a scheduled request is its timer's business, and the timer is in memory.
    pub of_lost_timers: bool,
    /// Quirk B-51: a request that failed has ended like any other.
    pub of_failures: bool,
}

impl Oversight {
    /// `is_triggered`: a triggering input comes just now.
    pub fn of(context: &Context, side_effects_after: Offset, is_triggered: bool) -> Self {
        Oversight {
            ignored_through: match context.quirk(Quirk::B28) {
                true => side_effects_after,
                false => Offset::ZERO,
            },
            of_pending: context.quirk(Quirk::B40) && !is_triggered,
            of_queue: context.quirk(Quirk::X1),
            of_lost_timers: context.quirk(Quirk::B25),
            of_failures: context.quirk(Quirk::B51),
        }
    }
}
