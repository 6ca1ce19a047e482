//! What the agent does next, as a function of its state alone (spec §5.1, "phases and transitions").
//!
//! Production decides per event, from the state as of that event. Here the decision is taken once
//! for a whole batch, and against the head of the stream (#1620). So an input that arrives while a
//! request ends, two inputs at once (B-50), and an input below the side-effects anchor (#1481)
//! are all the same case: a trigger that no request covers.

use super::{
    contract::*, oversight::Oversight, partial::PartialAnswer, rendering, transaction::Head,
};
use runtime::event::{EventInput, Offset};
use std::sync::Arc;

/// A step of the request life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Schedule a request, on account of that event.
    Schedule { source: Offset },
    /// Remember that that input waits for the request under way.
    Queue { source: Offset },
    /// Ask again, and tell of the failure on account of which.
    Retry,
}

/// How often a request that fails is repeated by itself (#1716). After that, somebody must ask.
const RETRIES_MAX: u32 = 3;

/// How long the first repetition waits, and how many times longer each further one: without that
/// they are over before the service has recovered (#1826).
const BACK_OFF_MS: u64 = 2_000;
const BACK_OFF_FACTOR: u64 = 4;

impl State {
    /// The step that is due.
    pub fn next_step(&self, oversight: Oversight) -> Option<Step> {
        let pending = self.pending_trigger(oversight);
        match self.current_request {
            None if self.pending_trigger_count > 0 && !oversight.of_queue => Some(Step::Schedule {
                // A checkpoint of V0 may know of neither; its next terminal will.
                source: self.follow_up_source_offset.or(pending).unwrap_or_default(),
            }),
            None => match pending {
                Some(source) => Some(Step::Schedule { source }),
                None => (self.may_retry() && !oversight.of_failures).then_some(Step::Retry),
            },
            Some(CurrentRequest::Scheduled { .. }) => None,
            Some(CurrentRequest::Requested { .. }) => pending.map(|source| Step::Queue { source }),
        }
    }

    /// The request that waits for its debounce.
    pub fn scheduled_request(&self) -> Option<&Arc<str>> {
        match &self.current_request {
            Some(CurrentRequest::Scheduled { request_id, .. }) => Some(request_id),
            _ => None,
        }
    }

    /// The scheduled request was read from a checkpoint of V0.
    pub fn lacks_scheduled_offset(&self) -> bool {
        let scheduled_offset = match &self.current_request {
            Some(CurrentRequest::Scheduled {
                scheduled_offset, ..
            }) => scheduled_offset,
            _ => return false,
        };
        scheduled_offset.is_none()
    }

    fn may_retry(&self) -> bool {
        self.untold_failure.is_some() && self.consecutive_failures <= RETRIES_MAX
    }

    /// How long a request that is scheduled now waits: for more to be said, and the longer the more
    /// often it has failed.
    pub fn delay_ms(&self) -> u64 {
        let back_off_ms = match self.consecutive_failures {
            0 => 0,
            failures => BACK_OFF_MS * BACK_OFF_FACTOR.pow(failures.min(RETRIES_MAX) - 1),
        };
        self.llm_config.debounce_ms.max(back_off_ms)
    }

    /// Nothing is under way, nothing waits.
    pub fn is_quiet(&self, oversight: Oversight) -> bool {
        self.current_request.is_none() && self.next_step(oversight).is_none()
    }

    /// This agent must act before the conversation can go on. A request that was handed off is the
    /// provider's debt.
    pub fn owes(&self, oversight: Oversight) -> bool {
        self.scheduled_request().is_some() && !oversight.of_lost_timers
            || self.next_step(oversight).is_some()
    }

    fn pending_trigger(&self, oversight: Oversight) -> Option<Offset> {
        let last = self.pending_trigger_offset?;
        let first = self.first_pending_trigger_offset.unwrap_or(last);
        (last > oversight.ignored_through && !oversight.of_pending).then_some(first)
    }

