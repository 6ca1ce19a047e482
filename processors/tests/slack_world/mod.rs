//! A small world for the Slack tests: an executor with a clock of its own, streams in memory with
//! the real rules for keys, and a Slack that answers as told. Not every test file uses all of it.
#![allow(dead_code)]

pub mod platform;
pub mod rows;
pub mod slack_service;
pub mod streams;
pub mod workspace;

use futures_util::{future::LocalBoxFuture, stream::FuturesUnordered, task::ArcWake, Stream};
use runtime::{
    event::{Event, EventType, Offset, Timestamp},
    object::Context,
    processor::{Engine, EventBatch, Processor, ProcessorError, Runner},
};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    future::Future,
    pin::{pin, Pin},
    rc::Rc,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    task::{self, Poll},
};

pub const START_MS: i64 = 1_772_136_258_000;

/// The clock, and the tasks that were spawned.
#[derive(Default)]
pub struct World {
    pub elapsed_ms: Cell<i64>,
    timers: RefCell<BTreeSet<(i64, u64)>>,
    next_timer: Cell<u64>,
    spawned: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    /// What happened, in order, across streams and Slack.
    pub journal: RefCell<Vec<String>>,
}

struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.0.store(true, Ordering::Relaxed);
    }
}

impl World {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(START_MS + self.elapsed_ms.get())
    }

    pub fn log(&self, line: impl Into<String>) {
        self.journal.borrow_mut().push(line.into());
    }

    pub fn take_journal(&self) -> Vec<String> {
        self.journal.take()
    }

    /// Everything that was under way is gone.
    pub fn crash(&self) {
        let gone = self.spawned.take();
        drop(gone);
    }

    pub fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.spawned.borrow_mut().push(work);
    }

    pub fn sleep(self: &Rc<Self>, ms: u64) -> LocalBoxFuture<'static, ()> {
        let id = self.next_timer.replace(self.next_timer.get() + 1);
        let timer = (self.elapsed_ms.get() + ms as i64, id);
        self.timers.borrow_mut().insert(timer);
        let sleep = Sleep {
            world: self.clone(),
            timer,
        };
        Box::pin(sleep)
    }

    /// Runs a future and everything spawned; when all wait, the clock goes on to the next timer.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut tasks = FuturesUnordered::new();
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = futures_util::task::waker(flag.clone());
        let mut cx = task::Context::from_waker(&waker);
        loop {
            while flag.0.swap(false, Ordering::Relaxed) || !self.spawned.borrow().is_empty() {
                if let Poll::Ready(outcome) = main.as_mut().poll(&mut cx) {
                    self.spawned.borrow_mut().extend(tasks);
                    return outcome;
                }
                tasks.extend(self.spawned.take());
                while let Poll::Ready(Some(())) = Pin::new(&mut tasks).poll_next(&mut cx) {}
            }
            let next = self.timers.borrow().first().copied();
            let (at_ms, _) = next.expect("everything waits, and no timer is set");
            self.elapsed_ms.set(self.elapsed_ms.get().max(at_ms));
            flag.0.store(true, Ordering::Relaxed);
            // The tasks are woken by hand: a timer has no waker of its own.
            self.spawned.borrow_mut().extend(std::mem::take(&mut tasks));
        }
    }
}

struct Sleep {
    world: Rc<World>,
    timer: (i64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        match self.world.elapsed_ms.get() >= self.timer.0 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.world.timers.borrow_mut().remove(&self.timer);
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
