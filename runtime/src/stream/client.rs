//! A stream as its callers see it.

use super::{
    contract::SubscriberDescriptor,
    object::{BINDING, LOG_CREATED_AT},
    state::CoreState,
};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    event::{Event, EventInput, EventType, Offset, StreamName, StreamPath},
    object::{Context, Stub},
    platform::Target,
};
use serde::Deserialize;
use std::sync::Arc;

/// Of a stream's answer to `runtimeState`, what callers here want.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeState {
    core_processor_state: CoreState,
}

/// Committed events, shared.
pub type Events = Arc<Vec<Arc<Event>>>;

#[derive(Clone)]
pub struct StreamClient {
    stub: Stub,
    log_created_at: Option<Arc<str>>,
}

impl StreamClient {
    /// A stream by name; it is created if it does not exist.
    pub fn named(context: &Context, name: &StreamName) -> Self {
        StreamClient {
            stub: context.object(BINDING, name),
            log_created_at: None,
        }
    }

    /// The live stream that a handshake handed over.
    pub fn live(context: &Context, capability: Capability) -> Self {
        StreamClient {
            stub: context.stub_to(Target::Capability(capability)),
            log_created_at: None,
        }
    }

    /// The same stream, as long as its log is the one that began at that time: when the stream was
    /// reset since, every call fails with `AppendError::RESET`.
    pub fn of_log(mut self, created_at: Option<Arc<str>>) -> Self {
        self.log_created_at = created_at;
        self
    }

    fn arguments(&self) -> Arguments {
        match &self.log_created_at {
            Some(created_at) => Arguments::new().json(LOG_CREATED_AT, created_at),
            None => Arguments::new(),
        }
    }

    /// Appends a batch, to this stream or, given a path, to another of the namespace. The result
    /// is aligned with the input.
    ///
    /// # Errors
    /// The stream refuses the batch (its codes are those of `AppendError`), or cannot be reached.
    pub async fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> Result<Events, CallError> {
        let events = events.into_iter().map(Arc::new).collect();
        self.append_shared(path, Arc::new(events)).await
    }

    /// Like [`StreamClient::append_batch`], without a copy.
    ///
    /// # Errors
    /// As there.
    pub async fn append_shared(
        &self,
        path: Option<&StreamPath>,
        events: Arc<Vec<Arc<EventInput>>>,
    ) -> Result<Events, CallError> {
        let mut arguments = self.arguments().with("events", Argument::shared(events));
        if let Some(path) = path {
            arguments = arguments.json("streamPath", path);
        }
        self.stub.call("appendBatch", arguments).await?.to_shared()
    }

    /// Events with `after < offset < before`.
    ///
    /// # Errors
    /// The stream cannot be reached.
    pub async fn events(&self, after: Offset, before: Option<Offset>) -> Result<Events, CallError> {
        let mut arguments = self.arguments().json("afterOffset", after);
        if let Some(before) = before {
            arguments = arguments.json("beforeOffset", before);
        }
        self.stub.call("getEvents", arguments).await?.to_shared()
    }

    /// When the stream's log began; wakes the stream, if it sleeps.
    ///
    /// # Errors
    /// The stream cannot be reached.
    pub async fn log_created_at(&self) -> Result<Arc<str>, CallError> {
        let state = self.stub.call("runtimeState", self.arguments()).await?;
        let state: RuntimeState = state.parse()?;
        Ok(state.core_processor_state.created_at)
    }

    /// Opens an outbound connection; the reply is the handle to unsubscribe with.
    ///
    /// # Errors
    /// The stream cannot be reached.
    pub async fn subscribe_outbound(
        &self,
        key: &str,
        replay_after: Offset,
        event_types: &[EventType],
        subscriber: Arc<SubscriberDescriptor>,
        process_event_batch: Capability,
    ) -> Result<Capability, CallError> {
        let arguments = Arguments::new()
            .json("subscriptionKey", key)
            .json("replayAfterOffset", replay_after)
            .json("eventTypes", event_types)
            .with("subscriber", Argument::shared(subscriber))
            .with(
                "processEventBatch",
                Argument::Capability(process_event_batch),
            );
        let opened = self.stub.call("subscribeOutbound", arguments).await?;
        opened.record()?.capability("subscription")
    }

    /// The incarnation of a live stream.
    pub fn incarnation(&self) -> Option<u64> {
        self.stub.capability().map(|live| live.incarnation)
    }
}
