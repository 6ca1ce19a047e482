//! What a service did, in order: the evidence of a peer. An entry is also a line of the trace,
//! and [`Ledger::record`] is the only way to write either, so they cannot differ.

use crate::{time, trace::Trace};
use std::{
    fmt::{self, Debug},
    sync::{Arc, Mutex},
};

/// One fact about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry<What> {
    /// Simulated time since the start of the world.
    pub at_ms: u64,
    /// The connection on which it happened, from 1; 0 if it concerns none.
    pub connection: u64,
    pub what: What,
}

pub struct Ledger<What> {
    service: &'static str,
    trace: Arc<Trace>,
    inner: Mutex<Inner<What>>,
}

struct Inner<What> {
    entries: Vec<LedgerEntry<What>>,
    connections: u64,
}

impl<What: Clone + Debug> Ledger<What> {
    pub(super) fn new(service: &'static str, trace: Arc<Trace>) -> Self {
        Ledger {
            service,
            trace,
            inner: Mutex::new(Inner {
                entries: Vec::new(),
                connections: 0,
            }),
        }
    }

    /// The number of a new connection.
    pub(super) fn next_connection(&self) -> u64 {
        let mut inner = self.inner.lock().expect("one thread");
        inner.connections += 1;
        inner.connections
    }

    pub(super) fn record(&self, connection: u64, what: What) {
        let line = Line {
            connection,
            what: &what,
        };
        self.trace.record(&self.service, "peer", line);
        let entry = LedgerEntry {
            at_ms: time::since_start_ms(),
            connection,
            what,
        };
        self.inner.lock().expect("one thread").entries.push(entry);
    }

    pub(super) fn entries(&self) -> Vec<LedgerEntry<What>> {
        self.inner.lock().expect("one thread").entries.clone()
    }
}

struct Line<'a, What> {
    connection: u64,
    what: &'a What,
}

impl<What: Debug> fmt::Display for Line<'_, What> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {:?}", self.connection, self.what)
    }
}
