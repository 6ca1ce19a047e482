//! The agent-host contract (spec §5.3): it owns no events.
//!
//! Production consumes every type, because whatever comes first makes it boot the agent of its own
//! stream. Here that agent's object hosts this processor and is up when anything is delivered, so what
//! it consumes is named.

use crate::{
    agent::{
        contract::{self as agent, OutputAdded, INPUT_ADDED, OUTPUT_ADDED},
        selection::{self, LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
    },
    codemode::contract::{
        self as codemode, ScriptExecutionCompleted, SCRIPT_EXECUTION_COMPLETED,
        SCRIPT_EXECUTION_REQUESTED,
    },
};
use runtime::{
    event::{Event, PayloadError},
    processor::{Catalogue, Contract},
    stream::contract::{
        self as core, ChildStreamCreated, SubscriptionConfigured, CHILD_STREAM_CREATED,
        SUBSCRIPTION_CONFIGURED,
    },
};
use serde::{Deserialize, Serialize};

pub const SLUG: &str = "agent-host";

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Boots the agents below this one, and has the scripts run that the model writes.",
    events: &Catalogue {
        owner: SLUG,
        events: &[],
    },
    dependencies: &[
        &core::CATALOGUE,
        &agent::CATALOGUE,
        &selection::CATALOGUE,
        &codemode::CATALOGUE,
    ],
    consumes: &[
        CHILD_STREAM_CREATED,
        SUBSCRIPTION_CONFIGURED,
        LLM_PROVIDER_SELECTED,
        OUTPUT_ADDED,
        SCRIPT_EXECUTION_COMPLETED,
    ],
    emits: &[
        SUBSCRIPTION_CONFIGURED,
        SCRIPT_EXECUTION_REQUESTED,
        INPUT_ADDED,
    ],
};

/// V1's agent-host has no state. This one knows whether the providers that were selected are subscribed:
/// also one that is selected no longer may have a request to bring to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    pub selected_providers: Vec<Provider>,
    pub subscribed_providers: Vec<Provider>,
}

/// A consumed event, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consumed {
    ChildStreamCreated(ChildStreamCreated),
    SubscriptionConfigured(SubscriptionConfigured),
    ProviderSelected(LlmProviderSelected),
    OutputAdded(OutputAdded),
    ScriptExecutionCompleted(ScriptExecutionCompleted),
}

impl Consumed {
    /// Parses an event of a consumed type.
    ///
    /// # Errors
    /// The payload does not fit the type.
    pub fn parse(event: &Event) -> Result<Self, PayloadError> {
        Ok(match &event.kind {
            kind if *kind == CHILD_STREAM_CREATED => Consumed::ChildStreamCreated(event.payload()?),
            kind if *kind == SUBSCRIPTION_CONFIGURED => {
                Consumed::SubscriptionConfigured(event.payload()?)
            }
            kind if *kind == LLM_PROVIDER_SELECTED => Consumed::ProviderSelected(event.payload()?),
            kind if *kind == OUTPUT_ADDED => Consumed::OutputAdded(event.payload()?),
            _ => Consumed::ScriptExecutionCompleted(event.payload()?),
        })
    }
}
