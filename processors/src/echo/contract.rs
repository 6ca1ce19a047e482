//! The echo's events and state.

use runtime::{
    event::{EventType, Offset},
    processor::{Catalogue, Contract, EventDefinition},
};
use serde::{Deserialize, Serialize};

pub const SLUG: &str = "echo";

pub const EXAMPLE: EventType = EventType::of("events.iterate.com/echo/example");
pub const ECHOED: EventType = EventType::of("events.iterate.com/echo/echoed");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(EXAMPLE, "Something to be echoed."),
        EventDefinition::new(ECHOED, "The echo of an example."),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Echoes every example.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[EXAMPLE],
    emits: &[ECHOED],
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echoed {
    /// The offset of the example.
    pub of: Offset,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    /// Examples so far.
    pub heard: u64,
    pub last_message: String,
}
