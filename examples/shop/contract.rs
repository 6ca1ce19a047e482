//! What happens in the shop, and what its keeper knows.

use runtime::{
    event::EventType,
    processor::{Catalogue, Contract, EventDefinition},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The processor's name, everywhere.
pub const SLUG: &str = "stock-keeper";

pub const DELIVERED: EventType = EventType::of("shop/delivered");
pub const SOLD: EventType = EventType::of("shop/sold");
pub const ORDERED: EventType = EventType::of("shop/ordered");

/// With fewer than this on the shelf, more is ordered.
pub const LOW: i64 = 3;

/// The event types that the keeper owns.
pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(DELIVERED, "Something came in."),
        EventDefinition::new(SOLD, "Something went out."),
        EventDefinition::new(ORDERED, "Something ran low, and more was ordered."),
    ],
};

/// What a stream is told when the keeper subscribes. It is checked when the keeper is built: a type
/// that is consumed or emitted, and owned by nobody or by two, is an error that names it.
pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Orders more of what runs low.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[DELIVERED, SOLD],
    emits: &[ORDERED],
};

/// The payload of `delivered` and of `sold`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moved {
    pub item: String,
    pub count: i64,
}

/// The payload of `ordered`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ordered {
    pub item: String,
}

/// The keeper's state: what its checkpoint holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stock {
    /// What is on the shelf, by item.
    pub on_shelf: BTreeMap<String, i64>,
}

impl Stock {
    pub fn is_low(&self, item: &str) -> bool {
        self.on_shelf.get(item).copied().unwrap_or_default() < LOW
    }
}
