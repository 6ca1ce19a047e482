//! The evidence of a world: what its objects had stored, what its peers' ledgers hold, and what the
//! platform saw, when it had come to rest.

use crate::{
    fleet::{Commit, Delivery, Fleet, Lifetime, OpenConnection, Published, StoredObject, Wake},
    peers::{
        ledger::LedgerEntry,
        openai::OpenAiFact,
        slack::{SlackFact, Workspace},
        workers_ai::WorkersAiFact,
    },
    waits::{Deadlock, NOTHING_MOVES},
    world::StreamLog,
};
use runtime::{
    call::{Argument, ObjectName},
    event::{Event, Offset, StreamName},
    object::KV,
    platform::{Cell, Key, Row},
    processor::{Fold, LOG_CREATED_AT_KEY},
    stream::{self, CoreState},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A processor's durable checkpoint.
#[derive(Clone, Debug)]
pub struct StoredProcessor {
    pub object: ObjectName,
    pub processor: String,
    pub offset: Offset,
    pub state: Value,
    /// When the log began that it was folded from, if its host has heard of that.
    pub log_created_at: Option<String>,
}

/// A processor's anchor: it reduces what stands there or before, and does nothing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnchor {
    pub object: ObjectName,
    pub processor: String,
    pub offset: Offset,
}

/// How the settle phase ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiescence {
    /// Nothing is under way any more.
    Reached,
    /// The limit of simulated time was reached; what was still pending.
    TimedOut { pending: String },
    /// Nothing is under way, and yet somebody waits for a reply that nobody will send: the chain of
    /// waits for each.
    Stalled { waits: Vec<String> },
    /// More trace events than any world should need.
    Runaway { trace_events: u64 },
}

/// Something that the workload saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Simulated time.
    pub at_ms: u64,
    pub what: &'static str,
    pub value: Value,
}

pub struct Evidence {
    /// By name.
    pub logs: BTreeMap<StreamName, StreamLog>,
    pub processors: Vec<StoredProcessor>,
    /// Of every processor that was ever dialed.
    pub anchors: Vec<StoredAnchor>,
    /// The core state that each stream had stored.
    pub core_states: BTreeMap<StreamName, Arc<CoreState>>,
    pub deliveries: Vec<Delivery>,
    pub commits: Vec<Commit>,
    /// Of every incarnation, in the order in which they began.
    pub lifetimes: Vec<Lifetime>,
    /// Of every incarnation of an object, in their order.
    pub wakes: Vec<Wake>,
    /// Of the logs that streams have now; nothing of one that was reset since.
    pub published: Vec<Published>,
    /// The rows of streams' logs that were put again or deleted, other than by a reset.
    pub rewritten: Vec<(ObjectName, Key)>,
    /// Open at the end, of streams that live.
    pub connections: Vec<OpenConnection>,
    /// How many outbound connections streams closed that lived.
    pub closed_connections: u64,
    pub openai: Vec<LedgerEntry<OpenAiFact>>,
    /// The text of the deltas of each of its responses, but for those that were abandoned: their fact
    /// has it.
    pub openai_said: BTreeMap<Arc<str>, Arc<str>>,
    pub slack: Vec<LedgerEntry<SlackFact>>,
    pub workers_ai: Vec<LedgerEntry<WorkersAiFact>>,
    pub workspace: Workspace,
    pub folds: &'static [Fold],
    pub quiescence: Quiescence,
    /// The first cycle of waits, whether or not a time-out broke it.
    pub deadlock: Option<Deadlock>,
    /// How many waits were looked at for a cycle.
    pub waits: u64,
    pub observations: Vec<Observation>,
    /// How many incarnations crashed.
    pub crashes: u64,
    /// How often each fault struck, by site; none that did not.
    pub fired: BTreeMap<&'static str, u64>,
    /// Simulated time.
    pub at_ms: u64,
}

impl Quiescence {
    /// What is left that could still bring what is missing, in words.
    pub fn what_is_left(&self) -> String {
        match self {
            Quiescence::Reached => NOTHING_MOVES.to_owned(),
            Quiescence::TimedOut { pending } => format!("still under way: {pending}"),
            Quiescence::Stalled { waits } => waits.join("; "),
            Quiescence::Runaway { trace_events } => format!("no rest after {trace_events} events"),
        }
    }
}

impl Evidence {
    /// The log of a stream; empty if it was never touched.
    pub fn log(&self, name: &StreamName) -> &[Arc<Event>] {
        self.logs.get(name).map_or(&[], |log| &log.events)
    }

    pub fn processor(&self, object: &ObjectName, processor: &str) -> Option<&StoredProcessor> {
        self.processors
            .iter()
            .find(|stored| stored.object == *object && stored.processor == processor)
    }

    /// What the workload saw under that name, in order.
    pub fn observed<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Observation> {
        self.observations
            .iter()
            .filter(move |observation| observation.what == what)
    }

    /// When an event that stands in a log was committed, in simulated time; none for one that the
    /// world did not see. A commit that a crash took back has been made again since.
    pub fn committed_ms(&self, stream: &StreamName, offset: Offset) -> Option<u64> {
        let stream = ObjectName::new(stream::BINDING, stream.to_string());
        let holds = |commit: &&Commit| {
            commit.stream == stream && (commit.first..=commit.last).contains(&offset.0)
        };
        self.commits
            .iter()
            .rev()
            .find(holds)
            .map(|commit| commit.at_ms)
    }

