//! The ports over a [`World`]: calls go to the streams or to a closure, connections to Slack.

use super::{rows::Rows, slack_service::SlackService, streams::Streams, World};
use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Argument, Arguments, CallError, Capability},
    event::{EventInput, StreamName, Timestamp},
    platform::{ByteStream, Note, NoteKind, OutboundCall, Platform, Store, Task},
    quirk::Quirks,
};
use std::{cell::RefCell, io, rc::Rc, sync::Arc};
use uuid::Uuid;

/// Answers calls to objects other than streams.
pub type Callee =
    Box<dyn Fn(&str, &str, Arguments) -> LocalBoxFuture<'static, Result<Argument, CallError>>>;

pub struct FakePlatform {
    pub world: Rc<World>,
    pub slack: Rc<SlackService>,
    pub streams: Option<Rc<Streams>>,
    pub callee: RefCell<Option<Callee>>,
    pub refuses_connections: std::cell::Cell<bool>,
    pub rows: Rc<Rows>,
    pub quirks: Quirks,
}

impl FakePlatform {
    pub fn new(world: &Rc<World>, streams: Option<Rc<Streams>>) -> Rc<Self> {
        FakePlatform::with_quirks(world, streams, Quirks::NONE)
    }

    pub fn with_quirks(
        world: &Rc<World>,
        streams: Option<Rc<Streams>>,
        quirks: Quirks,
    ) -> Rc<Self> {
        Rc::new(FakePlatform {
            world: world.clone(),
            slack: SlackService::new(world),
            streams,
            callee: RefCell::default(),
            refuses_connections: Default::default(),
            rows: Rc::default(),
            quirks,
        })
    }

    fn append(&self, call: &OutboundCall) -> Result<Argument, CallError> {
        let streams = self.streams.as_ref().expect("a world with streams");
        let name = StreamName::parse(&call.target.object().name).unwrap();
        let events = call.arguments.shared::<Vec<Arc<EventInput>>>("events")?;
        let events = events.iter().map(|event| (**event).clone()).collect();
        streams.append(&name.path, events).map(Argument::shared)
    }
}

impl Platform for FakePlatform {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn sleep(&self, _what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        self.world.sleep(duration_ms)
    }

    fn spawn(&self, _task: Task, work: LocalBoxFuture<'static, ()>) {
        self.world.spawn(work);
    }

    fn store(&self) -> Rc<dyn Store> {
        self.rows.clone()
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let object = call.target.object().clone();
        match (&*object.binding, &*call.method) {
            ("STREAM", "appendBatch") => {
                let reply = self.append(&call);
                Box::pin(async { reply })
            }
            (_, method) => {
                let callee = self.callee.borrow();
                let callee = callee.as_ref().expect("a world with a callee");
                callee(&object.to_string(), method, call.arguments)
            }
        }
    }

    fn broken(&self, _capability: &Capability) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        assert_eq!((host, port), ("slack.com", 443));
        if self.refuses_connections.get() {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.world.spawn(Box::pin(self.slack.clone().serve(theirs)));
        Box::pin(async { Ok(Box::new(ours) as Box<dyn ByteStream>) })
    }

    fn draw_id(&self) -> Uuid {
        Uuid::nil()
    }

    fn incarnation(&self) -> u64 {
        1
    }

    fn abort(&self, reason: &str) {
        self.world.log(format!("abort: {reason}"));
    }

    fn note(&self, note: Note<'_>) {
        if note.kind == NoteKind::Failure {
            self.world.log(format!("failure: {}", note.detail));
        }
    }

    fn quirks(&self) -> Quirks {
        self.quirks
    }
}
