//! What died is settled: whatever the durable state calls open and this incarnation is not busy
//! with. It is looked for after each batch and when the alarm rings, so a quiet stream waits for nobody.
//!
//! - A script is not run again: it may have had effects outside, and nobody knows how far it came. It
//!   ends as one that threw, and whoever asked for it may ask again.
//! - A call over rpc likewise: whether it had its effect is unknown. Unless its provider knows calls by
//!   their ids: then it is dispatched again, to learn what came of it.
//! - A call by event is answered by somebody else, who may be at it: it is waited for anew, and ends
//!   when the time is up.
//! - What ended here, and the stream did not take, is said again.
//!
//! Nothing is settled that has its end further on in the log: the head decides.

use super::{call::idempotent, contract::*, ending, reducer::Subject, session::Session};
use runtime::{
    event::{EventInput, Offset},
    processor::ProcessorError,
    quirk::Quirk,
};
use std::rc::Rc;

const NEVER_BEGAN: &str =
    "the script was not run: it was requested before this session took up its stream";
const SCRIPT_DIED: &str =
    "the session ended while the script ran; how far it came is unknown, and it is not run again";
pub(super) const CALL_DIED: &str =
    "the session ended during the call; whether it had its effect is unknown";

impl Session {
    /// Whether anything is open. Quirk X-12: nobody looks after what is.
    pub(super) fn owes(&self, state: &State) -> bool {
        let is_open = state.open_calls().next().is_some() || state.open_scripts().next().is_some();
        is_open && !self.context.quirk(Quirk::X12)
    }

    /// Settles what is open in `state`, the processor's own, and nobody here is busy with. What lies at
    /// or below `side_effects_after` never began.
    ///
    /// # Errors
    /// The stream cannot be reached or refuses it.
    pub(super) async fn settle(
        self: &Rc<Self>,
        state: &State,
        side_effects_after: Offset,
    ) -> Result<(), ProcessorError> {
        if !self.owes(state) {
            return Ok(());
        }
        for (call, requested) in state.open_calls() {
            match call.invocation_kind {
                InvocationKind::Event => self.wait_again(call, requested),
                InvocationKind::Rpc => self.ask_again(state, call, requested),
            }
        }
        let calls = state.open_calls().map(|(call, _)| call.subject());
        let scripts = state.open_scripts().map(|(script, _)| script.subject());
        let left: Vec<Subject> = calls
            .chain(scripts)
            .filter(|subject| !self.undertakings.is_under_way(subject))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let unsaid = left
            .iter()
            .filter_map(|subject| self.undertakings.unsaid(subject));
        let before: Vec<EventInput> = unsaid.flat_map(|ending| ending.before.clone()).collect();
        if !before.is_empty() {
            self.append(before).await?;
        }
        let ends = |head: &State| -> Vec<EventInput> {
            let ends = left.iter();
            ends.filter_map(|subject| self.end_of(subject, head, side_effects_after))
                .collect()
        };
        self.transactions.append(|head| ends(&head.fold)).await?;
        for subject in &left {
            self.undertakings.said(subject);
        }
        Ok(())
    }

    /// The event that ends something, if it is open at this head.
    fn end_of(
        &self,
        subject: &Subject,
        head: &State,
        side_effects_after: Offset,
    ) -> Option<EventInput> {
        if self.undertakings.is_under_way(subject) || !head.is_open(subject) {
            return None;
        }
        if let Some(ending) = self.undertakings.unsaid(subject) {
            return Some(ending.end.clone());
        }
        match subject {
            Subject::Script(id) => {
                let (_, requested) = head.open_script(id)?;
                let died = match requested <= side_effects_after {
                    true => NEVER_BEGAN,
                    false => SCRIPT_DIED,
                };
                Some(ending::of_script(id, requested, None, Outcome::threw(died)))
            }
            Subject::Call(id) => {
                let (call, _) = head.open_call(id)?;
                let died = Outcome::threw(CALL_DIED);
                Some(ending::of_call(call.clone(), None, died))
            }
        }
    }

    /// Waits for the answer to a call by event whose waiter died, unless somebody does.
    fn wait_again(self: &Rc<Self>, call: &FunctionCall, requested: Offset) {
        if let Some(undertaking) = self.undertakings.begin(call.subject()) {
            let (session, call) = (self.clone(), call.clone());
            let answer = self.calls.expect(&call.function_call_id);
            self.context.wait_until("function call", async move {
                session
                    .await_answer(undertaking, call, requested, answer)
                    .await;
            });
        }
    }

    /// Asks an idempotent provider what came of a call, unless somebody does.
    fn ask_again(self: &Rc<Self>, state: &State, call: &FunctionCall, requested: Offset) {
        let provider = state.provider_for(&call.path);
        let Some(callable) = provider.and_then(idempotent).cloned() else {
            return;
        };
        if let Some(undertaking) = self.undertakings.begin(call.subject()) {
            let (session, call) = (self.clone(), call.clone());
            self.context.wait_until("function call", async move {
                let asked = session.call_again(undertaking, call, &callable, requested);
                drop(asked.await);
            });
        }
    }
}
