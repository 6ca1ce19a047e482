//! The openai-ws contract (spec §5.4): its event types, their payloads, its state.
//!
//! The state holds the requests that have no terminal yet, and nothing of those that have: it does
//! not grow. `requested` is folded too, so a crash before `started` leaves the debt visible (B-52).

use crate::agent::{
    contract::{
        self as agent, not_empty, LlmError, LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED,
        LLM_REQUEST_REQUESTED, OUTPUT_ADDED,
    },
    selection::{self, LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
};
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    processor::{Catalogue, Contract, EventDefinition},
    stream::contract::{self as core, SubscriberConnected, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

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
#[serde(rename_all = "camelCase")]
pub struct ProviderLlmRequestCompleted {
    pub llm_request_id: Offset,
    pub duration_ms: u64,
    pub result: ProviderResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum ProviderResult {
    Success {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
    },
    Failure {
        error: LlmError,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestAttemptFailed {
    pub llm_request_id: Offset,
    pub reason: AttemptFailure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptFailure {
    HostRestarted,
    Unrecoverable,
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
    pub requests: BTreeMap<u64, Request>,
    pub model: Arc<str>,
    /// Whom a request is for that comes now.
    pub selected_provider: Provider,
}

pub const DEFAULT_MODEL: &str = "gpt-5.5";

impl Default for State {
    fn default() -> Self {
        State {
            requests: BTreeMap::new(),
            model: DEFAULT_MODEL.into(),
            selected_provider: Provider::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub status: RequestStatus,
    /// Another provider was selected when it was made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_for_another: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestStatus {
    Requested,
    Started,
    /// Only in checkpoints of V1; here a request that ended leaves the state.
    Completed,
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
