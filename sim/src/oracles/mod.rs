//! Oracles (design §8): each a small file that says what it reads, what it asserts, and what it
//! does not. They read [`Evidence`] and nothing else.
//!
//! Universal ones stand here (spec §7.8); those that know a domain stand beside their scenarios.
//! Each is shown to fire by a wrong [`History`] in its own tests.

mod deliveries_increase;
mod difference;
mod evidence;
mod history;
mod keys_are_unique;
mod offsets_are_dense;
mod quiescence;
mod state_is_fold;

pub use deliveries_increase::DeliveriesIncrease;
pub(crate) use evidence::{read_core_states, read_logs, read_processors};
pub use evidence::{Evidence, Observation, Quiescence, StoredProcessor};
pub use history::{Entry, History};
pub use keys_are_unique::KeysAreUnique;
pub use offsets_are_dense::OffsetsAreDense;
pub use quiescence::Quiesces;
pub use state_is_fold::StateIsFold;

use crate::world::FailureKind;

/// What an oracle found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// With the oracle's name, the key of the failure; stable across seeds and builds.
    pub class: &'static str,
    pub kind: FailureKind,
    /// For people, with the offending values.
    pub message: String,
}

impl Violation {
    pub fn safety(class: &'static str, message: String) -> Self {
        Violation {
            class,
            kind: FailureKind::Safety,
            message,
        }
    }

    pub fn liveness(class: &'static str, message: String) -> Self {
        Violation {
            class,
            kind: FailureKind::Liveness,
            message,
        }
    }
}

pub trait Oracle: Sync {
    /// The first half of its failures' keys.
    fn name(&self) -> &'static str;

    /// One sentence for `streamsim list`.
    fn asserts(&self) -> &'static str;

    /// # Errors
    /// The first violation.
    fn judge(&self, evidence: &Evidence) -> Result<(), Violation>;
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use runtime::event::EventType;

    pub const TICK: EventType = EventType::of("test/tick");

    /// An event that nobody reads.
    pub fn tick() -> Entry {
        Entry::new(TICK, serde_json::json!({}))
    }
}
