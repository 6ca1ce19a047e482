//! Work that may not take for ever.
//!
//! One task with one sleep watches it: the work may be polled often, and a sleep that is polled again
//! and again costs a timer each time.

use runtime::object::Context;
use std::{future::Future, rc::Rc};
use tokio::sync::Notify;

/// What the work comes to; none if that takes longer, and then it is dropped.
pub async fn within<T>(
    context: &Context,
    what: &'static str,
    duration_ms_max: u64,
    work: impl Future<Output = T>,
) -> Option<T> {
    let expired = Rc::new(Notify::new());
    let over = Over(Rc::default());
    let (expires, is_over, clock) = (expired.clone(), over.0.clone(), context.clone());
    context.spawn(what, async move {
        tokio::select! {
            biased;
            () = is_over.notified() => {}
            () = clock.sleep(what, duration_ms_max) => expires.notify_one(),
        }
    });
    tokio::select! {
        biased;
        outcome = work => Some(outcome),
        () = expired.notified() => None,
    }
}

/// Nobody watches the work any longer, also if whoever waits for it is dropped.
struct Over(Rc<Notify>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
