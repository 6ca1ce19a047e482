//! The agent's reducer (spec §5.1): pure, and shared: a provider folds the same history to learn
//! whether a request is still current, and what to send.
//!
//! Invariant: of the triggering inputs up to an event, those that no request covers are exactly what
//! `pending_trigger_offset` (not yet acted on) and `pending_trigger_count` (queued) stand for.

use super::{contract::*, transaction::Fold};
use runtime::event::{Event, Offset, PayloadError};

impl State {
    pub fn reduce(&mut self, offset: Offset, consumed: &Consumed) {
        match consumed {
            Consumed::SystemPromptUpdated(update) => {
                self.system_prompt = update.system_prompt.clone();
            }
            Consumed::LlmConfigUpdated(config) => self.llm_config = config.clone(),
            Consumed::InputAdded(input) => self.add_input(offset, input),
            Consumed::OutputAdded(output) => self.add_output(output),
            Consumed::Scheduled(scheduled) => {
                self.current_request = Some(CurrentRequest::Scheduled {
                    request_id: scheduled.request_id.clone(),
                    scheduled_offset: Some(offset),
                });
                self.pending_trigger_count = 0;
                self.follow_up_source_offset = None;
                self.untold_failure = None;
                self.cover_triggers();
            }
            Consumed::Requested(_) => {
                self.current_request = Some(CurrentRequest::Requested {
                    llm_request_id: offset,
                });
                self.cover_triggers();
            }
            Consumed::Queued(_) => {
                self.pending_trigger_count += 1;
                if self.current_request.is_none() && self.follow_up_source_offset.is_none() {
                    self.follow_up_source_offset = Some(offset);
                }
                self.cover_triggers();
            }
            Consumed::Completed(completed) => {
                if self.is_ended_by(completed) {
                    self.end_request(offset);
                    self.note_result(offset, completed);
                }
            }
            Consumed::Cancelled(cancelled) => {
                if self.is_cancelled_by(cancelled) {
                    self.end_request(offset);
                }
            }
            Consumed::StatusUpdated(_)
            | Consumed::CapabilityNoted(_)
            | Consumed::ToolProviderRegistered(_)
            | Consumed::SubscriberConnected(_) => {}
        }
    }

    fn add_input(&mut self, offset: Offset, input: &InputAdded) {
        self.history.push(Message {
            role: Role::User,
            content: input.content.clone(),
        });
        if input.asks_anew() {
            self.consecutive_failures = 0;
            self.untold_failure = None;
        }
        if input.triggers() {
            self.pending_trigger_offset = Some(offset);
            self.first_pending_trigger_offset.get_or_insert(offset);
        }
    }

    fn add_output(&mut self, output: &OutputAdded) {
        let is_stale = output
            .llm_request_id
            .is_some_and(|id| !self.is_requested(id));
        if !is_stale {
            self.history.push(Message {
                role: Role::Assistant,
                content: output.content.clone(),
            });
        }
    }

    fn cover_triggers(&mut self) {
        self.pending_trigger_offset = None;
        self.first_pending_trigger_offset = None;
    }

    fn end_request(&mut self, terminal: Offset) {
        self.current_request = None;
        self.follow_up_source_offset = Some(terminal);
    }

    fn note_result(&mut self, terminal_offset: Offset, completed: &LlmRequestCompleted) {
        match &completed.result {
            LlmResult::Success { .. } => self.consecutive_failures = 0,
            LlmResult::Failure { error, .. } => {
                self.consecutive_failures += 1;
                self.untold_failure = Some(FailedRequest {
                    llm_request_id: completed.llm_request_id,
                    terminal_offset,
                    message: error.message.as_str().into(),
                });
            }
        }
    }

    /// This request is the one that a provider executes now.
    pub fn is_requested(&self, id: Offset) -> bool {
        self.current_request == Some(CurrentRequest::Requested { llm_request_id: id })
    }

    /// A completion that is about the current request.
    pub fn is_ended_by(&self, completed: &LlmRequestCompleted) -> bool {
        self.is_requested(completed.llm_request_id)
    }

    /// A cancellation that is about the current request, in its phase.
    pub fn is_cancelled_by(&self, cancelled: &LlmRequestCancelled) -> bool {
        match (&self.current_request, &cancelled.cancelled) {
            (
                Some(CurrentRequest::Scheduled { request_id, .. }),
                CancelledRequest::Scheduled { request_id: id },
            ) => request_id == id,
            (
                Some(CurrentRequest::Requested { llm_request_id }),
                CancelledRequest::Requested { llm_request_id: id },
            ) => llm_request_id == id,
            _ => false,
        }
    }
}

impl Fold for State {
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if let Some(consumed) = Consumed::parse(event)? {
            self.reduce(event.offset, &consumed);
        }
        Ok(())
    }
}
