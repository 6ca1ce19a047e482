//! What the provider reads of the stream: its own state, the agent's, and where each open request
//! cuts the conversation (spec §5.4).
//!
//! A request's chat is the history up to and including its own event: the agent's history only
//! grows, so its length at that event, and the system prompt as of it, are all there is to remember.

use super::contract::{Consumed, Request, RequestStatus, State, PROVIDER, SLUG};
use crate::agent::{
    contract::{self as agent, CancelledRequest, Message, Role},
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
}

/// Where the output of a request stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPlace {
    pub request: Offset,
    pub message: usize,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub agent: agent::State,
    pub provider: State,
    /// The prompts of open requests.
    pub prompts: BTreeMap<u64, Prompt>,
    pub last_output: Option<OutputPlace>,
    /// The newest requests that have this provider's terminal.
    pub ended: BTreeSet<u64>,
    /// The last time that this processor subscribed; 0 for never.
    pub connected: Offset,
}

impl State {
    pub fn reduce(&mut self, offset: Offset, consumed: &Consumed) {
        match consumed {
            Consumed::Requested(_) => {
                let request = Request {
                    status: RequestStatus::Requested,
                    is_for_another: self.selected_provider != PROVIDER,
                };
                self.requests.insert(offset.0, request);
            }
            // Never revives a request that was cancelled meanwhile.
            Consumed::Started(started) => {
                if let Some(request) = self.requests.get_mut(&started.llm_request_id.0) {
                    request.status = RequestStatus::Started;
                }
            }
            Consumed::Completed(completed) => self.end(completed.llm_request_id),
            Consumed::AgentCompleted(completed) => self.end(completed.llm_request_id),
            Consumed::Cancelled(cancelled) => {
                if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
                    self.end(llm_request_id);
                }
            }
            Consumed::ProviderSelected(selected) => {
                self.selected_provider = selected.known().unwrap_or(self.selected_provider);
            }
            Consumed::ConfigUpdated(config) => self.model = config.model.clone(),
            Consumed::SubscriberConnected(_) => {}
        }
    }

    fn end(&mut self, request: Offset) {
        self.requests.remove(&request.0);
    }

    /// What became of a request; `Completed` if it is not open.
    pub fn status(&self, request: Offset) -> RequestStatus {
        let open = self.requests.get(&request.0);
        open.map_or(RequestStatus::Completed, |request| request.status)
    }
}

impl History {
    /// The messages of a prompt.
    pub fn messages(&self, prompt: &Prompt) -> &[Message] {
        &self.agent.history[..prompt.messages]
    }

    fn note(&mut self, event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::Requested(_) => {
                let prompt = Prompt {
                    system_prompt: self.agent.system_prompt.clone(),
                    messages: self.agent.history.len(),
                };
                self.prompts.insert(event.offset.0, prompt);
            }
            Consumed::SubscriberConnected(connected) => {
                let announced = connected.subscriber.as_ref();
                let processor = announced.and_then(|subscriber| subscriber.processor.as_ref());
                if processor.is_some_and(|processor| processor.slug == SLUG) {
                    self.connected = event.offset;
                }
            }
            Consumed::Completed(completed) => {
                self.ended.insert(completed.llm_request_id.0);
                if self.ended.len() > ENDED_MAX {
                    self.ended.pop_first();
                }
            }
            _ => {}
        }
        self.provider.reduce(event.offset, consumed);
        let open = &self.provider.requests;
        self.prompts.retain(|request, _| open.contains_key(request));
    }
}

impl Fold for History {
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if let Some(consumed) = agent::Consumed::parse(event)? {
            let before = self.agent.history.len();
            self.agent.reduce(event.offset, &consumed);
            if let agent::Consumed::OutputAdded(output) = &consumed {
                let is_in = self.agent.history.len() > before;
                let is_answer = self.agent.history.last().map(|m| m.role) == Some(Role::Assistant);
                if let Some(request) = output.llm_request_id.filter(|_| is_in && is_answer) {
                    self.last_output = Some(OutputPlace {
                        request,
                        message: before,
                    });
                }
            }
        }
        if let Some(consumed) = Consumed::parse(event)? {
            self.note(event, &consumed);
        }
        Ok(())
    }
}
