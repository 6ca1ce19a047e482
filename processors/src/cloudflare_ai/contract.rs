//! The cloudflare-ai contract (spec §5.4): its event types, their payloads, its state. What every
//! provider has is in `model_request/request.rs`. The model and its options come with each request.

pub use crate::model_request::request::{
    AttemptFailure, LlmRequestAttemptFailed, ProviderLlmRequestCompleted, ProviderResult, Request,
    RequestStatus,
};
use crate::{
    agent::{
        contract::{
            self as agent, LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED,
            OUTPUT_ADDED,
        },
        selection::{self, LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
    },
    model_request::request::{ProviderState, Requests},
};
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    processor::{Catalogue, Contract, EventDefinition},
    stream::contract::{self as core, SubscriberConnected, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

pub const PROVIDER: Provider = Provider::CloudflareAi;
pub const SLUG: &str = PROVIDER.slug();

pub const LLM_REQUEST_STARTED: EventType =
    EventType::of("events.iterate.com/cloudflare-ai/llm-request-started");
pub const PROVIDER_LLM_REQUEST_COMPLETED: EventType =
    EventType::of("events.iterate.com/cloudflare-ai/llm-request-completed");
pub const LLM_REQUEST_ATTEMPT_FAILED: EventType =
    EventType::of("events.iterate.com/cloudflare-ai/llm-request-attempt-failed");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(LLM_REQUEST_STARTED, "An execution of a request began."),
        EventDefinition::new(
            PROVIDER_LLM_REQUEST_COMPLETED,
            "An execution came to its end.",
        ),
        EventDefinition::new(
            LLM_REQUEST_ATTEMPT_FAILED,
            "An execution died with its host.",
        ),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Executes model requests over the REST API of Workers AI, side by side.",
    events: &CATALOGUE,
    dependencies: &[&agent::CATALOGUE, &selection::CATALOGUE, &core::CATALOGUE],
    consumes: &[
        LLM_REQUEST_STARTED,
        PROVIDER_LLM_REQUEST_COMPLETED,
        LLM_PROVIDER_SELECTED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_CANCELLED,
        LLM_REQUEST_COMPLETED,
        SUBSCRIBER_CONNECTED,
    ],
    emits: &[
        LLM_REQUEST_STARTED,
        PROVIDER_LLM_REQUEST_COMPLETED,
        LLM_REQUEST_ATTEMPT_FAILED,
        OUTPUT_ADDED,
        LLM_REQUEST_COMPLETED,
    ],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestStarted {
    pub llm_request_id: Offset,
    pub model: Arc<str>,
    pub run_opts: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    pub requests: Requests,
    /// Whom a request is for that comes now.
    pub selected_provider: Provider,
}

impl State {
    pub fn reduce(&mut self, offset: Offset, consumed: &Consumed) {
        match consumed {
            Consumed::Requested(_) => {
                let is_for_another = self.selected_provider != PROVIDER;
                self.requests.request(offset, is_for_another);
            }
            Consumed::Started(started) => self.requests.start(started.llm_request_id),
            Consumed::Completed(completed) => self.requests.end(completed.llm_request_id),
            Consumed::AgentCompleted(completed) => self.requests.end(completed.llm_request_id),
            Consumed::Cancelled(cancelled) => self.requests.cancel(cancelled),
            Consumed::ProviderSelected(selected) => {
                self.selected_provider = selected.known().unwrap_or(self.selected_provider);
            }
            Consumed::SubscriberConnected(_) => {}
        }
    }
}

impl ProviderState for State {
    const COMPLETED: EventType = PROVIDER_LLM_REQUEST_COMPLETED;
    const ATTEMPT_FAILED: EventType = LLM_REQUEST_ATTEMPT_FAILED;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if let Some(consumed) = Consumed::parse(event)? {
            self.reduce(event.offset, &consumed);
        }
        Ok(())
    }

    fn requests(&self) -> &Requests {
        &self.requests
    }
}

/// A consumed event, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consumed {
    Started(LlmRequestStarted),
    Completed(ProviderLlmRequestCompleted),
    ProviderSelected(LlmProviderSelected),
    Requested(agent::LlmRequestRequested),
    Cancelled(agent::LlmRequestCancelled),
    AgentCompleted(agent::LlmRequestCompleted),
    SubscriberConnected(SubscriberConnected),
}

impl Consumed {
    /// Parses an event; `None` for a type that this processor does not consume.
    ///
    /// # Errors
    /// The payload does not fit the type.
    pub fn parse(event: &Event) -> Result<Option<Self>, PayloadError> {
        Ok(Some(match &event.kind {
            kind if *kind == LLM_REQUEST_STARTED => Consumed::Started(event.payload()?),
            kind if *kind == PROVIDER_LLM_REQUEST_COMPLETED => {
                Consumed::Completed(event.payload()?)
            }
            kind if *kind == LLM_PROVIDER_SELECTED => Consumed::ProviderSelected(event.payload()?),
            kind if *kind == LLM_REQUEST_REQUESTED => Consumed::Requested(event.payload()?),
            kind if *kind == LLM_REQUEST_CANCELLED => Consumed::Cancelled(event.payload()?),
            kind if *kind == LLM_REQUEST_COMPLETED => Consumed::AgentCompleted(event.payload()?),
            kind if *kind == SUBSCRIBER_CONNECTED => {
                Consumed::SubscriberConnected(event.payload()?)
            }
            _ => return Ok(None),
        }))
    }
}
