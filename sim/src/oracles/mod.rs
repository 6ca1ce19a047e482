//! Oracles (design §8): each a small file that says what it reads, what it asserts, and what it
//! does not. They read [`Evidence`] and nothing else.
//!
//! Universal ones stand here (spec §7.8); those that know a domain stand beside their scenarios.
//! Each is shown to fire by a wrong [`History`] in its own tests.

mod announcements;
mod connections;
mod deadlock;
mod deliveries_increase;
mod difference;
mod evidence;
mod filter;
mod history;
mod keys_are_unique;
mod log_is_kept;
mod offsets_are_dense;
mod quiescence;
mod recoveries;
mod state_is_fold;
mod subscriptions;

pub use announcements::Announcements;
pub use connections::Connections;
pub use deadlock::Deadlocks;
pub use deliveries_increase::DeliveriesIncrease;
pub(crate) use evidence::{
    read_anchors, read_core_states, read_logs, read_processors, read_rewritten,
};
pub use evidence::{Evidence, Observation, Quiescence, StoredAnchor, StoredProcessor};
pub use filter::Filter;
pub use history::{Entry, History};
pub use keys_are_unique::KeysAreUnique;
pub use log_is_kept::LogIsKept;
pub use offsets_are_dense::OffsetsAreDense;
pub use quiescence::Quiesces;
pub use recoveries::{Deaths, Recoveries};
pub use state_is_fold::StateIsFold;
pub use subscriptions::Subscriptions;

use crate::world::FailureKind;

/// What an oracle found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// With the oracle's name, the key of the failure; stable across seeds and builds.
    pub class: &'static str,
    pub kind: FailureKind,
    /// For people, with the offending values.
    pub message: String,
    /// The message says itself why nothing comes any more.
    pub tells_stall: bool,
}

impl Violation {
    pub fn safety(class: &'static str, message: String) -> Self {
        Violation {
            class,
            kind: FailureKind::Safety,
            message,
            tells_stall: false,
        }
    }

    pub fn liveness(class: &'static str, message: String) -> Self {
        Violation {
            class,
            kind: FailureKind::Liveness,
            message,
            tells_stall: false,
        }
    }

    /// A liveness failure whose message is the chain of waits itself.
    pub fn stall(class: &'static str, message: String) -> Self {
        Violation {
            tells_stall: true,
            ..Violation::liveness(class, message)
        }
    }
}

pub trait Oracle: Sync {
    /// The first half of its failures' keys.
    fn name(&self) -> &'static str;

    /// One sentence for `streamsim list`.
    fn asserts(&self) -> &'static str;

    /// Counts the cases that it looked at and found right, so that a sweep can tell an oracle that
    /// had nothing to judge from one that was content. 0: this world had none.
    ///
    /// # Errors
    /// The first violation.
    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation>;
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use runtime::{
        event::{Event, EventType, PayloadError},
        processor::{Catalogue, Contract, EventDefinition, Processor},
    };
    use serde::{Deserialize, Serialize};
    use serde_json::Value;

    pub const TICK: EventType = EventType::of("test/tick");

    /// The binding of the counter's host.
    pub const COUNTER: &str = "COUNTER";

    /// An event that only the counter reads.
    pub fn tick() -> Entry {
        Entry::new(TICK, serde_json::json!({}))
    }

    /// Counts ticks, and refuses those that are none.
    pub struct Counter;

    #[derive(Clone, Default, Serialize, Deserialize)]
    pub struct Count {
        pub ticks: u64,
    }

    static CATALOGUE: Catalogue = Catalogue {
        owner: "counter",
        events: &[EventDefinition::new(TICK, "counts")],
    };

    static CONTRACT: Contract = Contract {
        slug: "counter",
        version: "0.1.0",
        description: "Counts.",
        events: &CATALOGUE,
        dependencies: &[],
        consumes: &[TICK],
        emits: &[],
    };

    impl Processor for Counter {
        type State = Count;
        type Consumed = ();

        fn contract() -> &'static Contract {
            &CONTRACT
        }

        fn parse(event: &Event) -> Result<(), PayloadError> {
            event.payload::<serde_json::Map<String, Value>>().map(drop)
        }

        fn reduce(state: &mut Count, _: &Event, (): &()) {
            state.ticks += 1;
        }
    }
}
