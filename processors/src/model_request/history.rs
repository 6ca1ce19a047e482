//! What a provider reads of the stream: its own state, the agent's, and where each open request cuts
//! the conversation (spec §5.4).
//!
//! A request's chat is the history up to and including its own event: the agent's history only
//! grows, so its length at that event, and the system prompt as of it, are all there is to remember.

use super::request::{ProviderLlmRequestCompleted, ProviderState};
use crate::agent::{
    contract::{self as agent, LlmRequestRequested, Message, Role},
    transaction::Fold,
};
use runtime::event::{Event, Offset, PayloadError};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How many ended requests are remembered: more than are ever finished out of order.
const ENDED_MAX: usize = 64;

/// What a provider sends for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub system_prompt: Arc<str>,
    /// How many messages of the history belong to it.
    pub messages: usize,
    /// As the agent asked.
    pub requested: LlmRequestRequested,
}

/// Where the output of a request stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPlace {
    pub request: Offset,
    pub message: usize,
}

#[derive(Clone, Debug, Default)]
pub struct History<S> {
    pub agent: agent::State,
    pub provider: S,
    /// The prompts of open requests.
    pub prompts: BTreeMap<u64, Prompt>,
    pub last_output: Option<OutputPlace>,
    /// The newest requests that have this provider's terminal.
    pub ended: BTreeSet<u64>,
    /// The last time that this processor subscribed; 0 for never.
    pub connected: Offset,
}

impl<S: ProviderState> History<S> {
    /// The messages of a prompt.
    pub fn messages(&self, prompt: &Prompt) -> &[Message] {
        &self.agent.history[..prompt.messages]
    }

    fn converse(&mut self, event: &Event, consumed: &agent::Consumed) {
        let before = self.agent.history.len();
        self.agent.reduce(event.offset, consumed);
        match consumed {
            agent::Consumed::OutputAdded(output) => {
                let is_in = self.agent.history.len() > before;
                let is_answer = self.agent.history.last().map(|m| m.role) == Some(Role::Assistant);
                if let Some(request) = output.llm_request_id.filter(|_| is_in && is_answer) {
                    self.last_output = Some(OutputPlace {
                        request,
                        message: before,
                    });
                }
            }
            agent::Consumed::Requested(requested) => {
                let prompt = Prompt {
                    system_prompt: self.agent.system_prompt.clone(),
                    messages: self.agent.history.len(),
                    requested: requested.clone(),
                };
                self.prompts.insert(event.offset.0, prompt);
            }
            agent::Consumed::SubscriberConnected(connected) => {
                let announced = connected.subscriber.as_ref();
                let processor = announced.and_then(|subscriber| subscriber.processor.as_ref());
                if processor.is_some_and(|processor| processor.slug == S::contract().slug) {
                    self.connected = event.offset;
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, request: Offset) {
        self.ended.insert(request.0);
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_first();
        }
    }
}

impl<S: ProviderState> Fold for History<S> {
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if let Some(consumed) = agent::Consumed::parse(event)? {
            self.converse(event, &consumed);
        }
        if event.kind == S::COMPLETED {
            let completed: ProviderLlmRequestCompleted = event.payload()?;
            self.end(completed.llm_request_id);
        }
        self.provider.apply(event)?;
        let open = self.provider.requests();
        self.prompts.retain(|request, _| open.contains_key(request));
        Ok(())
    }
}