    /// The current request was there before that input.
    pub fn predates(&self, input: Offset) -> bool {
        match &self.current_request {
            None => false,
            Some(CurrentRequest::Scheduled {
                scheduled_offset, ..
            }) => scheduled_offset.is_none_or(|offset| offset < input),
            Some(CurrentRequest::Requested { llm_request_id }) => *llm_request_id < input,
        }
    }
}

/// The events of a step. `request_id` is used if a request is scheduled.
pub fn take(step: Step, state: &State, request_id: &Arc<str>) -> Vec<EventInput> {
    match step {
        Step::Schedule { source } => vec![scheduled(source, state, request_id)],
        Step::Queue { source } => {
            let queued = EventInput::new(LLM_REQUEST_QUEUED, LlmRequestQueued {});
            vec![queued.keyed(CONTRACT.key_at("llm-request-queued", source))]
        }
        Step::Retry => match &state.untold_failure {
            None => Vec::new(),
            Some(failed) => vec![
                rendering::failed(failed),
                scheduled(failed.terminal_offset, state, request_id),
            ],
        },
    }
}

/// The events by which an input interrupts the current request: all or none. Next to the cancellation
/// stands what the model had said by then (#1886).
pub fn interrupt(
    input: Offset,
    head: &Head<State>,
    request_id: &Arc<str>,
    partial_answer: &PartialAnswer,
) -> Vec<EventInput> {
    let (cancelled, partial) = match head.fold.current_request.clone() {
        None => return Vec::new(),
        Some(CurrentRequest::Scheduled { request_id, .. }) => {
            (CancelledRequest::Scheduled { request_id }, None)
        }
        Some(CurrentRequest::Requested { llm_request_id }) => (
            CancelledRequest::Requested { llm_request_id },
            partial_answer.of(llm_request_id),
        ),
    };
    let cancelled = LlmRequestCancelled {
        cancelled,
        reason: CancelReason::InterruptedByUserInput,
    };
    let key = CONTRACT.key_at("llm-request-cancelled/interrupted-by-user-input", input);
    let mut events = vec![EventInput::new(LLM_REQUEST_CANCELLED, &cancelled).keyed(key)];
    if let Some(partial) = partial {
        // Where the cancellation will stand: it is appended there or not at all.
        let offset = head.offset.next();
        events.extend(rendering::cancelled(offset, &cancelled, Some(&partial)));
    }
    events.push(scheduled(input, &head.fold, request_id));
    events
}

fn scheduled(source: Offset, state: &State, request_id: &Arc<str>) -> EventInput {
    EventInput::new(
        LLM_REQUEST_SCHEDULED,
        LlmRequestScheduled {
            request_id: request_id.clone(),
            debounce_ms: state.delay_ms(),
            model: state.llm_config.model.clone(),
        },
    )
    .keyed(CONTRACT.key_at("llm-request-scheduled", source))
}

/// Hands a scheduled request to the providers, by reference; nothing if it is no longer scheduled.
pub fn hand_off(state: &State, handed_off: &str) -> Vec<EventInput> {
    let Some(CurrentRequest::Scheduled {
        request_id,
        scheduled_offset,
    }) = &state.current_request
    else {
        return Vec::new();
    };
    if **request_id != *handed_off {
        return Vec::new();
    }
    vec![requested(state, *scheduled_offset)]
}

/// The history knows where a request was scheduled, and that is what the state was folded from.
pub(super) fn requested(state: &State, scheduled_offset: Option<Offset>) -> EventInput {
    let requested = EventInput::new(
        LLM_REQUEST_REQUESTED,
        LlmRequestRequested {
            model: state.llm_config.model.clone(),
            run_opts: state.llm_config.run_opts.clone(),
        },
    );
    match scheduled_offset {
        Some(offset) => requested.keyed(CONTRACT.key_at("llm-request-requested", offset)),
        None => requested,
    }
}
