//! The Stream as a durable object: boot, surface, alarm (spec §1.6, §1.13).

use super::{
    append::created,
    connection::Connection,
    contract::*,
    dial::{Connections, Subscription},
    log::Log,
    state::CoreState,
};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    callable::DispatchContext,
    event::{Event, EventInput, EventType, IdempotencyKey, Offset, StreamName, StreamPath},
    object::{unknown_method, Class, Context, Object, Reply},
};
use futures_util::future::LocalBoxFuture;
use serde_json::{json, Value};
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// The namespace binding of streams.
pub const BINDING: &str = "STREAM";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct: |context| StreamObject::boot(context),
};

pub struct StreamObject {
    pub(super) context: Context,
    name: StreamName,
    state: RefCell<Arc<CoreState>>,
    log: Log,
    pub(super) connections: RefCell<Connections>,
    live: RefCell<Option<Capability>>,
    /// What the callables of subscribers reach.
    pub(super) reach: DispatchContext,
}

/// Who calls: the internal target is handed to subscribers only, in the handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Public,
    Internal,
}

impl StreamObject {
    /// Recovers the state; `created` if there is nothing yet; `woken` always.
    fn boot(context: Context) -> Rc<dyn Object> {
        let name = StreamName::parse(&context.name().name)
            .unwrap_or_else(|error| panic!("streams are named <namespace>:<path>: {error}"));
        let log = Log::new(context.store());
        let state = log.recover();
        let is_new = state.event_count == 0;
        let stream = Rc::new(StreamObject {
            name,
            state: RefCell::new(Arc::new(state)),
            log,
            connections: RefCell::default(),
            live: RefCell::new(None),
            reach: DispatchContext::of_platform(&context),
            context,
        });
        *stream.live.borrow_mut() = Some(stream.export_surface());
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
            if let Err(error) = stream.append_local(&[Arc::new(event)]) {
                panic!("a stream takes its own boot events: {error}");
            }
        }
        stream
    }

    fn export_surface(self: &Rc<Self>) -> Capability {
        let stream = Rc::downgrade(self);
        self.context
            .export(Rc::new(move |method, arguments| match stream.upgrade() {
                Some(stream) => stream.answer(Surface::Internal, method, arguments),
                None => Box::pin(async { Err(CallError::Broken("the stream is gone".into())) }),
            }))
    }

    pub(super) fn live_capability(&self) -> Capability {
        self.live.borrow().clone().expect("set at boot")
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

    pub(super) fn find(&self, key: &IdempotencyKey) -> Option<Arc<Event>> {
        self.log.find(key)
    }

    pub(super) fn write(&self, new: &[Arc<Event>], state: CoreState) {
        let state = Arc::new(state);
        self.log.commit(new, &state);
        *self.state.borrow_mut() = state;
    }

    fn answer(self: Rc<Self>, surface: Surface, method: String, arguments: Arguments) -> Reply {
        let answer = match method.as_str() {
            "append" | "appendBatch" => return self.append(&method, &arguments),
            "getEvent" => self.get_event(&arguments),
            "getEvents" => self.get_events(&arguments),
            "subscribe" => self.subscribe(Direction::Inbound, &arguments),
            "subscribeOutbound" if surface == Surface::Internal => {
                self.subscribe(Direction::Outbound, &arguments)
            }
            "runtimeState" => Ok(Argument::Json(self.runtime_state())),
            "reduce" => self.reduce(&arguments),
            "kill" => {
                self.context.abort("killed");
                Ok(Argument::NULL)
            }
            "reset" => {
                self.reset();
                Ok(Argument::NULL)
            }
            method => Err(unknown_method(BINDING, method)),
        };
        Box::pin(async { answer })
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
            let event = parse_event(arguments.require("event")?)?;
            let mut appended = self.append_local(&[event])?;
            let event = appended.pop().expect("one for one");
            return Ok(Appended::Here(Argument::shared(event)));
        }
        let events = arguments.require("events")?;
        let appended = match events.downcast::<Vec<Arc<EventInput>>>() {
            Ok(events) => self.append_local(&events)?,
            Err(_) => {
                let events: Vec<Value> = events.parse()?;
                let events: Result<Vec<Arc<EventInput>>, CallError> = events
                    .into_iter()
                    .map(|event| parse_event(&Argument::Json(event)))
                    .collect();
                self.append_local(&events?)?
            }
        };
        Ok(Appended::Here(Argument::shared(Arc::new(appended))))
    }

    /// Appends to another stream of this namespace; nothing is journaled here.
    fn forward(&self, method: &str, path: StreamPath, arguments: Arguments) -> Reply {
        let name = StreamName::new(&self.name.namespace, path);
        let mut forwarded = Arguments::new();
        for (key, value) in arguments.iter().filter(|(key, _)| *key != "streamPath") {
            forwarded.set(key.to_owned(), value.clone());
        }
        self.context
            .object(BINDING, name)
            .call(method.to_owned(), forwarded)
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

    fn subscribe(
        self: &Rc<Self>,
        direction: Direction,
        arguments: &Arguments,
    ) -> Result<Argument, CallError> {
        let key: Option<String> = arguments.parse_optional("subscriptionKey")?;
        let key = key.filter(|key| !key.trim().is_empty());
        let key = match (key, direction) {
            (Some(key), _) => key.trim().to_owned(),
            (None, Direction::Inbound) => self.context.draw_id().to_string(),
            (None, Direction::Outbound) => {
                return Err(CallError::invalid("subscriptionKey must not be blank"))
            }
        };
        let event_types: Option<Vec<EventType>> = arguments.parse_optional("eventTypes")?;
        let events: Option<bool> = arguments.parse_optional("events")?;
        let connection = self.open(Subscription {
            key: key.into(),
            direction,
            callback: arguments.capability("processEventBatch")?,
            replay_after: arguments.parse_optional("replayAfterOffset")?,
            event_types,
            subscriber: arguments.shared_optional("subscriber")?,
            state_only: direction == Direction::Inbound && events == Some(false),
        });
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
                    "direction": connection.direction,
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

    /// Deletes everything; the next touch boots a new stream under the same name. The incarnation
    /// ends in the same turn: anything that it still appended would go to a log without a beginning.
    fn reset(&self) {
        let store = self.context.store();
        store.clear();
        store.commit();
        self.context.abort("reset");
    }
}

enum Appended {
    Here(Argument),
    Forwarded(Reply),
}

fn parse_event(argument: &Argument) -> Result<Arc<EventInput>, CallError> {
    if let Ok(event) = argument.downcast::<EventInput>() {
        return Ok(event);
    }
    argument
        .parse()
        .map(Arc::new)
        .map_err(|error: CallError| CallError::remote("invalid-event", error.to_string()))
}

impl Object for StreamObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.answer(Surface::Public, method, arguments)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        self.look_after_deliveries();
        Box::pin(async { Ok(()) })
    }
}
