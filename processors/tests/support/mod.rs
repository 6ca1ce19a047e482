//! What the processor tests stand on: one processor on a stream in memory, with a clock that jumps
//! from timer to timer. Nothing is random, nothing is real.
//!
//! - [`stream::FakeStream`]: an append-only log with the real append rules, and faults on demand.
//! - [`checkpoints::FakeCheckpoints`]: checkpoints whose newest may be lost in a crash.
//! - [`platform::FakePlatform`]: timers, tasks, and byte streams to a service that a test provides.
//! - [`openai::FakeOpenAi`]: a service that follows a script.
//! - [`workers_ai::FakeWorkersAi`]: another one.
//! - [`fleet::Fleet`]: objects and streams by name, for a domain object as a whole.
//! - [`Bench`]: a processor between the two: deliver, restart, ring the alarm.

#![allow(dead_code)]

pub mod checkpoints;
pub mod fleet;
pub mod openai;
pub mod platform;
pub mod stream;
pub mod workers_ai;

use checkpoints::FakeCheckpoints;
use platform::{Callee, FakePlatform, Service};
use runtime::{
    call::ObjectName,
    event::{Event, EventInput, EventType, Offset},
    object::Context,
    platform::Platform,
    processor::{Dependencies, Engine, EventBatch, Processor, ProcessorError, Runner},
    quirk::{Quirk, Quirks},
    stream::contract::{
        Direction, SubscriberConnected, SubscriberDescriptor, SUBSCRIBER_CONNECTED,
    },
};
use serde_json::{json, Value};
use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc};
use stream::FakeStream;

/// Runs a test on one thread; time stands still while anything can run.
pub fn run<F: Future>(test: impl FnOnce() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await })
}

/// Lets everything that is due run, for that long.
pub async fn pass_ms(duration_ms: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(duration_ms)).await;
}

pub struct Bench<P: Processor> {
    pub stream: Rc<FakeStream>,
    pub checkpoints: Rc<FakeCheckpoints>,
    pub quirks: Quirks,
    service: Option<Service>,
    callee: Option<Callee>,
    build: Box<dyn Fn(Dependencies) -> P>,
    life: RefCell<Life<P>>,
}

/// One incarnation.
struct Life<P: Processor> {
    platform: Rc<FakePlatform>,
    engine: Rc<Engine<P>>,
}

impl<P: Processor> Bench<P> {
    pub fn new(build: impl Fn(Dependencies) -> P + 'static) -> Self {
        Bench::with(build, Setting::default())
    }

    pub fn with(build: impl Fn(Dependencies) -> P + 'static, setting: Setting) -> Self {
        let stream = setting.stream.unwrap_or_default();
        let checkpoints = Rc::new(FakeCheckpoints::anchored(Offset(setting.anchor)));
        let quirks: Quirks = setting.quirk.into_iter().collect();
        let platform =
            FakePlatform::new(1, quirks, setting.service.clone()).calling(setting.callee.clone());
        let life = live(&stream, &checkpoints, platform, &build);
        Bench {
            stream,
            checkpoints,
            quirks,
            service: setting.service,
            callee: setting.callee,
            build: Box::new(build),
            life: RefCell::new(life),
        }
    }

    fn engine(&self) -> Rc<Engine<P>> {
        self.life.borrow().engine.clone()
    }

    pub fn state(&self) -> Rc<P::State> {
        self.engine().snapshot().expect("a checkpoint").state
    }

    pub fn checkpoint(&self) -> Offset {
        self.engine().snapshot().expect("a checkpoint").offset
    }

    /// Delivers what is consumed between the checkpoint and the head, as one batch.
    pub async fn try_deliver(&self) -> Result<(), ProcessorError> {
        self.try_deliver_some(usize::MAX).await
    }