    pub fn fold(&self, processor: &str) -> Option<&'static Fold> {
        self.folds.iter().find(|fold| fold.slug() == processor)
    }
}

/// Every stream's log, read from its rows.
pub fn read_logs(fleet: &Fleet) -> BTreeMap<StreamName, StreamLog> {
    fleet
        .stored(stream::BINDING)
        .into_iter()
        .map(|(object, stored)| {
            let name = StreamName::parse(&object.name).expect("streams are named so");
            let events = read_events(&stored.lock().expect("one thread"));
            (name.clone(), StreamLog { name, events })
        })
        .collect()
}

fn read_events(stored: &StoredObject) -> Vec<Arc<Event>> {
    let mut chunks: BTreeMap<u64, Vec<&Cell>> = BTreeMap::new();
    for (key, row) in stored.rows(stream::EVENT_CHUNKS) {
        let Key::Pair(offset, _) = key else {
            panic!("chunks are keyed by offset and number");
        };
        chunks.entry(*offset).or_default().push(&row[0]);
    }
    chunks
        .values()
        .map(|cells| stream::parse_chunks(cells))
        .collect()
}

/// The rows of streams' logs that were put again or deleted one by one.
pub fn read_rewritten(fleet: &Fleet) -> Vec<(ObjectName, Key)> {
    let mut rewritten = Vec::new();
    for (object, stored) in fleet.stored(stream::BINDING) {
        let stored = stored.lock().expect("one thread");
        let keys = stored.rewritten().iter();
        rewritten.extend(keys.map(|key| (object.clone(), key.clone())));
    }
    rewritten
}

/// Every stream's stored core state, but for those that a crash made stale and that nobody woke since.
pub fn read_core_states(fleet: &Fleet) -> BTreeMap<StreamName, Arc<CoreState>> {
    let mut states = BTreeMap::new();
    for (object, stored) in fleet.stored(stream::BINDING) {
        let name = StreamName::parse(&object.name).expect("streams are named so");
        let stored = stored.lock().expect("one thread");
        if stored.is_stale() {
            continue;
        }
        let row = stored
            .rows(KV)
            .find(|(key, _)| **key == Key::from(stream::STATE_KEY));
        let state: Option<Arc<CoreState>> = row.map(|(_, row)| match &row[0] {
            Cell::Json(value) => Argument::Shared(value.clone())
                .to_shared::<CoreState>()
                .expect("a stream stores its core state"),
            Cell::Text(json) => serde_json::from_str(json).expect("a stored core state parses"),
            cell => panic!("a core state is JSON, not {cell:?}"),
        });
        if let Some(state) = state {
            states.insert(name, state);
        }
    }
    states
}

/// Every processor's checkpoint, read from its object's key-value storage.
pub fn read_processors(fleet: &Fleet) -> Vec<StoredProcessor> {
    let logs = read_log_times(fleet);
    let snapshots = read_values(fleet, ":snapshot").into_iter();
    let parse = |(object, processor, mut snapshot): (_, _, Value)| {
        let offset = snapshot["offset"].as_u64();
        StoredProcessor {
            log_created_at: logs.get(&object).cloned(),
            object,
            processor,
            offset: Offset(offset.expect("a checkpoint has an offset")),
            state: snapshot["state"].take(),
        }
    };
    snapshots.map(parse).collect()
}

/// When the logs began from which the objects' checkpoints were folded.
fn read_log_times(fleet: &Fleet) -> BTreeMap<ObjectName, String> {
    let mut times = BTreeMap::new();
    for (object, stored) in fleet.stored_except(stream::BINDING) {
        let stored = stored.lock().expect("one thread");
        let mut rows = stored.rows(KV);
        let row = rows.find(|(key, _)| **key == Key::from(LOG_CREATED_AT_KEY));
        if let Some((_, row)) = row {
            times.insert(object, read_json(row));
        }
    }
    times
}

/// Every processor's anchor.
pub fn read_anchors(fleet: &Fleet) -> Vec<StoredAnchor> {
    let anchors = read_values(fleet, ":side-effects-after-offset").into_iter();
    let parse = |(object, processor, offset): (_, _, Value)| StoredAnchor {
        object,
        processor,
        offset: Offset(offset.as_u64().expect("an anchor is an offset")),
    };
    anchors.map(parse).collect()
}

/// What the hosts store under `stream-processor:<name><suffix>`: object, name, value.
fn read_values(fleet: &Fleet, suffix: &str) -> Vec<(ObjectName, String, Value)> {
    let mut values = Vec::new();
    for (object, stored) in fleet.stored_except(stream::BINDING) {
        let stored = stored.lock().expect("one thread");
        for (key, row) in stored.rows(KV) {
            let Key::Text(key) = key else { continue };
            let name = key
                .strip_prefix("stream-processor:")
                .and_then(|rest| rest.strip_suffix(suffix));
            let Some(name) = name else { continue };
            values.push((object.clone(), name.to_owned(), read_json(row)));
        }
    }
    values
}

fn read_json<T: DeserializeOwned>(row: &Row) -> T {
    let Cell::Text(json) = &row[0] else {
        panic!("a host stores text, found {:?}", row[0]);
    };
    serde_json::from_str(json).expect("a host stores JSON")
}
