//! The agent-host contract (spec §5.3), as far as it is built: it owns no events and has no state.

use runtime::{
    processor::{Catalogue, Contract},
    stream::contract::{self as core, CHILD_STREAM_CREATED},
};
use serde::{Deserialize, Serialize};

pub const SLUG: &str = "agent-host";

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Boots the agents of the streams that are created below an agent's.",
    events: &Catalogue {
        owner: SLUG,
        events: &[],
    },
    dependencies: &[&core::CATALOGUE],
    consumes: &[CHILD_STREAM_CREATED],
    emits: &[],
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {}
