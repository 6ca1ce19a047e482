//! What a world came to.

use super::{LostOperation, PerformedOperation, RecordedDecision};
use crate::{
    choice::{Decision, Occurrence},
    trace::{TraceEvent, TraceHash},
};
use runtime::event::{Event, StreamName};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// Something happened that must never happen.
    Safety,
    /// Something did not happen that must happen in the end; deadlocks included.
    Liveness,
    /// A panic in product code.
    Crash,
}

impl FailureKind {
    pub const fn name(self) -> &'static str {
        match self {
            FailureKind::Safety => "safety",
            FailureKind::Liveness => "liveness",
            FailureKind::Crash => "crash",
        }
    }
}

/// A failure of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `oracle/subject-class`, stable across seeds and builds.
    pub key: String,
    pub kind: FailureKind,
    /// What was found, for people, with the offending values.
    pub message: String,
    /// Simulated time at which it was found.
    pub at_ms: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// One stream's log, as it stood when the world ended.
#[derive(Clone, Debug)]
pub struct StreamLog {
    pub name: StreamName,
    pub events: Vec<Arc<Event>>,
}

#[derive(Clone, Default)]
pub struct Outcome {
    /// The first failure, if any: safety before liveness.
    pub failure: Option<Failure>,
    pub trace: TraceHash,
    /// Events of the trace.
    pub trace_events: u64,
    /// Events committed to streams.
    pub stream_events: u64,
    /// Simulated time from boot to judgement.
    pub sim_ms: u64,
    /// How many operations were begun.
    pub operation_count: usize,
    /// Those, in the order in which they were begun; kept for failures and on request.
    pub operations: Vec<PerformedOperation>,
    /// Recorded operations that could not be performed.
    pub lost_operations: Vec<LostOperation>,
    /// How many choices differed from their default.
    pub decision_count: usize,
    /// Those choices; kept for failures and on request.
    pub decisions: Vec<Decision>,
    /// Goals of the scenario that this world reached.
    pub goals: BTreeSet<&'static str>,
    /// How many cases each of the scenario's oracles judged, by name; a violation is one.
    pub exercised: BTreeMap<&'static str, u64>,
    /// How often each fault fired, by site.
    pub fired: BTreeMap<&'static str, u64>,
    /// Decisions that the plan forces and that never came up.
    pub unmet: Vec<RecordedDecision>,
    /// What came up at the sites that the plan watches, in order.
    pub occurrences: Vec<Occurrence>,
    /// The trace's lines, on request.
    pub kept_trace: Vec<TraceEvent>,
    /// The streams' logs, on request, ordered by name.
    pub logs: Vec<StreamLog>,
}
