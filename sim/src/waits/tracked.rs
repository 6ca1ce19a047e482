//! Futures that tell the registry who runs, and registrations that end when they are dropped.

use super::{Number, Waits};
use runtime::platform::Tracker;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A piece of work: while it is polled, it is the one that runs.
pub struct Tracked<F> {
    waits: Arc<Waits>,
    number: Number,
    work: F,
}

impl<F> Tracked<F> {
    pub(super) fn new(waits: Arc<Waits>, number: Number, work: F) -> Self {
        Tracked {
            waits,
            number,
            work,
        }
    }
}

impl<F: Future + Unpin> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let before = self.waits.enter(Some(self.number));
        let outcome = Pin::new(&mut self.work).poll(cx);
        self.waits.enter(before);
        outcome
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        self.waits.end(self.number);
    }
}

/// A piece of work that others poll.
pub struct Poller {
    waits: Arc<Waits>,
    number: Number,
}

impl Poller {
    pub(super) fn new(waits: Arc<Waits>, number: Number) -> Self {
        Poller { waits, number }
    }
}

impl Tracker for Poller {
    fn run(&mut self, poll: &mut dyn FnMut()) {
        let before = self.waits.enter(Some(self.number));
        poll();
        self.waits.enter(before);
        if let Some(outer) = before {
            self.waits.waits_for_work(outer, self.number);
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.waits.end(self.number);
    }
}

/// Work waits for something while this lives.
pub struct Waiting {
    waits: Arc<Waits>,
    work: Number,
    wait: Number,
}

impl Waiting {
    pub(super) fn new(waits: Arc<Waits>, work: Number, wait: Number) -> Self {
        Waiting { waits, work, wait }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.end_wait(self.work, self.wait);
    }
}
