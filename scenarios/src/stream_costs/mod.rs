//! What an event costs, by the length of its stream (design §13): nothing may read a whole history
//! per event, so an event of a long stream costs what one of a short stream does.
//!
//! A world without faults in which streams are filled, and then only this is timed:
//!
//! - *append*: one event at a time, by a client, to a stream that nobody listens to;
//! - *delivery*: a late subscriber replays the whole stream into a processor. What the same costs on
//!   an empty stream (waking the host, the handshake) is taken off;
//! - *checkpoint*: one event at a time to a stream with a subscribed processor, which gets it as a
//!   batch of its own and writes its checkpoint. What the append costs is taken off.

mod counter;

use counter::{BINDING, COUNTED, PROCESSOR};
use futures_util::future::BoxFuture;
use runtime::{
    call::{Arguments, ObjectName},
    callable::Callable,
    event::{EventInput, StreamName},
    object::{Class, Context},
    platform::Target,
    stream::{
        self,
        contract::{Subscriber, SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
        StreamClient,
    },
};
use serde_json::{json, Value};
use sim::{
    exploration::{measure::rounds, stopwatch::Stopwatch},
    scenario::Scenario,
    trace::Trace,
    world::{self, FaultLevel, Plan, World},
};
use std::sync::{Arc, Mutex};

/// How many events the streams have that are compared.
pub const LENGTHS: [u64; 3] = [100, 1_000, 10_000];

/// A cost may be so many times that of the shortest stream, and is still called flat.
pub const FLAT_RATIO_MAX: f64 = 1.5;

/// So many events, appended one at a time, are timed together, so often in each world.
const BLOCK_EVENTS: u64 = 25;
const BLOCKS: u64 = 4;
/// So many events are replayed in each world, in streams of the length in question: a single short
/// one takes less than can be measured.
const REPLAYED_EVENTS: u64 = 1_000;
/// The events of a batch with which a stream is filled.
const FILL_BATCH_EVENTS: u64 = 100;
/// Longer than whatever an event sets in motion.
const AFTER_EVENT_MS: u64 = 20;
/// Longer than a replay.
const AFTER_REPLAY_MS: u64 = 3_000;

/// What an event may cost something for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Append,
    Delivery,
    Checkpoint,
}

impl Operation {
    pub const ALL: [Operation; 3] = [
        Operation::Append,
        Operation::Delivery,
        Operation::Checkpoint,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Operation::Append => "append",
            Operation::Delivery => "delivery",
            Operation::Checkpoint => "checkpoint",
        }
    }
}

/// What an event of a stream of that length costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub operation: Operation,
    /// Of the stream.
    pub length: u64,
    /// How many events were timed.
    pub events: u64,
    pub ns_per_event: f64,
    /// How many times what it costs in the shortest stream.
    pub ratio: f64,
}

/// Measures every operation at every length, in a world for each round: by operation, shortest
/// first. Nothing, if there are no worlds.
pub fn measure(worlds: u64, first_seed: u64) -> Vec<Cost> {
    let mut samples = LENGTHS.map(Sample::of);
    let rounds = rounds(worlds);
    for round in rounds {
        for sample in &mut samples {
            run(sample, first_seed.wrapping_add(round.start));
        }
    }
    let operations = Operation::ALL.into_iter();
    operations
        .flat_map(|operation| costs(operation, &samples))
        .collect()
}

/// Of samples of every length, shortest first.
fn costs(operation: Operation, samples: &[Sample]) -> Vec<Cost> {
    let figures = samples.iter().filter_map(|sample| sample.ns(operation));
    let figures: Vec<f64> = figures.collect();
    let costs = samples.iter().zip(&figures);
    costs
        .map(|(sample, ns_per_event)| Cost {
            operation,
            length: sample.length,
            events: sample.events(operation),
            ns_per_event: *ns_per_event,
            ratio: ns_per_event / figures[0],
        })
        .collect()
}

/// What became known of streams of one length.
#[derive(Clone, Debug)]
pub struct Sample {
    length: u64,
    appends: Part,
    heard_appends: Part,
    replays: Part,
    empty_replays: Part,
}

/// What one thing took, each time that it was done.
type Part = Vec<Spent>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Spent {
    wall_ns: f64,
    trace_events: u64,
}

