//! The Stream as a durable object: boot, surface, alarm (spec §1.6, §1.13).

use super::{
    append::{created, AppendError},
    connection::Connection,
    contract::*,
    dial::{Connections, Subscription},
    idle::IdleTimer,
    log::Log,
    state::{ConfiguredEvent, CoreState},
};
use crate::{
    call::{Argument, Arguments, CallError, Capability, Wire},
    callable::DispatchContext,
    event::{
        Event, EventInput, EventType, IdempotencyKey, Offset, StreamName, StreamPath, Timestamp,
    },
    object::{unknown_method, Class, Context, Object, Reply, Stub},
    patience::Patience,
    platform::StorageError,
    quirk::Quirk,
};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

/// The namespace binding of streams.
pub const BINDING: &str = "STREAM";

/// An argument of every call: the creation time of the log that the caller means.
pub(super) const LOG_CREATED_AT: &str = "logCreatedAt";

pub const CLASS: Class = class::<{ 5 * 60 * 1_000 }>();

/// Streams that let go of their subscribers after so many quiet milliseconds.
pub const fn class<const IDLE_MS: u64>() -> Class {
    Class {
        binding: BINDING,
        construct: |context| StreamObject::boot(context, IDLE_MS),
    }
}

pub struct StreamObject {
    pub(super) context: Context,
    name: StreamName,
    state: RefCell<Arc<CoreState>>,
    log: Log,
    pub(super) connections: RefCell<Connections>,
    /// What the callables of subscribers reach.
    pub(super) reach: DispatchContext,
    pub(super) idle: IdleTimer,
    /// Announcements to ancestors are under way.
    pub(super) announcing: Cell<bool>,
    pub(super) announcements: Cell<Patience>,
    /// Stubs to other streams of the namespace: what is forwarded to one arrives in order.
    peers: RefCell<BTreeMap<StreamName, Stub>>,
}

/// Who calls.
#[derive(Clone)]
enum Surface {
    Public,
    /// The live capability that a handshake hands over, to whom that configuration names.
    Dialed(Arc<ConfiguredEvent>),
}

impl StreamObject {
    /// Recovers the state; `created` if there is nothing yet; `woken` always. If the storage refuses
    /// them the incarnation ends: whoever comes next wakes the stream anew.
    fn boot(context: Context, idle_ms: u64) -> Rc<dyn Object> {
        let name = StreamName::parse(&context.name().name)
            .unwrap_or_else(|error| panic!("streams are named <namespace>:<path>: {error}"));
        let log = Log::new(context.store());
        let state = log.recover(context.quirks());
        let is_new = state.event_count == 0;
        let stream = Rc::new(StreamObject {
            name,
            state: RefCell::new(Arc::new(state)),
            log,
            connections: RefCell::default(),
            reach: DispatchContext::of_platform(&context),
            idle: IdleTimer::new(idle_ms),
            announcing: Cell::new(false),
            announcements: Cell::default(),
            peers: RefCell::default(),
            context,
        });
        let mut first = Vec::new();
        if is_new {
            first.push(created(&stream.name.namespace, stream.name.path.as_str()));
        }
        first.push(EventInput::new(
            WOKEN,
            Woken {
                incarnation_id: stream.context.draw_id().to_string(),
            },
        ));
        for event in first {
            match stream.append_local(&[Arc::new(event)]) {
                Ok(_) => {}
                Err(error @ AppendError::Storage(_)) => {
                    let reason = format!("the stream could not wake: {error}");
                    stream.context.abort(&reason);
                    break;
                }
                Err(error) => panic!("a stream takes its own boot events: {error}"),
            }
        }
        stream
    }

    /// The stream as a subscriber sees it that was dialed because of this configuration.
    pub(super) fn export_surface(self: &Rc<Self>, dialed: Arc<ConfiguredEvent>) -> Capability {
        let stream = Rc::downgrade(self);
        let surface = Surface::Dialed(dialed);
        self.context
            .export(Rc::new(move |method, arguments| match stream.upgrade() {
                Some(stream) => stream.answer(&surface, method, arguments),
                None => Box::pin(async { Err(CallError::Broken("the stream is gone".into())) }),
            }))
    }

    pub(super) fn name(&self) -> &StreamName {
        &self.name
    }

    /// Another stream.
    pub(super) fn peer(&self, namespace: &str, path: StreamPath) -> Stub {
        let name = StreamName::new(namespace, path);
        let mut peers = self.peers.borrow_mut();
        let stub = || self.context.object(BINDING, &name);
        peers.entry(name.clone()).or_insert_with(stub).clone()
    }

    pub fn state(&self) -> Arc<CoreState> {
        self.state.borrow().clone()
    }

    pub fn head(&self) -> Offset {
        self.state.borrow().max_offset
    }

    pub(super) fn read(&self, after: Offset, before: Offset, limit: usize) -> Vec<Arc<Event>> {
        self.log.read(after, before, limit)
    }

