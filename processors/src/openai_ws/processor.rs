//! The openai-ws processor (spec §5.4), level-triggered: after each batch, and when the alarm rings,
//! every request that has no terminal and is not being executed here is claimed and executed, one
//! after the other, over one socket.
//!
//! Executions run beside the batches, so that a cancellation is seen while one runs (D12). A claim
//! ends when the state forgets the request, or when the execution fails; the durable state then
//! brings it back. Nothing here asks which event led to it: a foreign connection, a replayed chunk or
//! six connections at once claim nothing twice (B-27, X-15, X-16).

use super::{
    contract::*,
    history::History,
    interruption::{Interruption, Reason},
    line::Line,
    outcome::Outcome,
    socket::OpenAiEndpoint,
};
use crate::agent::{partial::PartialAnswer, transaction::Transactions};
use futures_util::FutureExt;
use runtime::{
    event::{Event, EventInput, Offset, PayloadError},
    object::Context,
    platform::NoteKind,
    processor::{Contract, Dependencies, Hook, Processor, StreamPort, Work},
    quirk::Quirk,
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

pub struct OpenAiWsProcessor {
    pub(super) context: Context,
    pub(super) stream: Rc<dyn StreamPort>,
    pub(super) transactions: Transactions<History>,
    pub(super) endpoint: OpenAiEndpoint,
    /// Read by the agent in the same object.
    pub(super) partial_answer: PartialAnswer,
    /// The socket between two executions.
    pub(super) line: RefCell<Option<Line>>,
    /// What is executed now.
    pub(super) active: RefCell<Option<(Offset, Rc<Interruption>)>>,
    /// Conversations whose terminal is not yet in the stream. They are owed even if the state has
    /// forgotten the request, as it does when the request is cancelled.
    pub(super) unfinished: RefCell<BTreeMap<Offset, Rc<Outcome>>>,
    /// What befell the socket before a request could be started on it: the next one tells it.
    pub(super) unrecorded: RefCell<Vec<EventInput>>,
    pub(super) claimed: RefCell<BTreeSet<Offset>>,
    queue: RefCell<VecDeque<Claim>>,
    is_executing: Cell<bool>,
}

/// A request that is to be executed here.
pub(super) struct Claim {
    pub request: Offset,
    /// What the claimant takes for its status; without it, the head is asked. Only a known bug
    /// believes what it saw (quirks ).
    pub seen: Option<RequestStatus>,
}

impl OpenAiWsProcessor {
    pub fn new(dependencies: Dependencies, endpoint: OpenAiEndpoint) -> Self {
        OpenAiWsProcessor {
            context: dependencies.context,
            transactions: Transactions::new(dependencies.stream.clone()),
            stream: dependencies.stream,
            endpoint,
            partial_answer: PartialAnswer::default(),
            line: RefCell::default(),
            active: RefCell::default(),
            unfinished: RefCell::default(),
            unrecorded: RefCell::default(),
            claimed: RefCell::default(),
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

    /// A request of that status has yet to be brought to an end. Quirk B-09: `started` is taken for
    /// done, though whoever started it may be gone (#1402).
    pub(super) fn is_open(&self, status: RequestStatus) -> bool {
        match status {
            RequestStatus::Requested => true,
            RequestStatus::Started => !self.context.quirk(Quirk::B09),
            RequestStatus::Completed => false,
        }
    }

    /// Lets go of the requests that have ended as of `offset`, and cuts off the execution of one.
    fn retire(&self, offset: Offset, state: &State) {
        let has_ended = |request: Offset| {
            request <= offset && state.status(request) == RequestStatus::Completed
        };
        let unfinished = self.unfinished.borrow();
        self.claimed
            .borrow_mut()
            .retain(|request| !has_ended(*request) || unfinished.contains_key(request));
        if let Some((request, interruption)) = &*self.active.borrow() {
            if has_ended(*request) {
                interruption.interrupt(Reason::Cancelled);
            }
        }
    }

    /// Claims what dangles, and what is only to be finished. Quirk X-16: what dangled at the end of a batch need not be asked for
    /// again at the head.
    pub(super) fn take_up(&self, state: &State) {
        for (request, open) in &state.requests {
            if self.is_dangling(open) {
                self.claim(Claim {
                    request: Offset(*request),
                    seen: self.context.quirk(Quirk::X16).then_some(open.status),
                });
            }
        }
        for request in self.unfinished.borrow().keys() {
            self.claim(Claim {
                request: *request,
                seen: None,
            });
        }
    }

    pub(super) fn claim(&self, claim: Claim) {
        if self.claimed.borrow_mut().insert(claim.request) {
            self.queue.borrow_mut().push_back(claim);
        }
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
        if let Err(error) = self.execute(claim).await {
            self.context.note(
                NoteKind::Failure,
                format_args!("{SLUG} could not bring request {request} to an end: {error}"),
            );
            self.claimed.borrow_mut().remove(&request);
        }
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
        self.retire(hook.checkpoint_offset, &hook.state);
        match self.context.quirk(Quirk::B10) {
            // The checkpoint, and with it every later batch, waits until the model has answered.
            true => hook.block(self.clone().run_queue().map(Ok)),
            false => self.execute_queued(),
        }
    }

    fn owes(&self, state: &State) -> bool {
        if self.context.quirk(Quirk::B26) {
            return false;
        }
        // An execution that is cut off has yet to leave its outcome behind.
        let active = self.active.borrow();
        let is_cut_off = active.as_ref().is_some_and(|(_, it)| it.is_interrupted());
        let is_unfinished = is_cut_off || !self.unfinished.borrow().is_empty();
        let mut requests = state.requests.values();
        is_unfinished || requests.any(|open| self.is_dangling(open))
    }

    /// Reads the head even if everything is claimed: a stream that is gone shows by that, and the
    /// host then wakes it.
    fn recover(self: &Rc<Self>, _state: Rc<State>, _side_effects_after: Offset) -> Work {
        let processor = self.clone();
        Box::pin(async move {
            let head = processor.transactions.read().await?;
            processor.retire(head.offset, &head.fold.provider);
            processor.take_up(&head.fold.provider);
            processor.execute_queued();
            Ok(())
        })
    }
}