/// The least that it took: whatever else the machine does only adds.
fn least_ns(part: &Part) -> Option<f64> {
    let ns = part.iter().map(|spent| spent.wall_ns);
    ns.min_by(f64::total_cmp)
}

/// The same in every run.
fn mean_trace_events(part: &Part) -> Option<f64> {
    let sum: u64 = part.iter().map(|spent| spent.trace_events).sum();
    (!part.is_empty()).then(|| sum as f64 / part.len() as f64)
}

impl Sample {
    pub fn of(length: u64) -> Self {
        Sample {
            length,
            appends: Part::new(),
            heard_appends: Part::new(),
            replays: Part::new(),
            empty_replays: Part::new(),
        }
    }

    fn ns(&self, operation: Operation) -> Option<f64> {
        self.per_event(operation, least_ns)
    }

    /// How many trace events an event leaves.
    pub fn trace_events(&self, operation: Operation) -> Option<f64> {
        self.per_event(operation, mean_trace_events)
    }

    fn per_event(
        &self,
        operation: Operation,
        figure: impl Fn(&Part) -> Option<f64>,
    ) -> Option<f64> {
        Some(match operation {
            Operation::Append => figure(&self.appends)? / BLOCK_EVENTS as f64,
            Operation::Checkpoint => {
                (figure(&self.heard_appends)? - figure(&self.appends)?) / BLOCK_EVENTS as f64
            }
            Operation::Delivery => {
                (figure(&self.replays)? - figure(&self.empty_replays)?) / self.length as f64
            }
        })
    }

    /// How many events were timed.
    fn events(&self, operation: Operation) -> u64 {
        match operation {
            Operation::Append => BLOCK_EVENTS * self.appends.len() as u64,
            Operation::Checkpoint => BLOCK_EVENTS * self.heard_appends.len() as u64,
            Operation::Delivery => self.length * self.replays.len() as u64,
        }
    }

    fn add(&mut self, other: Sample) {
        self.appends.extend(other.appends);
        self.heard_appends.extend(other.heard_appends);
        self.replays.extend(other.replays);
        self.empty_replays.extend(other.empty_replays);
    }
}

/// Runs one world with streams of the sample's length, and adds what it came to.
///
/// # Panics
/// The world fails.
pub fn run(sample: &mut Sample, seed: u64) {
    // Plans name scenarios for good, as those of the registry; a few of these more do no harm.
    let costs: &'static StreamCosts = Box::leak(Box::new(StreamCosts {
        length: sample.length,
        stopwatch: Arc::new(Stopwatch::start()),
        sample: Arc::default(),
    }));
    let mut plan = Plan::new(costs, seed);
    plan.faults = FaultLevel::None;
    let outcome = world::run(&plan);
    assert_eq!(outcome.failure, None, "nothing is judged");
    let measured = costs.sample.lock().expect("the world has ended").take();
    sample.add(measured.expect("the workload has ended"));
}

struct StreamCosts {
    length: u64,
    stopwatch: Arc<Stopwatch>,
    sample: Arc<Mutex<Option<Sample>>>,
}

impl Scenario for StreamCosts {
    fn name(&self) -> &'static str {
        "stream-costs"
    }

    fn about(&self) -> &'static str {
        "streams of some length are appended to, and replayed"
    }

    fn classes(&self) -> &'static [Class] {
        const CLASSES: [Class; 2] = [stream::CLASS, counter::CLASS];
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let (length, sample) = (self.length, self.sample.clone());
        let (stopwatch, trace) = (self.stopwatch.clone(), world.trace.clone());
        Box::pin(async move {
            let measured = world.client(move |context| {
                let meter = Meter { stopwatch, trace };
                Box::pin(async move { live(&context, &meter, length).await })
            });
            let measured = measured.await;
            *sample.lock().expect("one thread") = Some(measured);
        })
    }
}

/// Says what went by since it was last read.
struct Meter {
    stopwatch: Arc<Stopwatch>,
    trace: Arc<Trace>,
}

impl Meter {
    async fn of(&self, work: impl std::future::Future<Output = ()>) -> Spent {
        let before = self.trace.events();
        self.stopwatch.lap();
        work.await;
        Spent {
            wall_ns: self.stopwatch.lap().as_nanos() as f64,
            trace_events: self.trace.events() - before,
        }
    }
}