    /// The time at which the log begins, now.
    pub(super) fn may_begin_now(&self) -> Timestamp {
        self.log.may_begin_at(self.context.now())
    }

    pub(super) fn find(&self, key: &IdempotencyKey) -> Option<Arc<Event>> {
        self.log.find(key)
    }

    /// # Errors
    /// A write was refused: rows and memory are as they were.
    pub(super) fn write(&self, new: &[Arc<Event>], state: CoreState) -> Result<(), StorageError> {
        let state = Arc::new(state);
        self.log.commit(new, &state)?;
        *self.state.borrow_mut() = state;
        Ok(())
    }

    fn answer(self: Rc<Self>, surface: &Surface, method: String, arguments: Arguments) -> Reply {
        if let Err(error) = self.check_log(&arguments) {
            return Box::pin(async { Err(error) });
        }
        let answer = match (method.as_str(), surface) {
            ("append" | "appendBatch", _) => return self.append(&method, &arguments),
            ("getEvent", _) => self.get_event(&arguments),
            ("getEvents", _) => self.get_events(&arguments),
            ("subscribe", _) => self.subscribe(None, &arguments),
            ("subscribeOutbound", Surface::Dialed(dialed)) => {
                self.subscribe(Some(dialed), &arguments)
            }
            ("runtimeState", _) => Ok(Argument::Json(self.runtime_state())),
            ("reduce", _) => self.reduce(&arguments),
            ("kill", _) => {
                self.context.abort("killed");
                Ok(Argument::NULL)
            }
            ("reset", _) => self.reset(),
            ("setCoreProcessorState", _) if self.context.quirk(Quirk::B23) => {
                self.set_core_state(&arguments)
            }
            (method, _) => Err(unknown_method(BINDING, method)),
        };
        Box::pin(async { answer })
    }

    /// Refuses a caller who means a log that was reset: a stream is reached by its name, which
    /// outlives its log.
    fn check_log(&self, arguments: &Arguments) -> Result<(), CallError> {
        let meant: Option<String> = arguments.parse_optional(LOG_CREATED_AT)?;
        match meant {
            Some(meant) if *meant != *self.state().created_at => Err(CallError::remote(
                AppendError::RESET,
                format!(
                    "stream {} was reset: its log began at {}, not at {meant}",
                    self.name,
                    self.state().created_at
                ),
            )),
            _ => Ok(()),
        }
    }

    /// What a deny-list let through (#1458). Where the log ends it cannot change.
    fn set_core_state(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let state = self.state();
        let given: CoreState = arguments.parse("coreProcessorState")?;
        let forged = CoreState {
            event_count: state.event_count,
            max_offset: state.max_offset,
            ..given
        };
        self.write(&[], forged)?;
        Ok(Argument::NULL)
    }

