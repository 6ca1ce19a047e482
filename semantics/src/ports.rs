//! The ports of one life of a processor: everything that passes them is noted.

use crate::{
    clock::{yield_once, Clock},
    effect::{Effect, Journal},
    memory::Memory,
    outside::Outside,
    streams::Streams,
};
use futures_util::future::{AbortHandle, LocalBoxFuture};
use runtime::{
    call::{Argument, Arguments, CallError, Capability},
    event::{EventInput, Offset, StreamName, Timestamp},
    platform::{ByteStream, Note, NoteKind, OutboundCall, Platform, Store, Task},
    quirk::Quirks,
    stream,
};
use serde_json::{Map, Value};
use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::Arc,
};
use uuid::Uuid;

/// Answers a call to another object.
pub type Callee = Rc<dyn Fn(&OutboundCall) -> Result<Argument, CallError>>;

pub struct Ports {
    pub clock: Clock,
    pub journal: Journal,
    pub streams: Rc<Streams>,
    pub outside: Outside,
    pub callee: Option<Callee>,
    pub store: Rc<Memory>,
    pub quirks: Quirks,
    pub incarnation: u64,
    pub ids: Cell<u64>,
    pub tasks: RefCell<Vec<AbortHandle>>,
}

impl Ports {
    /// The life is over, with all that it was doing.
    pub fn end(&self) {
        for task in self.tasks.take() {
            task.abort();
        }
    }

    pub fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        let task = self.clock.spawn(work);
        self.tasks.borrow_mut().push(task);
    }

    fn answer(&self, call: &OutboundCall) -> Result<Argument, CallError> {
        if call.target.object().binding == stream::BINDING {
            return self.call_stream(call);
        }
        let outcome = match &self.callee {
            Some(callee) => callee(call),
            None => Err(CallError::Unresolved("the story has no callee".to_owned())),
        };
        let answered = match &outcome {
            Ok(reply) => Ok(json(reply)),
            Err(error) => Err(error.to_string()),
        };
        self.journal.note(Effect::Called {
            object: call.target.object().to_string(),
            method: call.method.to_string(),
            arguments: record(&call.arguments),
            outcome: answered,
        });
        outcome
    }

    /// A stream that is called by name. What it appends is noted as an append.
    fn call_stream(&self, call: &OutboundCall) -> Result<Argument, CallError> {
        let name = StreamName::parse(&call.target.object().name)
            .map_err(|error| CallError::invalid(error.to_string()))?;
        let arguments = &call.arguments;
        match &*call.method {
            "appendBatch" => {
                let path = match arguments.parse_optional::<String>("streamPath")? {
                    Some(path) => name.path.resolve(&path),
                    None => Ok(name.path),
                };
                let path = path.map_err(|error| CallError::invalid(error.to_string()))?;
                let events = arguments.shared::<Vec<Arc<EventInput>>>("events")?;
                let events = events.iter().map(|event| (**event).clone()).collect();
                let appended = self.streams.append(&self.journal, &path, events)?;
                Ok(Argument::shared(appended))
            }
            "getEvents" => {
                let after = arguments.parse_optional("afterOffset")?;
                let before = arguments.parse_optional("beforeOffset")?;
                let log = self.streams.at(&name.path);
                let events = log.between(after.unwrap_or(Offset::ZERO), before);
                Ok(Argument::shared(Arc::new(events)))
            }
            method => Err(CallError::Unresolved(format!(
                "the streams of a story have no method {method:?}"
            ))),
        }
    }
}

impl Platform for Ports {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, _what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        self.clock.sleep(duration_ms)
    }

    fn spawn(&self, _task: Task, work: LocalBoxFuture<'static, ()>) {
        Ports::spawn(self, work);
    }

    fn store(&self) -> Rc<dyn Store> {
        self.store.clone()
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let outcome = self.answer(&call);
        Box::pin(async move {
            yield_once().await;
            outcome
        })
    }

    fn broken(&self, _capability: &Capability) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        let connected = self.outside.connect(&self.clock, &self.journal, host, port);
        Box::pin(async move { connected })
    }

    fn draw_id(&self) -> Uuid {
        self.ids.set(self.ids.get() + 1);
        Uuid::from_u64_pair(self.incarnation, self.ids.get())
    }

    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn abort(&self, reason: &str) {
        self.journal.note(Effect::Failed(format!(
            "the object resets itself: {reason}"
        )));
        self.end();
    }

    fn note(&self, note: Note<'_>) {
        if note.kind == NoteKind::Failure {
            self.journal.note(Effect::Failed(note.detail.to_string()));
        }
    }

    fn quirks(&self) -> Quirks {
        self.quirks
    }
}

/// What travels, as JSON; live capabilities are named.
fn json(argument: &Argument) -> Value {
    match argument {
        Argument::Capability(capability) => {
            Value::from(format!("<capability of {}>", capability.object))
        }
        Argument::List(items) => items.iter().map(json).collect(),
        Argument::Record(fields) => record(fields),
        argument => argument.to_json().unwrap_or_default(),
    }
}

fn record(arguments: &Arguments) -> Value {
    let fields = arguments.iter();
    let fields = fields.map(|(name, value)| (name.to_owned(), json(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}
