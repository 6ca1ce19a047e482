//! The breaker's events and state (spec §1.14): a bucket of tokens, one for each event. Its time is
//! that of the events, so a replay counts as the first run did.

use runtime::{
    event::{EventType, Timestamp},
    processor::{Catalogue, Contract, EventDefinition, WILDCARD},
    stream::contract::{self as core, PAUSED, RESUMED, WOKEN},
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

pub const SLUG: &str = "circuit-breaker";

pub const CONFIGURED: EventType = EventType::of("events.iterate.com/circuit-breaker/configured");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[EventDefinition::new(
        CONFIGURED,
        "How many events may come at once, and how many a minute.",
    )],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Pauses a stream whose events come too fast.",
    events: &CATALOGUE,
    dependencies: &[&core::CATALOGUE],
    consumes: &[WILDCARD, PAUSED, RESUMED, WOKEN, CONFIGURED],
    emits: &[PAUSED],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configured {
    pub burst_capacity: NonZeroU64,
    pub refill_rate_per_minute: NonZeroU64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    /// Below zero the breaker has tripped.
    pub available_tokens: f64,
    /// The time of the last event that counted, in Unix milliseconds.
    pub last_refill_at_ms: Option<i64>,
    pub burst_capacity: NonZeroU64,
    pub refill_rate_per_minute: NonZeroU64,
}

impl Default for State {
    fn default() -> Self {
        let limit = |tokens| NonZeroU64::new(tokens).expect("not zero");
        let burst_capacity = limit(100_000);
        State {
            available_tokens: burst_capacity.get() as f64,
            last_refill_at_ms: None,
            burst_capacity,
            refill_rate_per_minute: limit(6_000_000),
        }
    }
}

impl State {
    pub fn is_tripped(&self) -> bool {
        self.available_tokens < 0.0
    }

    /// A full bucket, from here on.
    pub(super) fn fill(&mut self, at: Timestamp) {
        self.available_tokens = self.burst_capacity.get() as f64;
        self.last_refill_at_ms = Some(at.unix_ms);
    }

    /// Takes one token, after those that came since the last event. A clock that went back brings
    /// none, and takes none away (M3).
    pub(super) fn take(&mut self, at: Timestamp) {
        let capacity = self.burst_capacity.get() as f64;
        let refilled = match self.last_refill_at_ms {
            None => capacity,
            Some(last_ms) => {
                let elapsed_ms = at.unix_ms.saturating_sub(last_ms).max(0);
                let per_minute = self.refill_rate_per_minute.get() as f64;
                self.available_tokens + elapsed_ms as f64 * per_minute / 60_000.0
            }
        };
        self.available_tokens = refilled.min(capacity) - 1.0;
        self.last_refill_at_ms = Some(at.unix_ms);
    }
}