    fn append(self: Rc<Self>, method: &str, arguments: &Arguments) -> Reply {
        let outcome = self.append_here_or_forward(method, arguments);
        match outcome {
            Ok(Appended::Here(argument)) => Box::pin(async { Ok(argument) }),
            Ok(Appended::Forwarded(reply)) => reply,
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn append_here_or_forward(
        self: &Rc<Self>,
        method: &str,
        arguments: &Arguments,
    ) -> Result<Appended, CallError> {
        let stream_path: Option<String> = arguments.parse_optional("streamPath")?;
        if let Some(relative) = &stream_path {
            let path = self
                .name
                .path
                .resolve(relative)
                .map_err(|error| CallError::invalid(error.to_string()))?;
            if path != self.name.path {
                return Ok(Appended::Forwarded(self.forward(
                    method,
                    path,
                    arguments.clone(),
                )));
            }
        }
        if method == "append" {
            let event = to_append(arguments, "event")?;
            let mut appended = self.append_local(&[event])?;
            let event = appended.pop().expect("one for one");
            return Ok(Appended::Here(Argument::shared(event)));
        }
        let events: Arc<Vec<Arc<EventInput>>> = to_append(arguments, "events")?;
        let appended = self.append_local(&events)?;
        Ok(Appended::Here(Argument::shared(Arc::new(appended))))
    }

    /// Appends to another stream of this namespace; nothing is journaled here. That the other one is
    /// paused has a code of its own: whoever waits until this one is resumed would wait in vain.
    fn forward(&self, method: &str, path: StreamPath, arguments: Arguments) -> Reply {
        let mut forwarded = Arguments::new();
        let own = ["streamPath", LOG_CREATED_AT];
        for (key, value) in arguments.iter().filter(|(key, _)| !own.contains(key)) {
            forwarded.set(key.to_owned(), value.clone());
        }
        let peer = self.peer(&self.name.namespace, path.clone());
        let reply = peer.call(method.to_owned(), forwarded);
        Box::pin(async move {
            reply.await.map_err(|error| match error.code() {
                Some(AppendError::PAUSED) => {
                    CallError::remote(AppendError::OTHER_PAUSED, format!("{path}: {error}"))
                }
                _ => error,
            })
        })
    }

    fn get_event(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        if let Some(offset) = arguments.parse_optional::<Offset>("offset")? {
            let event = self.log.get(offset);
            return event.map(Argument::shared).ok_or_else(|| {
                CallError::remote("no-event", format!("no event at offset {offset}"))
            });
        }
        let key: IdempotencyKey = arguments.parse("idempotencyKey")?;
        Ok(self.find(&key).map_or(Argument::NULL, Argument::shared))
    }

    fn get_events(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let after: Option<Offset> = arguments.parse_optional("afterOffset")?;
        let before: Option<Offset> = arguments.parse_optional("beforeOffset")?;
        let limit: Option<u64> = arguments.parse_optional("limit")?;
        if limit == Some(0) {
            return Err(CallError::invalid(
                "limit must be a positive integer, got 0",
            ));
        }
        let events = self.read(
            after.unwrap_or(Offset::ZERO),
            before.unwrap_or(Offset(u64::MAX)),
            limit.map_or(usize::MAX, |limit| limit as usize),
        );
        Ok(Argument::shared(Arc::new(events)))
    }

    /// Opens a connection: outbound for who was `dialed`, else inbound.
    fn subscribe(
        self: &Rc<Self>,
        dialed: Option<&Arc<ConfiguredEvent>>,
        arguments: &Arguments,
    ) -> Result<Argument, CallError> {
        let key: Option<String> = arguments.parse_optional("subscriptionKey")?;
        let key = key.filter(|key| !key.trim().is_empty());
        let key = match (key, dialed) {
            (Some(key), _) => key.trim().to_owned(),
            (None, None) => self.context.draw_id().to_string(),
            (None, Some(_)) => return Err(CallError::invalid("subscriptionKey must not be blank")),
        };
        if let Some(dialed) = dialed {
            self.check_current(&key, dialed)?;
        }
        let event_types: Option<Vec<EventType>> = arguments.parse_optional("eventTypes")?;
        let events: Option<bool> = arguments.parse_optional("events")?;
        let connection = self.open(Subscription {
            key: key.into(),
            dialed: dialed.cloned(),
            callback: arguments.capability("processEventBatch")?,
            replay_after: arguments.parse_optional("replayAfterOffset")?,
            event_types,
            subscriber: arguments.shared_optional("subscriber")?,
            state_only: dialed.is_none() && events == Some(false),
        })?;
        Ok(self.describe(&connection))
    }

    fn describe(&self, connection: &Rc<Connection>) -> Argument {
        let handle = Argument::Capability(connection.handle.clone());
        Argument::Record(
            Arguments::new()
                .json("subscriptionKey", &connection.key)
                .json("streamMaxOffset", self.head())
                .with("subscription", handle),
        )
    }

    fn runtime_state(&self) -> Value {
        let connections = self.connections.borrow();
        let runtime: serde_json::Map<String, Value> = connections
            .open()
            .map(|connection| {
                let mut description = json!({
                    "direction": connection.direction(),
                    "startedAt": connection.started_at,
                    "cursor": connection.cursor.get(),
                    "batchesSent": connection.batches_sent.get(),
                    "eventsSent": connection.events_sent.get(),
                });
                if let Some(at) = connection.last_delivered_at.get() {
                    description["lastDeliveredAt"] = json!(at);
                }
                (connection.key.to_string(), description)
            })
            .collect();
        json!({ "coreProcessorState": *self.state(), "runtime": { "connections": runtime } })
    }

    fn reduce(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let event: Event = arguments.parse("event")?;
        let given: Option<CoreState> = arguments.parse_optional("coreProcessorState")?;
        let mut state = given.unwrap_or_else(|| (*self.state()).clone());
        state
            .reduce(&event)
            .map_err(|error| CallError::invalid(error.to_string()))?;
        Ok(Argument::shared(Arc::new(state)))
    }

    /// Deletes everything but the time at which the log began: the next touch boots a new stream under
    /// the same name, whose log begins later. The incarnation ends in the same turn: anything that it
    /// still appended would go to a log without a beginning.
    fn reset(&self) -> Result<Argument, CallError> {
        let store = self.context.store();
        let began_at = self.log.began_at();
        store.atomically(|| {
            store.clear()?;
            self.log.begin_after(began_at)
        })?;
        store.commit();
        self.context.abort("reset");
        Ok(Argument::NULL)
    }
}

enum Appended {
    Here(Argument),
    Forwarded(Reply),
}

/// What is to be appended: an event, or a list of them.
fn to_append<T: Wire + DeserializeOwned>(
    arguments: &Arguments,
    name: &str,
) -> Result<Arc<T>, CallError> {
    let argument = arguments.require(name)?;
    argument
        .to_shared()
        .map_err(|error| CallError::remote(AppendError::INVALID, error.to_string()))
}

impl Object for StreamObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.answer(&Surface::Public, method, arguments)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        self.take_up_announcement();
        self.look_after_deliveries();
        Box::pin(async { Ok(()) })
    }
}
