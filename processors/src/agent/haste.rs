//! What the agent decided per event in V1: from the state as of that event, and appended wherever the
//! stream has got to by then. All of it is quirks: without one, a batch is decided on as a whole,
//! against the head (`decision.rs`). What an agent with a known bug fails to see is in `oversight.rs`.

use super::{
    contract::*,
    decision::{self, Step},
    AgentProcessor,
};
use runtime::{
    event::EventInput,
    processor::{Hook, ProcessorError, Reduced},
    quirk::Quirk,
};
use std::{future::Future, rc::Rc};

impl AgentProcessor {
    /// Quirks B-50 and X-1; nothing without them.
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
}
