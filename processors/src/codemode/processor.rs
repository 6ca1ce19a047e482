//! The codemode processor (spec §5.10): says that the session has started, runs what is asked for, and
//! settles what died.
//!
//! Scripts call back, and what they call is reduced here: so they run beside the batches. They begin
//! once the checkpoint stands that knows of them, and so once at most.

use super::{contract::*, execution::Execution, session::Session};
use runtime::{
    event::{Event, Offset, PayloadError},
    processor::{Contract, Hook, Processor, Reduced, Work},
};
use std::rc::Rc;

pub struct CodemodeProcessor {
    session: Rc<Session>,
}

impl CodemodeProcessor {
    pub fn new(session: Rc<Session>) -> Self {
        CodemodeProcessor { session }
    }

    /// The script that an event asks for; none if it was asked for before, or has ended.
    fn execution(&self, reduced: &Reduced<Self>, hook: &Hook<Self>) -> Option<Execution> {
        let Consumed::ScriptExecutionRequested(request) = &reduced.consumed else {
            return None;
        };
        let (_, requested) = hook.state.open_script(&request.script_execution_id)?;
        if requested != reduced.event.offset {
            return None;
        }
        Some(Execution {
            session: self.session.clone(),
            undertaking: self.session.undertakings.begin(request.subject())?,
            script_execution_id: request.script_execution_id.clone(),
            code: request.code.clone(),
            vars: reduced.state.vars.clone(),
            requested,
            is_behind: hook.stream_max_offset > hook.checkpoint_offset,
        })
    }
}

impl Processor for CodemodeProcessor {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        let consumed = Consumed::parse(event)?;
        Ok(consumed.expect("every consumed type is parsed"))
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        state.reduce(event.offset, consumed);
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let session = &self.session;
        session.learn(hook.checkpoint_offset, &hook.state);
        if !hook.live.is_empty() && !hook.state.session_started {
            hook.block(session.clone().start());
        }
        for reduced in &hook.live {
            if let Consumed::FunctionCallCompleted(completed) = &reduced.consumed {
                session.calls.answered(completed);
            }
            if let Some(execution) = self.execution(reduced, hook) {
                hook.once_checkpointed("script", execution.run());
            }
        }
        if session.owes(&hook.state) {
            let (session, state) = (session.clone(), hook.state.clone());
            let side_effects_after = hook.side_effects_after;
            hook.background("settle", async move {
                session.settle(&state, side_effects_after).await
            });
        }
    }

    fn owes(&self, state: &State) -> bool {
        self.session.owes(state)
    }

    /// Reads the head even if nothing is left to settle: a stream that is gone shows by that, and the
    /// host then wakes it.
    fn recover(self: &Rc<Self>, state: Rc<State>, side_effects_after: Offset) -> Work {
        let session = self.session.clone();
        Box::pin(async move {
            session.transactions.read().await?;
            session.settle(&state, side_effects_after).await
        })
    }
}
