//! What scripts wait for: timers and fetches, under their numbers.
//!
//! They run while somebody polls, which is whoever waits for a script. An operation may wait for
//! the same worker again: while it is being polled, that inner call polls nothing itself, and is
//! woken when its own turn has come.

use futures_util::{
    future::{abortable, AbortHandle, LocalBoxFuture},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    task::{Context, Poll},
};

/// JSON: what it came to, or why it failed.
pub(super) type Ending = Result<String, String>;

type Running = LocalBoxFuture<'static, (u64, Option<Ending>)>;

#[derive(Default)]
pub(super) struct Operations {
    running: RefCell<FuturesUnordered<Running>>,
    /// Not polled yet.
    started: RefCell<Vec<Running>>,
    handles: RefCell<BTreeMap<u64, AbortHandle>>,
    last: Cell<u64>,
}

impl Operations {
    /// The number is unique in the worker.
    pub(super) fn start(&self, work: LocalBoxFuture<'static, Ending>) -> u64 {
        let id = self.last.get() + 1;
        self.last.set(id);
        let (work, handle) = abortable(work);
        self.handles.borrow_mut().insert(id, handle);
        let running = async move { (id, work.await.ok()) };
        self.started.borrow_mut().push(Box::pin(running));
        id
    }

    pub(super) fn cancel(&self, id: u64) {
        if let Some(handle) = self.handles.borrow_mut().remove(&id) {
            handle.abort();
        }
    }

    pub(super) fn cancel_all(&self) {
        self.handles.take();
        drop(self.started.take());
        drop(self.running.take());
    }

    /// The next operation that ended; none if nothing is under way.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Option<(u64, Ending)>> {
        let Ok(mut running) = self.running.try_borrow_mut() else {
            return Poll::Pending;
        };
        loop {
            running.extend(self.started.take());
            match running.poll_next_unpin(cx) {
                Poll::Ready(Some((id, Some(ending)))) => {
                    self.handles.borrow_mut().remove(&id);
                    return Poll::Ready(Some((id, ending)));
                }
                Poll::Ready(Some((_, None))) => {}
                _ if !self.started.borrow().is_empty() => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
