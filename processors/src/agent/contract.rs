//! The agent's contract (spec §5.1): its event types, their payloads, its state.
//!
//! Payloads and state are the wire forms of V1, with additions that all default to absent:
//!
//! - `firstPendingTriggerOffset` and `followUpSourceOffset` in the state only choose idempotency keys.
//! - `consecutiveFailures` and `untoldFailure` in the state, and `failedLlmRequestId` in `input-added`,
//!   are what a request that failed is repeated by (#1716, #1826): they decide transitions. V1 has
//!   none of them; what it wrote reads as: nothing has failed.

use crate::codemode::contract::{self as codemode, ToolProvider, TOOL_PROVIDER_REGISTERED};
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    processor::{Catalogue, Contract, EventDefinition},
    stream::contract::{self as core, SubscriberConnected, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

pub const SLUG: &str = "agent";

pub const SYSTEM_PROMPT_UPDATED: EventType =
    EventType::of("events.iterate.com/agent/system-prompt-updated");
pub const INPUT_ADDED: EventType = EventType::of("events.iterate.com/agent/input-added");
pub const OUTPUT_ADDED: EventType = EventType::of("events.iterate.com/agent/output-added");
pub const LLM_CONFIG_UPDATED: EventType =
    EventType::of("events.iterate.com/agent/llm-config-updated");
pub const LLM_REQUEST_SCHEDULED: EventType =
    EventType::of("events.iterate.com/agent/llm-request-scheduled");
pub const LLM_REQUEST_REQUESTED: EventType =
    EventType::of("events.iterate.com/agent/llm-request-requested");
pub const LLM_REQUEST_COMPLETED: EventType =
    EventType::of("events.iterate.com/agent/llm-request-completed");
pub const LLM_REQUEST_CANCELLED: EventType =
    EventType::of("events.iterate.com/agent/llm-request-cancelled");
pub const LLM_REQUEST_QUEUED: EventType =
    EventType::of("events.iterate.com/agent/llm-request-queued");
pub const STATUS_UPDATED: EventType = EventType::of("events.iterate.com/agent/status-updated");
pub const CAPABILITY_NOTED: EventType = EventType::of("events.iterate.com/agent/capability-noted");

/// What the agent owns.
pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(SYSTEM_PROMPT_UPDATED, "The system prompt was replaced."),
        EventDefinition::new(INPUT_ADDED, "Something that the model shall read."),
        EventDefinition::new(OUTPUT_ADDED, "What the model answered."),
        EventDefinition::new(LLM_CONFIG_UPDATED, "Model, options and debounce."),
        EventDefinition::new(
            LLM_REQUEST_SCHEDULED,
            "A model request waits for its debounce.",
        ),
        EventDefinition::new(
            LLM_REQUEST_REQUESTED,
            "A model request, for a provider to execute.",
        ),
        EventDefinition::new(
            LLM_REQUEST_COMPLETED,
            "A provider brought a request to its end.",
        ),
        EventDefinition::new(LLM_REQUEST_CANCELLED, "An input interrupted a request."),
        EventDefinition::new(
            LLM_REQUEST_QUEUED,
            "An input waits for the request under way.",
        ),
        EventDefinition::new(STATUS_UPDATED, "The agent began or stopped working."),
        EventDefinition::new(CAPABILITY_NOTED, "A capability that the model may use."),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Collects inputs and asks for model requests, one at a time.",
    events: &CATALOGUE,
    dependencies: &[&core::CATALOGUE, &codemode::CATALOGUE],
    consumes: &[
        SYSTEM_PROMPT_UPDATED,
        INPUT_ADDED,
        OUTPUT_ADDED,
        LLM_CONFIG_UPDATED,
        LLM_REQUEST_SCHEDULED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_COMPLETED,
        LLM_REQUEST_CANCELLED,
        LLM_REQUEST_QUEUED,
        STATUS_UPDATED,
        CAPABILITY_NOTED,
        TOOL_PROVIDER_REGISTERED,
        SUBSCRIBER_CONNECTED,
    ],
    emits: &[
        INPUT_ADDED,
        LLM_REQUEST_SCHEDULED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_CANCELLED,
        LLM_REQUEST_QUEUED,
        STATUS_UPDATED,
    ],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemPromptUpdated {
    pub system_prompt: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputAdded {
    pub content: Arc<str>,
    #[serde(default)]
    pub llm_request_policy: LlmRequestPolicy,
    /// The request that failed, if that is what this input tells (#1716): nobody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_llm_request_id: Option<Offset>,
}

impl InputAdded {
    pub fn new(content: impl Into<Arc<str>>, behaviour: Behaviour) -> Self {
        InputAdded {
            content: content.into(),
            llm_request_policy: LlmRequestPolicy { behaviour },
            failed_llm_request_id: None,
        }
    }

    /// The model is asked again, and told that a request failed.
    pub fn of_failure(content: impl Into<Arc<str>>, failed: Offset) -> Self {
        InputAdded {
            failed_llm_request_id: Some(failed),
            ..InputAdded::new(content, Behaviour::default())
        }
    }

    /// It asks for a request, and is not the agent's own note of one that failed. Whether a person said
    /// it, a webhook or another agent, makes no difference.
    pub fn asks_anew(&self) -> bool {
        self.triggers() && self.failed_llm_request_id.is_none()
    }

    /// The model must be asked about this input.
    pub fn triggers(&self) -> bool {
        self.llm_request_policy.behaviour != Behaviour::DontTriggerRequest
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmRequestPolicy {
    pub behaviour: Behaviour,
}

/// What an input does to the model request under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    DontTriggerRequest,
    InterruptCurrentRequest,
    #[default]
    AfterCurrentRequest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputAdded {
    pub content: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_request_id: Option<Offset>,
}

/// The payload of `llm-config-updated`, and the part of the state that it replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmConfig {
    #[serde(deserialize_with = "not_empty")]
    pub model: Arc<str>,
    #[serde(default = "no_options")]
    pub run_opts: Value,
    #[serde(default = "default_debounce_ms")]
    pub debounce_ms: u64,
}

impl Default for LlmConfig {
    fn default() -> Self {
        LlmConfig {
            model: "@cf/moonshotai/kimi-k2.5".into(),
            run_opts: no_options(),
            debounce_ms: default_debounce_ms(),
        }
    }
}

fn no_options() -> Value {
    Value::Object(Map::new())
}

fn default_debounce_ms() -> u64 {
    1_000
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestScheduled {
    pub request_id: Arc<str>,
    pub debounce_ms: u64,
    #[serde(deserialize_with = "not_empty")]
    pub model: Arc<str>,
}

/// By reference: a provider builds the chat from the stream up to this event, whose offset is the
/// request's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestRequested {
    #[serde(deserialize_with = "not_empty")]
    pub model: Arc<str>,
    #[serde(default = "no_options")]
    pub run_opts: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestCompleted {
    pub llm_request_id: Offset,
    #[serde(deserialize_with = "not_empty")]
    pub provider: Arc<str>,
    pub duration_ms: u64,
    pub result: LlmResult,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum LlmResult {
    Success {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_response_id: Option<String>,
    },
    Failure {
        error: LlmError,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_response_id: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmError {
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmRequestCancelled {
    #[serde(flatten)]
    pub cancelled: CancelledRequest,
    pub reason: CancelReason,
}

/// Which request was cancelled, by the phase it was in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "phase",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum CancelledRequest {
    Scheduled { request_id: Arc<str> },
    Requested { llm_request_id: Offset },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    InterruptedByUserInput,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmRequestQueued {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusUpdated {
    pub status: Status,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm_request_id: Option<Offset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Working,
    Idle,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapabilityNoted {
    pub instructions: String,
    pub name: String,
}

/// The agent's reduced state; see `reducer.rs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    pub system_prompt: Arc<str>,
    pub history: Vec<Message>,
    pub llm_config: LlmConfig,
    pub current_request: Option<CurrentRequest>,
    /// Queued events since the last scheduled request.
    pub pending_trigger_count: u64,
    /// The last triggering input that no request covers (#1481).
    pub pending_trigger_offset: Option<Offset>,
    /// The first such input: what it leads to is keyed by it.
    pub first_pending_trigger_offset: Option<Offset>,
    /// What a request for the queued inputs is keyed by: the terminal of the request that they
    /// waited for, or the queued event itself if that came after it.
    pub follow_up_source_offset: Option<Offset>,
    /// Requests that failed one after the other since somebody last asked, or was answered.
    pub consecutive_failures: u32,
    /// The last of them, until the model is asked again.
    pub untold_failure: Option<FailedRequest>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRequest {
    pub llm_request_id: Offset,
    /// Where the stream says so.
    pub terminal_offset: Offset,
    pub message: Arc<str>,
}

impl Default for State {
    fn default() -> Self {
        State {
            system_prompt: DEFAULT_SYSTEM_PROMPT.into(),
            history: Vec::new(),
            llm_config: LlmConfig::default(),
            current_request: None,
            pending_trigger_count: 0,
            pending_trigger_offset: None,
            first_pending_trigger_offset: None,
            follow_up_source_offset: None,
            consecutive_failures: 0,
            untold_failure: None,
        }
    }
}

pub const DEFAULT_SYSTEM_PROMPT: &str = "You are a helpful assistant.";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

/// The request under way; there is at most one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "phase",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum CurrentRequest {
    Scheduled {
        request_id: Arc<str>,
        /// Absent in a checkpoint of V0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduled_offset: Option<Offset>,
    },
    Requested {
        llm_request_id: Offset,
    },
}

/// A consumed event, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consumed {
    SystemPromptUpdated(SystemPromptUpdated),
    InputAdded(InputAdded),
    OutputAdded(OutputAdded),
    LlmConfigUpdated(LlmConfig),
    Scheduled(LlmRequestScheduled),
    Requested(LlmRequestRequested),
    Completed(LlmRequestCompleted),
    Cancelled(LlmRequestCancelled),
    Queued(LlmRequestQueued),
    StatusUpdated(StatusUpdated),
    CapabilityNoted(CapabilityNoted),
    ToolProviderRegistered(ToolProvider),
    SubscriberConnected(SubscriberConnected),
}

impl Consumed {
    /// Parses an event; `None` for a type that the agent does not consume.
    ///
    /// # Errors
    /// The payload does not fit the type.
    pub fn parse(event: &Event) -> Result<Option<Self>, PayloadError> {
        Ok(Some(match &event.kind {
            kind if *kind == INPUT_ADDED => Consumed::InputAdded(event.payload()?),
            kind if *kind == OUTPUT_ADDED => Consumed::OutputAdded(event.payload()?),
            kind if *kind == LLM_REQUEST_SCHEDULED => Consumed::Scheduled(event.payload()?),
            kind if *kind == LLM_REQUEST_REQUESTED => Consumed::Requested(event.payload()?),
            kind if *kind == LLM_REQUEST_COMPLETED => Consumed::Completed(event.payload()?),
            kind if *kind == LLM_REQUEST_CANCELLED => Consumed::Cancelled(event.payload()?),
            kind if *kind == LLM_REQUEST_QUEUED => Consumed::Queued(event.payload()?),
            kind if *kind == STATUS_UPDATED => Consumed::StatusUpdated(event.payload()?),
            kind if *kind == SYSTEM_PROMPT_UPDATED => {
                Consumed::SystemPromptUpdated(event.payload()?)
            }
            kind if *kind == LLM_CONFIG_UPDATED => Consumed::LlmConfigUpdated(event.payload()?),
            kind if *kind == CAPABILITY_NOTED => Consumed::CapabilityNoted(event.payload()?),
            kind if *kind == TOOL_PROVIDER_REGISTERED => {
                Consumed::ToolProviderRegistered(event.payload()?)
            }
            kind if *kind == SUBSCRIBER_CONNECTED => {
                Consumed::SubscriberConnected(event.payload()?)
            }
            _ => return Ok(None),
        }))
    }
}

/// A string of at least one character (`str≥1` in the spec).
pub(crate) fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    let text = Arc::<str>::deserialize(deserializer)?;
    match text.is_empty() {
        true => Err(serde::de::Error::custom("must not be empty")),
        false => Ok(text),
    }
}
