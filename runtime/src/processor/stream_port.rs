//! The stream as a processor sees it: late-bound, because the host is dialed after it is built.

use crate::{
    call::CallError,
    event::{EventInput, Offset, StreamPath},
    stream::{Events, StreamClient},
};
use futures_util::future::LocalBoxFuture;
use std::{cell::RefCell, rc::Rc};

/// Appends to, and reads, the processor's own stream; appends to others of the namespace.
pub trait StreamPort {
    /// Appends a batch; `path` names another stream of the namespace.
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>>;

    /// The own stream's events with `after < offset < before`.
    fn events(
        &self,
        after: Offset,
        before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>>;
}

/// The stream that the last handshake handed over.
#[derive(Clone)]
pub struct LateStream {
    processor: Rc<str>,
    client: Rc<RefCell<Option<StreamClient>>>,
}

impl LateStream {
    pub fn new(processor: &str) -> Self {
        LateStream {
            processor: processor.into(),
            client: Rc::default(),
        }
    }

    pub fn retain(&self, client: StreamClient) {
        *self.client.borrow_mut() = Some(client);
    }

    pub fn is_bound(&self) -> bool {
        self.client.borrow().is_some()
    }

    pub fn bound(&self) -> Option<StreamClient> {
        self.client.borrow().clone()
    }

    fn client(&self) -> Result<StreamClient, CallError> {
        self.client.borrow().clone().ok_or_else(|| {
            CallError::Broken(format!(
                "processor {:?} has no stream subscription yet",
                self.processor
            ))
        })
    }
}

impl StreamPort for LateStream {
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let client = self.client();
        let path = path.cloned();
        Box::pin(async move { client?.append_batch(path.as_ref(), events).await })
    }

    fn events(
        &self,
        after: Offset,
        before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let client = self.client();
        Box::pin(async move { client?.events(after, before).await })
    }
}
