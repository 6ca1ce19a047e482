//! The trace of a world: one event per effect, and a running hash over them (design §5).
//!
//! The hash covers simulated time, place, kind and detail of every event, so two runs with the same
//! hash did the same things at the same times. Lines are kept only when somebody wants to read them.
//!
//! A trace in full has the rows that are written to storage as well, whole: what `streamsim check`
//! compares. They are not counted, so that a world goes on in the same way whether they are there or
//! not; its hash is another. Where only the hash is wanted, rows that are written again and again are
//! taken as they are in the end: most of what is written is states, and most of the cost is their JSON.

use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    fmt::{self, Write},
    sync::Mutex,
};
use xxhash_rust::xxh3::Xxh3;

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Simulated time since the start of the world.
    pub at_us: u64,
    /// The object or service, with its incarnation, such as `stream p1:/a@2`.
    pub place: String,
    /// A stable word, such as `commit` or `call`.
    pub kind: Cow<'static, str>,
    pub detail: String,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, us) = (self.at_us / 1_000_000, self.at_us % 1_000_000);
        write!(
            f,
            "{s:>5}.{us:06} {:<44} {:<14} {}",
            self.place, self.kind, self.detail
        )
    }
}

/// The hash over a whole trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceHash(pub u64);

impl TraceHash {
    /// The hash over a trace that goes on with more lines.
    pub fn followed_by<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Xxh3::with_seed(self.0);
        for line in lines {
            hash.update(&(line.len() as u64).to_le_bytes());
            hash.update(line.as_bytes());
        }
        TraceHash(hash.digest())
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Which of the rows that are written are in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    None,
    /// New ones when they are written; those that are written again as they are when the world ends.
    InTheEnd,
    /// All, when they are written.
    AtOnce,
}

pub struct Trace {
    rows: Rows,
    inner: Mutex<Inner>,
}

struct Inner {
    hash: Xxh3,
    line: String,
    events: u64,
    kept: Option<Vec<TraceEvent>>,
}

impl Trace {
    /// `keep` holds on to every event for reading; else only hash and count remain.
    pub fn new(keep: bool) -> Self {
        Trace {
            rows: Rows::None,
            inner: Mutex::new(Inner {
                hash: Xxh3::new(),
                line: String::with_capacity(256),
                events: 0,
                kept: keep.then(Vec::new),
            }),
        }
    }

    /// With what is written to storage.
    pub fn in_full(self) -> Self {
        let is_kept = self.inner.lock().expect("one thread").kept.is_some();
        let rows = match is_kept {
            true => Rows::AtOnce,
            false => Rows::InTheEnd,
        };
        Trace { rows, ..self }
    }

    pub fn rows(&self) -> Rows {
        self.rows
    }

    pub fn record(&self, place: &dyn fmt::Display, kind: &'static str, detail: impl fmt::Display) {
        let mut inner = self.inner.lock().expect("one thread");
        inner.events += 1;
        inner.add(place, kind, detail);
    }

    /// Records what is written to storage, in a trace in full. It does not count.
    pub fn record_row(
        &self,
        place: &dyn fmt::Display,
        kind: &'static str,
        what: impl fmt::Display,
    ) {
        (self.inner.lock().expect("one thread")).add(place, kind, what);
    }

    pub fn hash(&self) -> TraceHash {
        TraceHash(self.inner.lock().expect("one thread").hash.digest())
    }

    pub fn events(&self) -> u64 {
        self.inner.lock().expect("one thread").events
    }

    pub fn take_kept(&self) -> Vec<TraceEvent> {
        self.inner
            .lock()
            .expect("one thread")
            .kept
            .take()
            .unwrap_or_default()
    }
}

impl Inner {
    fn add(&mut self, place: &dyn fmt::Display, kind: &'static str, detail: impl fmt::Display) {
        let at_us = crate::time::since_start_us();
        let inner = self;
        inner.line.clear();
        write!(inner.line, "{place}").expect("writing to a string");
        let place_end = inner.line.len();
        write!(inner.line, "{detail}").expect("writing to a string");
        inner.hash.update(&at_us.to_le_bytes());
        inner.hash.update(&(place_end as u32).to_le_bytes());
        inner.hash.update(&(kind.len() as u32).to_le_bytes());
        inner.hash.update(&(inner.line.len() as u32).to_le_bytes());
        inner.hash.update(kind.as_bytes());
        inner.hash.update(inner.line.as_bytes());
        if let Some(kept) = &mut inner.kept {
            kept.push(TraceEvent {
                at_us,
                place: inner.line[..place_end].to_owned(),
                kind: kind.into(),
                detail: inner.line[place_end..].to_owned(),
            });
        }
    }
}
