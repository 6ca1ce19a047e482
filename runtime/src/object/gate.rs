//! The input gate: while it is closed, deliveries queue.

use futures_util::future::LocalBoxFuture;
use std::{cell::Cell, rc::Rc};
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct Gate(Rc<Inner>);

#[derive(Default)]
struct Inner {
    closed: Cell<u32>,
    opened: Notify,
}

impl Gate {
    /// Closes the gate; it opens when as many [`Gate::open`] calls have followed.
    pub fn close(&self) {
        self.0.closed.set(self.0.closed.get() + 1);
    }

    pub fn open(&self) {
        self.0.closed.set(self.0.closed.get() - 1);
        if self.is_open() {
            self.0.opened.notify_waiters();
        }
    }

    pub fn is_open(&self) -> bool {
        self.0.closed.get() == 0
    }

    /// Completes when the gate is open.
    pub fn wait(&self) -> LocalBoxFuture<'static, ()> {
        let gate = self.clone();
        Box::pin(async move {
            while !gate.is_open() {
                gate.0.opened.notified().await;
            }
        })
    }
}
