//! How an execution ended, and what of it is appended: one atomic batch, decided against the head
//! (spec §5.4, step 6; audit 2.3).
//!
//! The output and the agent's completion go in only while the request is still the agent's current
//! one; the provider's completion goes in once, whatever became of the request.

use super::{
    history::History,
    request::{ProviderLlmRequestCompleted, ProviderResult, ProviderState},
};
use crate::agent::contract::{
    LlmError, LlmRequestCompleted, LlmResult, OutputAdded, LLM_REQUEST_COMPLETED, OUTPUT_ADDED,
};
use runtime::event::{EventInput, Offset};
use serde_json::Value;
use std::sync::Arc;

/// What the model said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub text: String,
    pub response_id: Option<String>,
    pub usage: Option<Value>,
}

/// What came of asking the service.
pub struct Conversation {
    pub connection_id: Option<Arc<str>>,
    /// The frames that went over a socket, and how it ended. Kept until now, so that recording
    /// them neither slows the socket nor costs an append each.
    pub records: Vec<EventInput>,
    pub result: Result<Answer, String>,
}

pub struct Outcome {
    pub request: Offset,
    pub duration_ms: u64,
    pub conversation: Conversation,
}

impl Outcome {
    /// What is to be appended at this head; nothing if it was before.
    pub fn events<S: ProviderState>(&self, head: &History<S>) -> Vec<EventInput> {
        if head.ended.contains(&self.request.0) {
            return Vec::new();
        }
        let is_current = head.agent.is_requested(self.request);
        let mut events = self.conversation.records.clone();
        if is_current {
            events.extend(self.output::<S>());
        }
        events.push(self.provider_completed::<S>());
        if is_current {
            events.push(self.agent_completed::<S>());
        }
        events
    }

    fn output<S: ProviderState>(&self) -> Option<EventInput> {
        let answer = self.conversation.result.as_ref().ok()?;
        let output = OutputAdded {
            content: answer.text.as_str().into(),
            llm_request_id: Some(self.request),
        };
        let key = S::contract().key_at("agent-output-added", self.request);
        Some(EventInput::new(OUTPUT_ADDED, output).keyed(key))
    }

    fn provider_completed<S: ProviderState>(&self) -> EventInput {
        let (result, response_id) = match &self.conversation.result {
            Ok(answer) => {
                let success = ProviderResult::Success {
                    raw_response: None,
                    usage: answer.usage.clone(),
                };
                (success, answer.response_id.clone())
            }
            Err(message) => {
                let failure = ProviderResult::Failure {
                    error: error(message),
                    raw_response: None,
                };
                (failure, None)
            }
        };
        let completed = ProviderLlmRequestCompleted {
            llm_request_id: self.request,
            duration_ms: self.duration_ms,
            result,
            connection_id: self.conversation.connection_id.clone(),
            response_id,
        };
        EventInput::new(S::COMPLETED, completed)
            .keyed(S::contract().key_at("provider-llm-request-completed", self.request))
    }

    fn agent_completed<S: ProviderState>(&self) -> EventInput {
        let result = match &self.conversation.result {
            Ok(answer) => LlmResult::Success {
                raw_response: None,
                usage: answer.usage.clone(),
                provider_response_id: answer.response_id.clone(),
            },
            Err(message) => LlmResult::Failure {
                error: error(message),
                raw_response: None,
                provider_response_id: None,
            },
        };
        let completed = LlmRequestCompleted {
            llm_request_id: self.request,
            provider: S::contract().slug.into(),
            duration_ms: self.duration_ms,
            result,
        };
        EventInput::new(LLM_REQUEST_COMPLETED, completed)
            .keyed(S::contract().key_at("agent-llm-request-completed", self.request))
    }
}

fn error(message: &str) -> LlmError {
    LlmError {
        message: message.to_owned(),
    }
}
