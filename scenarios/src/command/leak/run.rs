//! One run of the world that is looked into, and what ran before it in its process.

use sim::trace::TraceEvent;
use std::time::Duration;

/// What ran in the process before the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    Nothing,
    /// The same world, so many times.
    Itself(u64),
    /// So many other worlds.
    Others(u64),
    /// The worlds of a sweep, some of them at the same time.
    Sweep(&'static str),
}

impl Before {
    /// `alone`, `after itself`.
    pub fn in_words(self) -> String {
        match self {
            Before::Nothing => "alone".to_owned(),
            Before::Itself(1) => "after itself".to_owned(),
            Before::Itself(count) => format!("after itself, {count} times"),
            Before::Others(1) => "after another world".to_owned(),
            Before::Others(count) => format!("after {count} other worlds"),
            Before::Sweep(order) => format!("in the sweep, {order}"),
        }
    }

    /// How many worlds that is, where they are counted.
    pub fn worlds(self) -> Option<u64> {
        match self {
            Before::Nothing => Some(0),
            Before::Itself(count) | Before::Others(count) => Some(count),
            Before::Sweep(_) => None,
        }
    }
}

/// One run of the world, in a process of its own.
pub struct Run {
    pub before: Before,
    /// Wall time since the Unix epoch when the world began, and when it ended.
    pub began: Duration,
    pub ended: Duration,
    pub events: Vec<TraceEvent>,
}
