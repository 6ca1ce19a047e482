//! The openai-ws contract (spec §5.4): its event types, their payloads, its state.
//!
//! What every provider has is in `model_request/request.rs`.

pub use crate::model_request::request::{
    AttemptFailure, LlmRequestAttemptFailed, ProviderLlmRequestCompleted, ProviderResult, Request,
    RequestStatus,
};
use crate::{
    agent::{
        contract::{
            self as agent, not_empty, LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED,
            LLM_REQUEST_REQUESTED, OUTPUT_ADDED,
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

pub const PROVIDER: Provider = Provider::OpenAiWs;
pub const SLUG: &str = PROVIDER.slug();

pub const LLM_REQUEST_STARTED: EventType =
    EventType::of("events.iterate.com/openai-ws/llm-request-started");
pub const PROVIDER_LLM_REQUEST_COMPLETED: EventType =
    EventType::of("events.iterate.com/openai-ws/llm-request-completed");
pub const LLM_REQUEST_ATTEMPT_FAILED: EventType =
    EventType::of("events.iterate.com/openai-ws/llm-request-attempt-failed");
pub const CONFIG_UPDATED: EventType = EventType::of("events.iterate.com/openai-ws/config-updated");
pub const WEBSOCKET_CONNECTED: EventType =
    EventType::of("events.iterate.com/openai-ws/websocket-connected");
pub const WEBSOCKET_DISCONNECTED: EventType =
    EventType::of("events.iterate.com/openai-ws/websocket-disconnected");
pub const WEBSOCKET_MESSAGE_SENT: EventType =
    EventType::of("events.iterate.com/openai-ws/websocket-message-sent");
pub const WEBSOCKET_MESSAGE_RECEIVED: EventType =
    EventType::of("events.iterate.com/openai-ws/websocket-message-received");

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
        EventDefinition::new(CONFIG_UPDATED, "The model to ask."),
        EventDefinition::new(WEBSOCKET_CONNECTED, "A socket to the service was opened."),
        EventDefinition::new(WEBSOCKET_DISCONNECTED, "A socket was closed or lost."),
        EventDefinition::new(WEBSOCKET_MESSAGE_SENT, "A frame that was sent."),
        EventDefinition::new(WEBSOCKET_MESSAGE_RECEIVED, "A frame that was received."),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Executes model requests over one WebSocket to OpenAI, one after the other.",
    events: &CATALOGUE,
    dependencies: &[&agent::CATALOGUE, &selection::CATALOGUE, &core::CATALOGUE],
    consumes: &[
        LLM_REQUEST_STARTED,
        PROVIDER_LLM_REQUEST_COMPLETED,
        CONFIG_UPDATED,
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
        WEBSOCKET_CONNECTED,
        WEBSOCKET_DISCONNECTED,
        WEBSOCKET_MESSAGE_SENT,
        WEBSOCKET_MESSAGE_RECEIVED,
        OUTPUT_ADDED,
        LLM_REQUEST_COMPLETED,
    ],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestStarted {
    #[serde(deserialize_with = "not_empty")]
    pub connection_id: Arc<str>,
    pub llm_request_id: Offset,
    pub model: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigUpdated {
    #[serde(deserialize_with = "not_empty")]
    pub model: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebsocketConnected {
    pub connection_id: Arc<str>,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebsocketDisconnected {
    pub connection_id: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_clean: Option<bool>,
}

/// The payload of both message events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebsocketMessage {
    pub connection_id: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_request_id: Option<Offset>,
    pub sequence: u64,
    pub message: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// The requests without a terminal, by their id.
    pub requests: Requests,
    pub model: Arc<str>,
    /// Whom a request is for that comes now.
    pub selected_provider: Provider,
}

pub const DEFAULT_MODEL: &str = "gpt-5.5";

impl Default for State {
    fn default() -> Self {
        State {
            requests: Requests::default(),
            model: DEFAULT_MODEL.into(),
            selected_provider: Provider::default(),
        }
    }
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
            Consumed::ConfigUpdated(config) => self.model = config.model.clone(),
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
    ConfigUpdated(ConfigUpdated),
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
            kind if *kind == CONFIG_UPDATED => Consumed::ConfigUpdated(event.payload()?),
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
