//! A background response (spec/peers.md §1.10, §1.11): it survives whoever asked for it, and its events
//! are kept, so that a stream may be resumed behind any of them.

use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Recording {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    /// By sequence number.
    events: Vec<Arc<str>>,
    is_over: bool,
    is_cancelled: bool,
}

impl Recording {
    pub fn add(&self, json: String) {
        self.inner().events.push(json.into());
        self.changed.notify_waiters();
    }

    /// No further event comes.
    pub fn end(&self) {
        self.inner().is_over = true;
        self.changed.notify_waiters();
    }

    /// False if it is over already.
    pub fn cancel(&self) -> bool {
        let mut inner = self.inner();
        if inner.is_over {
            return false;
        }
        inner.is_cancelled = true;
        drop(inner);
        self.changed.notify_waiters();
        true
    }

    pub async fn cancelled(&self) {
        self.once(|inner| inner.is_cancelled.then_some(())).await;
    }

    /// The event of that number, as soon as it is there; none if there will be none.
    pub async fn event(&self, number: usize) -> Option<Arc<str>> {
        self.once(|inner| match inner.events.get(number) {
            Some(event) => Some(Some(event.clone())),
            None if inner.is_over => Some(None),
            None => None,
        })
        .await
    }

    async fn once<T>(&self, look: impl Fn(&Inner) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(seen) = look(&self.inner()) {
                return seen;
            }
            changed.await;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("one thread")
    }
}
