//! What the agent decided too soon: per event, from the state as of that event (V1), or at the end of a
//! timer, and appended wherever the stream has got to by then. All of it is quirks: without one, a batch
//! is decided on as a whole, against the head (`decision.rs`). What an agent with a known bug fails to see
//! is in `oversight.rs`.

use super::{
    contract::*,
    decision::{self, Step},
    selection::Provider,
    AgentProcessor,
};
use runtime::{
    event::{Event, EventInput, Offset},
    processor::{Hook, ProcessorError, Reduced},
    quirk::Quirk,
};
use std::{future::Future, rc::Rc, sync::Arc};

impl AgentProcessor {
    /// Quirks B-50, B-60, X-1 and X-2; nothing without them.
    pub(super) fn act_hastily(
        self: &Rc<Self>,
        hook: &Hook<Self>,
    ) -> impl Future<Output = Result<(), ProcessorError>> + 'static {
        let mut decided: Vec<EventInput> = Vec::new();
        for reduced in &hook.live {
            if let Some((step, state)) = self.hasty_step(reduced) {
                decided.extend(decision::take(step, state, &self.next_request_id()));
            }
        }
        decided.extend(self.give_up_what_is_left(&hook.state));
        decided.extend(self.queue_late(hook));
        let stream = self.stream.clone();
        async move {
            if !decided.is_empty() {
                stream.append_batch(None, decided).await?;
            }
            Ok(())
        }
    }

    /// The step that an event seems to ask for, and the state that it is decided from.
    fn hasty_step<'a>(&self, reduced: &'a Reduced<Self>) -> Option<(Step, &'a State)> {
        let source = reduced.event.offset;
        let (before, after) = (&*reduced.previous_state, &*reduced.state);
        match &reduced.consumed {
            Consumed::InputAdded(input) if input.triggers() => match before.current_request {
                None => self
                    .context
                    .quirk(Quirk::B50)
                    .then_some((Step::Schedule { source }, before)),
                Some(CurrentRequest::Scheduled { .. }) => None,
                Some(CurrentRequest::Requested { .. }) => self
                    .context
                    .quirk(Quirk::X1)
                    .then_some((Step::Queue { source }, before)),
            },
            Consumed::Completed(completed)
                if before.is_ended_by(completed) && after.pending_trigger_count > 0 =>
            {
                self.context
                    .quirk(Quirk::X1)
                    .then_some((Step::Schedule { source }, after))
            }
            _ => None,
        }
    }

    /// Quirk B-60: a request that an earlier incarnation left under way has failed, and uses up one of
    /// the repetitions (#1808, #2154).
    fn give_up_what_is_left(&self, state: &State) -> Option<EventInput> {
        let is_fresh = self.context.quirk(Quirk::B60) && !self.has_begun.replace(true);
        let llm_request_id = match state.current_request {
            Some(CurrentRequest::Requested { llm_request_id }) if is_fresh => llm_request_id,
            _ => return None,
        };
        let provider = Provider::default().slug();
        let failed = LlmRequestCompleted {
            llm_request_id,
            provider: provider.into(),
            duration_ms: 0,
            result: LlmResult::Failure {
                error: LlmError {
                    message: "the host restarted".to_owned(),
                },
                raw_response: None,
                provider_response_id: None,
            },
        };
        let key = format!("{provider}/agent-llm-request-completed@{llm_request_id}");
        Some(EventInput::new(LLM_REQUEST_COMPLETED, failed).keyed(key))
    }

    /// Quirk X-2: an input is queued from the state at the end of its batch. If that arrives late it
    /// counts behind the request that answers the input, and asks for another one.
    fn queue_late(&self, hook: &Hook<Self>) -> Vec<EventInput> {
        let interrupts = |reduced: &Reduced<Self>| {
            matches!(&reduced.consumed, Consumed::InputAdded(input)
                if input.llm_request_policy.behaviour == Behaviour::InterruptCurrentRequest)
        };
        if !self.context.quirk(Quirk::X2) || hook.live.iter().any(interrupts) {
            return Vec::new();
        }
        match hook.state.next_step(self.oversight(true)) {
            Some(step @ Step::Queue { .. }) => {
                decision::take(step, &hook.state, &self.next_request_id())
            }
            _ => Vec::new(),
        }
    }

    /// Quirk B-58: the timer hands off what it was set for, whatever has become of it (#1808).
    pub(super) async fn hand_off_blindly(&self, request_id: &str) -> Result<(), ProcessorError> {
        let head = self.transactions.read().await?;
        let history = self.stream.events(Offset::ZERO, None).await?;
        let is_it = |event: &&Arc<Event>| {
            event.kind == LLM_REQUEST_SCHEDULED
                && event
                    .payload::<LlmRequestScheduled>()
                    .is_ok_and(|scheduled| *scheduled.request_id == *request_id)
        };
        let scheduled = history.iter().find(is_it).map(|event| event.offset);
        let requested = decision::requested(&head.fold, scheduled);
        self.stream.append_batch(None, vec![requested]).await?;
        Ok(())
    }
}
