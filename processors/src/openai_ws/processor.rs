//! The openai-ws processor (spec §5.4), level-triggered: after each batch, and when the alarm rings,
//! every request that has no terminal and is not being executed here is claimed and executed, one
//! after the other, over one socket.
//!
//! Executions run beside the batches, so that a cancellation is seen while one runs (D12). A claim
//! ends when the state forgets the request, or when the execution fails; the durable state then
//! brings it back. Nothing here asks which event led to it: a foreign connection, a replayed chunk or
//! six connections at once claim nothing twice (B-27, X-15, X-16).

use super::{contract::*, line::Line, socket::OpenAiEndpoint};
use crate::{
    agent::partial::PartialAnswer,
    model_request::{
        executions::{Claim, Executions},
        request::Requests,
    },
};
use futures_util::FutureExt;
use runtime::{
    event::{Event, EventInput, Offset, PayloadError},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, Work},
    quirk::Quirk,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

pub struct OpenAiWsProcessor {
    pub(super) context: Context,
    pub(super) executions: Executions<State>,
    pub(super) endpoint: OpenAiEndpoint,
    /// Read by the agent in the same object.
    pub(super) partial_answer: PartialAnswer,
    /// The socket between two executions.
    pub(super) line: RefCell<Option<Line>>,
    /// What befell the socket before a request could be started on it: the next one tells it.
    pub(super) unrecorded: RefCell<Vec<EventInput>>,
    queue: RefCell<VecDeque<Claim>>,
    is_executing: Cell<bool>,
}

impl OpenAiWsProcessor {
    pub fn new(dependencies: Dependencies, endpoint: OpenAiEndpoint) -> Self {
        OpenAiWsProcessor {
            context: dependencies.context.clone(),
            executions: Executions::new(dependencies),
            endpoint,
            partial_answer: PartialAnswer::default(),
            line: RefCell::default(),
            unrecorded: RefCell::default(),
            queue: RefCell::default(),
            is_executing: Cell::new(false),
        }
    }

    /// Tells the agent what the model has said so far.
    pub fn telling(self, partial_answer: PartialAnswer) -> Self {
        OpenAiWsProcessor {
            partial_answer,
            ..self
        }
    }

    pub(super) fn take_up(&self, requests: &Requests) {
        let claims = self.executions.take_up(requests);
        self.queue.borrow_mut().extend(claims);
    }

    pub(super) fn claim(&self, claim: Claim) {
        let claim = self.executions.claim(claim);
        self.queue.borrow_mut().extend(claim);
    }

    fn execute_queued(self: &Rc<Self>) {
        if self.queue.borrow().is_empty() || self.is_executing.replace(true) {
            return;
        }
        let queued = self.clone().run_queue();
        self.context.wait_until("model requests", queued);
    }

    async fn run_queue(self: Rc<Self>) {
        while let Some(claim) = self.next_queued() {
            self.run(claim).await;
        }
        self.is_executing.set(false);
    }

    pub(super) async fn run(&self, claim: Claim) {
        let request = claim.request;
        let attempt = |history, interruption| self.attempt(request, history, interruption);
        self.executions.run(claim, attempt).await;
    }

    fn next_queued(&self) -> Option<Claim> {
        self.queue.borrow_mut().pop_front()
    }
}

impl Processor for OpenAiWsProcessor {
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
        self.take_up_after(hook);
        self.executions
            .retire(hook.checkpoint_offset, &hook.state.requests);
        match self.context.quirk(Quirk::B10) {
            // The checkpoint, and with it every later batch, waits until the model has answered.
            true => hook.block(self.clone().run_queue().map(Ok)),
            false => self.execute_queued(),
        }
    }

    fn owes(&self, state: &State) -> bool {
        self.executions.owes(&state.requests)
    }

    /// Reads the head even if everything is claimed: a stream that is gone shows by that, and the
    /// host then wakes it.
    fn recover(self: &Rc<Self>, _state: Rc<State>, _side_effects_after: Offset) -> Work {
        let processor = self.clone();
        Box::pin(async move {
            let head = processor.executions.transactions.read().await?;
            let requests = &head.fold.provider.requests;
            processor.executions.retire(head.offset, requests);
            processor.take_up(requests);
            processor.execute_queued();
            Ok(())
        })
    }
}
