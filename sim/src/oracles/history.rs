//! Evidence made by hand, for the tests of oracles: what a world would leave behind, with something
//! wrong planted in it.

use super::{Evidence, Observation, Oracle, Quiescence, StoredAnchor, StoredProcessor};
use crate::{
    fleet::{Commit, Delivery, Disturbance, Lifetime, OpenConnection, Published, Still, Wake},
    peers::{
        ledger::LedgerEntry,
        openai::OpenAiFact,
        slack::{SlackFact, Workspace},
        workers_ai::WorkersAiFact,
    },
    waits::Deadlock,
    world::{FailureKind, StreamLog},
};
use runtime::{
    call::ObjectName,
    event::{Event, EventType, IdempotencyKey, Offset, StreamName, Timestamp},
    platform::Key,
    processor::Fold,
    stream,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// An event of a history. It takes the next offset of its stream, unless it is planted at another.
pub struct Entry {
    kind: EventType,
    payload: Value,
    key: Option<String>,
    offset: Option<u64>,
}

impl Entry {
    /// # Panics
    /// The payload does not serialize.
    pub fn new(kind: EventType, payload: impl Serialize) -> Self {
        Entry {
            kind,
            payload: serde_json::to_value(payload).expect("a payload serializes"),
            key: None,
            offset: None,
        }
    }

    pub fn keyed(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

/// Builds [`Evidence`], from that of a world in which nothing happened.
pub struct History(Evidence);

impl History {
    /// A world at rest that folds these processors.
    pub fn new(folds: &'static [Fold]) -> Self {
        History(Evidence {
            logs: BTreeMap::new(),
            core_states: Default::default(),
            processors: Vec::new(),
            anchors: Vec::new(),
            deliveries: Vec::new(),
            commits: Vec::new(),
            lifetimes: Vec::new(),
            wakes: Vec::new(),
            published: Vec::new(),
            rewritten: Vec::new(),
            connections: Vec::new(),
            closed_connections: 0,
            openai: Vec::new(),
            openai_said: BTreeMap::new(),
            slack: Vec::new(),
            workers_ai: Vec::new(),
            workspace: Workspace::default(),
            folds,
            quiescence: Quiescence::Reached,
            deadlock: None,
            waits: 0,
            observations: Vec::new(),
            crashes: 0,
            fired: BTreeMap::new(),
            at_ms: 0,
        })
    }

    /// Appends events to the log of a stream, such as `p1:/a`.
    ///
    /// # Panics
    /// The name or a key is malformed; so for every name below.
    pub fn log(mut self, stream: &str, entries: impl IntoIterator<Item = Entry>) -> Self {
        let name = StreamName::parse(stream).expect("a stream's name");
        let log = self.0.logs.entry(name.clone());
        let log = log.or_insert_with(|| StreamLog {
            name,
            events: Vec::new(),
        });
        for entry in entries {
            let next = log.events.len() as u64 + 1;
            log.events.push(Arc::new(Event {
                kind: entry.kind,
                payload: Some(Arc::new(entry.payload)),
                metadata: None,
                source: None,
                idempotency_key: (entry.key).map(|key| IdempotencyKey::new(&key).expect("a key")),
                offset: Offset(entry.offset.unwrap_or(next)),
                created_at: Timestamp::from_unix_ms(0),
            }));
        }
        self
    }

    pub fn deadlock(mut self, deadlock: Deadlock) -> Self {
        self.0.deadlock = Some(deadlock);
        self
    }

    /// A processor's checkpoint, in the object of `binding` that is named after the stream.
    pub fn checkpoint(
        mut self,
        binding: &'static str,
        stream: &str,
        processor: &str,
        offset: u64,
        state: Value,
    ) -> Self {
        self.0.processors.push(StoredProcessor {
            object: ObjectName::new(binding, stream),
            processor: processor.to_owned(),
            offset: Offset(offset),
            state,
            log_created_at: None,
        });
        self
    }

    /// A processor's anchor, in the object of `binding` that is named after the stream.
    pub fn anchor(
        mut self,
        binding: &'static str,
        stream: &str,
        processor: &str,
        offset: u64,
    ) -> Self {
        self.0.anchors.push(StoredAnchor {
            object: ObjectName::new(binding, stream),
            processor: processor.to_owned(),
            offset: Offset(offset),
        });
        self
    }

    /// A batch that left a stream's incarnation over one of its connections; offset 0 for none.
    pub fn delivery(
        mut self,
        stream: &str,
        (incarnation, connection): (u64, u64),
        (first, last): (u64, u64),
    ) -> Self {
        self.0.deliveries.push(Delivery {
            stream: ObjectName::new(stream::BINDING, stream),
            incarnation,
            connection,
            key: format!("subscription {connection}"),
            first,
            last,
        });
        self
    }

    /// A commit of a stream's incarnation.
    pub fn commit(mut self, stream: &str, incarnation: u64, (first, last): (u64, u64)) -> Self {
        self.0.commits.push(Commit {
            stream: ObjectName::new(stream::BINDING, stream),
            incarnation,
            first,
            last,
            at_ms: self.0.at_ms,
        });
        self
    }

    /// What follows happens then.
    pub fn at(mut self, at_ms: u64) -> Self {
        self.0.at_ms = at_ms;
        self
    }

    /// An incarnation of the object of `binding` that is named after the stream, since now.
    pub fn begins(mut self, binding: &'static str, stream: &str) -> Self {
        let object = ObjectName::new(binding, stream);
        let earlier = self.0.lifetimes.iter().filter(|life| life.object == object);
        self.0.lifetimes.push(Lifetime {
            incarnation: earlier.count() as u64 + 1,
            object,
            began_ms: self.0.at_ms,
            ended_ms: None,
            clock_ms: 0,
            stills: Vec::new(),
            disturbances: Vec::new(),
        });
        self
    }

    /// Its latest incarnation dies.
    ///
    /// # Panics
    /// It has none; so for whatever is said of one below.
    pub fn ends(mut self, binding: &'static str, stream: &str) -> Self {
        let at_ms = self.0.at_ms;
        self.latest(binding, stream).ended_ms = Some(at_ms);
        self
    }

    /// The wall clock of its latest incarnation is that far from the world's.
    pub fn clock(mut self, binding: &'static str, stream: &str, clock_ms: i64) -> Self {
        self.latest(binding, stream).clock_ms = clock_ms;
        self
    }

    /// Its latest incarnation stands still for so long from now on.
    pub fn stands_still(mut self, binding: &'static str, stream: &str, for_ms: u64) -> Self {
        let began_ms = self.0.at_ms;
        self.latest(binding, stream).stills.push(Still {
            began_ms,
            ended_ms: Some(began_ms + for_ms),
        });
        self
    }

    /// A connection that its latest incarnation accepted, or made, got a fate.
    pub fn disturbed(mut self, binding: &'static str, stream: &str, is_accepted: bool) -> Self {
        let at_ms = self.0.at_ms;
        let life = self.latest(binding, stream);
        life.disturbances.push(Disturbance { is_accepted, at_ms });
        self
    }

    fn latest(&mut self, binding: &'static str, stream: &str) -> &mut Lifetime {
        let object = ObjectName::new(binding, stream);
        let mut lifetimes = self.0.lifetimes.iter_mut().rev();
        let latest = lifetimes.find(|life| life.object == object);
        latest.expect("it lives")
    }

    /// What the latest incarnation of the object of `binding` that is named after the stream read
    /// and wrote until it took calls.
    pub fn woke(mut self, binding: &'static str, stream: &str, rows: (u64, u64)) -> Self {
        let object = ObjectName::new(binding, stream);
        let earlier = self.0.wakes.iter().filter(|wake| wake.object == object);
        self.0.wakes.push(Wake {
            incarnation: earlier.count() as u64 + 1,
            object,
            rows_read: rows.0,
            rows_written: rows.1,
            found_stale: false,
        });
        self
    }

    /// The latest wake found a cache that was older than its rows.
    ///
    /// # Panics
    /// There was none.
    pub fn stale(mut self) -> Self {
        self.0.wakes.last_mut().expect("a wake").found_stale = true;
        self
    }

    /// What the log of a stream holds so far left the stream.
    pub fn published(mut self, stream: &str) -> Self {
        let name = StreamName::parse(stream).expect("a stream's name");
        self.0.published.push(Published {
            stream: ObjectName::new(stream::BINDING, stream),
            incarnation: 1,
            count: self.0.log(&name).len() as u64,
            events: self.0.log(&name).to_vec(),
        });
        self
    }

    /// The log of a stream is another one.
    pub fn lost(mut self, stream: &str) -> Self {
        let name = StreamName::parse(stream).expect("a stream's name");
        self.0.logs.remove(&name);
        self
    }

    /// A row of a stream's log was put again.
    pub fn rewritten(mut self, stream: &str, offset: u64) -> Self {
        let object = ObjectName::new(stream::BINDING, stream);
        self.0.rewritten.push((object, Key::Pair(offset, 0)));
        self
    }

    /// A connection of a stream's incarnation that is still open.
    pub fn connected(mut self, stream: &str, key: &str, is_outbound: bool) -> Self {
        self.0.connections.push(OpenConnection {
            stream: ObjectName::new(stream::BINDING, stream),
            incarnation: 1,
            connection: self.0.connections.len() as u64 + 1,
            key: key.to_owned(),
            is_outbound,
        });
        self
    }

    /// A stream that lived closed an outbound connection.
    pub fn closed(mut self) -> Self {
        self.0.closed_connections += 1;
        self
    }

    /// The log of which every checkpoint so far was folded began then.
    pub fn folded_from(mut self, log_created_at: &str) -> Self {
        for stored in &mut self.0.processors {
            stored.log_created_at = Some(log_created_at.to_owned());
        }
        self
    }

    /// A line of OpenAI's ledger.
    pub fn openai(mut self, what: OpenAiFact) -> Self {
        self.0.openai.push(LedgerEntry {
            at_ms: self.0.at_ms,
            connection: 0,
            what,
        });
        self
    }

    /// The deltas of a response of OpenAI, in one.
    pub fn openai_said(mut self, response_id: &str, text: &str) -> Self {
        self.0.openai_said.insert(response_id.into(), text.into());
        self
    }

    /// A line of Workers AI's ledger.
    pub fn workers_ai(mut self, what: WorkersAiFact) -> Self {
        self.0.workers_ai.push(LedgerEntry {
            at_ms: self.0.at_ms,
            connection: 0,
            what,
        });
        self
    }

    /// A line of Slack's ledger.
    pub fn slack(self, what: SlackFact) -> Self {
        self.slack_on(0, what)
    }

    /// The same, of something on that connection.
    pub fn slack_on(mut self, connection: u64, what: SlackFact) -> Self {
        self.0.slack.push(LedgerEntry {
            at_ms: self.0.at_ms,
            connection,
            what,
        });
        self
    }

    /// A fault struck, somewhere.
    pub fn fired(mut self, site: &'static str) -> Self {
        *self.0.fired.entry(site).or_insert(0) += 1;
        self
    }

    /// Something that the workload saw.
    pub fn observed(mut self, what: &'static str, value: Value) -> Self {
        self.0.observations.push(Observation {
            at_ms: 0,
            what,
            value,
        });
        self
    }

    pub fn quiescence(mut self, quiescence: Quiescence) -> Self {
        self.0.quiescence = quiescence;
        self
    }

    pub fn evidence(self) -> Evidence {
        self.0
    }

    /// The class and the kind of what an oracle finds in it, if anything.
    pub fn verdict(&self, oracle: &dyn Oracle) -> Option<(&'static str, FailureKind)> {
        let violation = oracle.judge(&self.0).err()?;
        Some((violation.class, violation.kind))
    }

    /// How many cases an oracle finds right in it.
    ///
    /// # Panics
    /// It finds one that is not.
    pub fn exercised(&self, oracle: &dyn Oracle) -> u64 {
        let judged = oracle.judge(&self.0);
        judged.unwrap_or_else(|violation| panic!("{}", violation.message))
    }
}