    /// Delivers so many of the events that are next.
    pub async fn try_deliver_some(&self, count: usize) -> Result<(), ProcessorError> {
        let engine = self.engine();
        let after = self.checkpoint();
        let contract = engine.contract();
        let events = self.stream.all();
        let stream_max_offset = Offset(events.len() as u64);
        let events: Vec<Arc<Event>> = events
            .into_iter()
            .filter(|event| event.offset > after && contract.consumes(&event.kind))
            .take(count)
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        let batch = EventBatch {
            events: Arc::new(events),
            stream_max_offset,
        };
        engine.ingest(batch).await
    }

    pub async fn deliver(&self) {
        self.try_deliver().await.expect("the batch is ingested");
    }

    /// Appends one event and delivers it.
    pub async fn say(&self, input: EventInput) -> Offset {
        let offset = self.stream.push(input);
        self.deliver().await;
        offset
    }

    /// Delivers for so long, event by event as they come; failed batches are delivered again.
    pub async fn run_ms(&self, duration_ms: u64) {
        let steps = duration_ms.div_ceil(50);
        for _ in 0..steps {
            let _ = self.try_deliver().await;
            pass_ms(50).await;
        }
        let _ = self.try_deliver().await;
    }

    /// A crash, and a new life from the checkpoint.
    pub fn restart(&self) {
        self.restart_losing(0);
    }

    /// A crash that takes the newest checkpoints with it, as they were not yet flushed.
    pub fn restart_losing(&self, checkpoints: usize) {
        self.checkpoints.lose(checkpoints);
        let ended = self.life.borrow().platform.clone();
        ended.end();
        self.checkpoints.end();
        let platform =
            FakePlatform::new(ended.incarnation() + 1, self.quirks, self.service.clone())
                .calling(self.callee.clone());
        let life = live(&self.stream, &self.checkpoints, platform, &self.build);
        self.life.replace(life);
    }

    /// The host's alarm.
    pub async fn ring(&self) -> Result<(), ProcessorError> {
        let engine = self.engine();
        match engine.clone().owes().await? {
            true => engine.recover().await,
            false => Ok(()),
        }
    }

    pub async fn owes(&self) -> bool {
        self.engine().owes().await.expect("a checkpoint")
    }

    pub fn appended(&self, kind: &EventType) -> Vec<Arc<Event>> {
        let all = self.stream.all();
        all.into_iter()
            .filter(|event| event.kind == *kind)
            .collect()
    }

    pub fn count(&self, kind: &EventType) -> usize {
        self.appended(kind).len()
    }
}

#[derive(Default)]
pub struct Setting {
    pub anchor: u64,
    pub quirk: Option<Quirk>,
    pub service: Option<Service>,
    pub callee: Option<Callee>,
    /// Shared with another bench.
    pub stream: Option<Rc<FakeStream>>,
}

fn live<P: Processor>(
    stream: &Rc<FakeStream>,
    checkpoints: &Rc<FakeCheckpoints>,
    platform: FakePlatform,
    build: &dyn Fn(Dependencies) -> P,
) -> Life<P> {
    let platform = Rc::new(platform);
    let name = ObjectName::new("AGENT", "p1:/agents/a");
    let processor = build(Dependencies {
        context: Context::new(name, platform.clone()),
        stream: stream.clone(),
    });
    Life {
        platform,
        engine: Engine::new(processor, checkpoints.clone()),
    }
}

/// A connection of somebody.
pub fn connected(subscription_key: &str) -> EventInput {
    EventInput::new(
        SUBSCRIBER_CONNECTED,
        SubscriberConnected {
            subscription_key: subscription_key.to_owned(),
            direction: Direction::Outbound,
            subscriber: Some(SubscriberDescriptor::default().into()),
        },
    )
}

pub fn key(event: &Event) -> &str {
    event
        .idempotency_key
        .as_ref()
        .map_or("", |key| key.as_str())
}

pub fn payload(event: &Event) -> Value {
    event.payload.as_deref().cloned().unwrap_or(json!(null))
}
