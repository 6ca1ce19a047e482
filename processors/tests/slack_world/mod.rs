//! A small world for the Slack tests: a clock that jumps, streams in memory, and a Slack that answers
//! as told. Not every test file uses all of it.
#![allow(dead_code)]

pub mod platform;
pub mod rows;
pub mod slack_service;
pub mod streams;
pub mod workspace;

use futures_util::future::LocalBoxFuture;
use runtime::{
    event::{Event, EventType, Offset, Timestamp},
    object::Context,
    processor::{Engine, EventBatch, Processor, ProcessorError, Runner},
};
use semantics::clock::{Clock, BEGAN_MS};
use serde_json::Value;
use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc};

pub const START_MS: i64 = BEGAN_MS;

/// The clock, and what happened.
#[derive(Default)]
pub struct World {
    pub clock: Clock,
    /// What happened, in order, across streams and Slack.
    pub journal: RefCell<Vec<String>>,
}

impl World {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    pub fn log(&self, line: impl Into<String>) {
        self.journal.borrow_mut().push(line.into());
    }

    pub fn take_journal(&self) -> Vec<String> {
        self.journal.take()
    }

    /// Everything that was under way is gone.
    pub fn crash(&self) {
        self.clock.end();
    }

    pub fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        drop(self.clock.spawn(work));
    }

    pub fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.clock.sleep(ms)
    }

    /// Runs a future and everything spawned; when all wait, the clock goes on to the next timer.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let outcome = self.clock.run(main);
        outcome.expect("everything waits, and no timer is set")
    }
}

/// A committed event as a stream delivers it.
pub fn event(offset: u64, kind: EventType, payload: Value) -> Arc<Event> {
    Arc::new(Event {
        kind,
        payload: Some(Arc::new(payload)),
        metadata: None,
        source: None,
        idempotency_key: None,
        offset: Offset(offset),
        created_at: Timestamp::from_unix_ms(START_MS),
    })
}

pub fn batch(events: impl IntoIterator<Item = Arc<Event>>) -> EventBatch {
    let events: Vec<_> = events.into_iter().collect();
    EventBatch {
        stream_max_offset: events.last().map_or(Offset::ZERO, |event| event.offset),
        events: Arc::new(events),
    }
}

/// Delivers a batch to a processor.
pub fn ingest<P: Processor>(
    world: &World,
    engine: &Rc<Engine<P>>,
    events: impl IntoIterator<Item = Arc<Event>>,
) -> Result<(), ProcessorError> {
    world.run(engine.clone().ingest(batch(events)))
}

pub fn checkpoint<P: Processor>(engine: &Rc<Engine<P>>) -> u64 {
    engine.snapshot().unwrap().offset.0
}

/// A context over this world's platform.
pub fn context(platform: &Rc<platform::FakePlatform>) -> Context {
    let name = runtime::call::ObjectName::new("EDGE", "edge");
    Context::new(name, platform.clone())
}
