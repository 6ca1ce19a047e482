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
use crate::agent::transaction::Transactions;
use runtime::{
    event::{Event, Offset, PayloadError},
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
    /// The socket between two executions.
    pub(super) line: RefCell<Option<Line>>,
    /// What is executed now.
    pub(super) active: RefCell<Option<(Offset, Rc<Interruption>)>>,
    /// Conversations whose terminal is not yet in the stream.
    pub(super) unfinished: RefCell<BTreeMap<Offset, Outcome>>,
    claimed: RefCell<BTreeSet<Offset>>,
    queue: RefCell<VecDeque<Offset>>,
    is_executing: Cell<bool>,
}

impl OpenAiWsProcessor {
    pub fn new(dependencies: Dependencies, endpoint: OpenAiEndpoint) -> Self {
        OpenAiWsProcessor {
            context: dependencies.context,
            transactions: Transactions::new(dependencies.stream.clone()),
            stream: dependencies.stream,
            endpoint,
            line: RefCell::default(),
            active: RefCell::default(),
            unfinished: RefCell::default(),
            claimed: RefCell::default(),
            queue: RefCell::default(),
            is_executing: Cell::new(false),
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

    /// Brings the executions in line with the state as of `offset`.
    fn drive(self: &Rc<Self>, offset: Offset, state: &State) {
        let has_ended = |request: Offset| {
            request <= offset && state.status(request) == RequestStatus::Completed
        };
        self.claimed
            .borrow_mut()
            .retain(|request| !has_ended(*request));
        if let Some((request, interruption)) = &*self.active.borrow() {
            if has_ended(*request) {
                interruption.interrupt(Reason::Cancelled);
            }
        }
        for (request, open) in &state.requests {
            let request = Offset(*request);
            if self.is_open(open.status) && self.claimed.borrow_mut().insert(request) {
                self.queue.borrow_mut().push_back(request);
            }
        }
        self.execute_queued();
    }

    fn execute_queued(self: &Rc<Self>) {
        if self.queue.borrow().is_empty() || self.is_executing.replace(true) {
            return;
        }
        let processor = self.clone();
        self.context.wait_until("model requests", async move {
            while let Some(request) = processor.next_queued() {
                if let Err(error) = processor.execute(request).await {
                    processor.context.note(
                        NoteKind::Failure,
                        format_args!("{SLUG} could not bring request {request} to an end: {error}"),
                    );
                    processor.claimed.borrow_mut().remove(&request);
                }
            }
            processor.is_executing.set(false);
        });
    }

    fn next_queued(&self) -> Option<Offset> {
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
        self.drive(hook.checkpoint_offset, &hook.state);
    }

    fn owes(&self, state: &State) -> bool {
        let mut requests = state.requests.values();
        requests.any(|request| self.is_open(request.status))
    }

    /// Reads the head even if everything is claimed: a stream that is gone shows by that, and the
    /// host then wakes it.
    fn recover(self: &Rc<Self>, _state: Rc<State>, _side_effects_after: Offset) -> Work {
        let processor = self.clone();
        Box::pin(async move {
            let head = processor.transactions.read().await?;
            processor.drive(head.offset, &head.fold.provider);
            Ok(())
        })
    }
}
