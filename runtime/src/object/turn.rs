//! A synchronous turn: one poll of one task. The storage writes made in it are one transaction,
//! closed when the poll returns.

use crate::platform::Store;
use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Runs a future so that each poll of it is one turn.
pub struct Turn<F> {
    future: F,
    store: Rc<dyn Store>,
}

impl<F> Turn<F> {
    pub fn new(store: Rc<dyn Store>, future: F) -> Self {
        Turn { future, store }
    }
}

impl<F: Future + Unpin> Future for Turn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let outcome = Pin::new(&mut self.future).poll(cx);
        self.store.commit();
        outcome
    }
}