async fn live(context: &Context, meter: &Meter, length: u64) -> Sample {
    let filled = |name: String, length| async move {
        let stream = Filled::new(context, name);
        stream.fill(length).await;
        stream
    };
    // The first of everything takes longer.
    filled("p1:/first".to_owned(), 1).await.be_replayed().await;
    let mut sample = Sample::of(length);
    let unheard = filled("p1:/unheard".to_owned(), length).await;
    let heard = filled("p1:/heard".to_owned(), length).await;
    sample.replays.push(meter.of(heard.be_replayed()).await);
    for number in 0..(REPLAYED_EVENTS / length).max(1) {
        let empty = filled(format!("p1:/empty/{number}"), 0).await;
        sample
            .empty_replays
            .push(meter.of(empty.be_replayed()).await);
        assert_eq!(empty.counted().await, 0);
        let full = filled(format!("p1:/full/{number}"), length).await;
        sample.replays.push(meter.of(full.be_replayed()).await);
        assert_eq!(full.counted().await, length);
    }
    for _ in 0..BLOCKS {
        sample.appends.push(meter.of(unheard.append_block()).await);
        sample
            .heard_appends
            .push(meter.of(heard.append_block()).await);
    }
    assert_eq!(heard.counted().await, length + BLOCKS * BLOCK_EVENTS);
    sample
}

/// A stream, and its counter.
struct Filled<'a> {
    context: &'a Context,
    name: String,
    stream: StreamClient,
}

impl<'a> Filled<'a> {
    fn new(context: &'a Context, name: String) -> Self {
        let stream_name = StreamName::parse(&name).expect("a name");
        Filled {
            context,
            name,
            stream: StreamClient::named(context, &stream_name),
        }
    }

    async fn append(&self, events: Vec<EventInput>) {
        let appended = self.stream.append_batch(None, events).await;
        appended.expect("no faults, no refusals");
    }

    async fn pass_ms(&self, duration_ms: u64) {
        self.context.sleep("until all is done", duration_ms).await;
    }

    async fn fill(&self, length: u64) {
        let woken = self.stream.log_created_at().await;
        woken.expect("no faults");
        for from in (0..length).step_by(FILL_BATCH_EVENTS as usize) {
            let numbers = from..length.min(from + FILL_BATCH_EVENTS);
            self.append(numbers.map(event).collect()).await;
        }
        self.pass_ms(AFTER_REPLAY_MS).await;
    }

    async fn append_block(&self) {
        for number in 0..BLOCK_EVENTS {
            self.append(vec![event(number)]).await;
            self.pass_ms(AFTER_EVENT_MS).await;
        }
    }

    /// The stream dials its counter, which begins at offset 0.
    async fn be_replayed(&self) {
        let callable = Callable::hosted_processor(BINDING, &self.name, PROCESSOR);
        let configured = SubscriptionConfigured {
            subscription_key: PROCESSOR.to_owned(),
            subscriber: Subscriber::Callable { callable },
        };
        let configured = EventInput::new(SUBSCRIPTION_CONFIGURED, configured);
        self.append(vec![configured]).await;
        self.pass_ms(AFTER_REPLAY_MS).await;
    }

    /// How many events the counter's checkpoint has counted.
    async fn counted(&self) -> u64 {
        let counter = Target::Object(ObjectName::new(BINDING, self.name.as_str()));
        let asked = self.context.stub_to(counter);
        let state = asked.call("runtimeState", Arguments::new()).await;
        let state: Value = state.and_then(|state| state.parse()).expect("no faults");
        let count = &state["snapshot"]["state"]["count"];
        count.as_u64().unwrap_or_default()
    }
}

/// About as large as a short message.
fn event(number: u64) -> EventInput {
    EventInput::new(COUNTED, json!({ "number": number, "text": "x".repeat(64) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time would tell more, but not the same twice.
    #[test]
    fn an_event_makes_the_same_stir_in_every_stream() {
        let [short, long] = [100, 1_000].map(|length| {
            let mut sample = Sample::of(length);
            run(&mut sample, 1);
            sample
        });
        for operation in Operation::ALL {
            let stir = |sample: &Sample| sample.trace_events(operation).expect("a world");
            let (short, long) = (stir(&short), stir(&long));
            assert!(short > 0.0, "{operation:?} leaves a trace");
            assert!(
                long <= short * FLAT_RATIO_MAX,
                "{operation:?}: {long} trace events each, and {short} in a short stream"
            );
        }
    }
}
