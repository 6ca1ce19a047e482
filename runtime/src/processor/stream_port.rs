//! The stream as a processor sees it: late-bound, because the host is dialed after it is built.

use crate::{
    call::CallError,
    event::{EventInput, Offset, StreamName, StreamPath},
    object::Context,
    stream::{Events, StreamClient},
};
use futures_util::future::LocalBoxFuture;
use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc};

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

/// The stream that the last handshake handed over. If that live stub breaks while the stream's
/// connection to this host stands, nobody would dial again: from then on the stream is reached by
/// name, which has the same methods but for opening connections.
#[derive(Clone)]
pub struct LateStream(Rc<Inner>);

struct Inner {
    processor: &'static str,
    context: Context,
    name: StreamName,
    /// When the log began that the handshake spoke of: by name, a stream could be another by now.
    log_created_at: RefCell<Option<Arc<str>>>,
    live: RefCell<Option<StreamClient>>,
    in_use: RefCell<Option<StreamClient>>,
}

impl LateStream {
    pub fn new(processor: &'static str, context: Context, name: StreamName) -> Self {
        LateStream(Rc::new(Inner {
            processor,
            context,
            name,
            log_created_at: RefCell::default(),
            live: RefCell::default(),
            in_use: RefCell::default(),
        }))
    }

    pub fn retain(&self, live: StreamClient, log_created_at: Option<Arc<str>>) {
        *self.0.log_created_at.borrow_mut() = log_created_at;
        *self.0.in_use.borrow_mut() = Some(live.clone());
        *self.0.live.borrow_mut() = Some(live);
    }

    /// Without a handshake: the stream by name, as long as its log is that one.
    pub fn reach_by_name(&self, log_created_at: Arc<str>) {
        *self.0.log_created_at.borrow_mut() = Some(log_created_at);
        self.use_name();
    }

    /// From here on the stream is called by name.
    fn use_name(&self) -> StreamClient {
        let log_created_at = self.0.log_created_at.borrow().clone();
        let named = StreamClient::named(&self.0.context, &self.0.name).of_log(log_created_at);
        *self.0.in_use.borrow_mut() = Some(named.clone());
        named
    }

    /// It can be called: the live stub, or by name.
    pub fn is_within_reach(&self) -> bool {
        self.0.in_use.borrow().is_some()
    }

    pub fn is_bound(&self) -> bool {
        self.0.live.borrow().is_some()
    }

    /// The live stream, on which connections can be opened.
    pub fn live(&self) -> Option<StreamClient> {
        self.0.live.borrow().clone()
    }

    /// Runs a call; if the stub was broken, so that it was not sent, once more by name.
    async fn run<T, F>(&self, call: impl Fn(StreamClient) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let client = self.0.in_use.borrow().clone().ok_or_else(|| {
            CallError::Broken(format!(
                "processor {:?} has no stream subscription yet",
                self.0.processor
            ))
        })?;
        match call(client).await {
            Err(CallError::Broken(_)) => call(self.use_name()).await,
            outcome => outcome,
        }
    }
}

impl StreamPort for LateStream {
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let (stream, path) = (self.clone(), path.cloned());
        let events: Arc<Vec<Arc<EventInput>>> =
            Arc::new(events.into_iter().map(Arc::new).collect());
        Box::pin(async move {
            let append = |client: StreamClient| {
                let (path, events) = (path.clone(), events.clone());
                async move { client.append_shared(path.as_ref(), events).await }
            };
            stream.run(append).await
        })
    }

    fn events(
        &self,
        after: Offset,
        before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let stream = self.clone();
        Box::pin(async move {
            let read = |client: StreamClient| async move { client.events(after, before).await };
            stream.run(read).await
        })
    }
}
