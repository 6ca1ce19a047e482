//! Who waits for scripts: the calls that are under way, how they ended, and whom to wake.

use super::WorkerError;
use std::{cell::RefCell, collections::BTreeMap, task::Waker};

/// The JSON of what a call came to.
pub(super) type Answer = Result<String, WorkerError>;

#[derive(Default)]
pub(super) struct Calls(RefCell<State>);

#[derive(Default)]
struct State {
    last: u64,
    under_way: BTreeMap<u64, Call>,
}

#[derive(Default)]
struct Call {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

impl Calls {
    /// The number is unique in the worker.
    pub(super) fn begin(&self) -> u64 {
        let state = &mut *self.0.borrow_mut();
        state.last += 1;
        state.under_way.insert(state.last, Call::default());
        state.last
    }

    /// Whether this was the last one.
    pub(super) fn end(&self, call: u64) -> bool {
        let mut state = self.0.borrow_mut();
        state.under_way.remove(&call);
        state.under_way.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.0.borrow().under_way.len()
    }

    pub(super) fn answer(&self, call: u64, answer: Answer) {
        if let Some(call) = self.0.borrow_mut().under_way.get_mut(&call) {
            call.answer = Some(answer);
            if let Some(waker) = call.waker.take() {
                waker.wake();
            }
        }
    }

    pub(super) fn take_answer(&self, call: u64) -> Option<Answer> {
        let mut state = self.0.borrow_mut();
        state.under_way.get_mut(&call)?.answer.take()
    }

    /// Wakes whoever waits for this call when it ends, or when it has to drive the others.
    pub(super) fn wait(&self, call: u64, waker: &Waker) {
        if let Some(call) = self.0.borrow_mut().under_way.get_mut(&call) {
            call.waker = Some(waker.clone());
        }
    }

    pub(super) fn wake_all(&self) {
        for call in self.0.borrow_mut().under_way.values_mut() {
            if let Some(waker) = call.waker.take() {
                waker.wake();
            }
        }
    }
}
