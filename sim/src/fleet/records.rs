//! What the fleet writes down for the oracles: the commits, deliveries and connections of its
//! streams, and who lived when.

use runtime::{call::ObjectName, event::Event};
use std::sync::Arc;

/// A batch that left a stream, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub connection: u64,
    pub key: String,
    /// Offsets of the first and the last event; 0 for none.
    pub first: u64,
    pub last: u64,
}

/// A commit to a stream, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub first: u64,
    pub last: u64,
    /// Simulated time.
    pub at_ms: u64,
}

/// How long an incarnation lived, for the oracles. Simulated time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    pub object: ObjectName,
    pub incarnation: u64,
    pub began_ms: u64,
    /// None if it lived to the end.
    pub ended_ms: Option<u64>,
}

/// What an incarnation did to its storage until it took calls, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    pub object: ObjectName,
    pub incarnation: u64,
    pub rows_read: u64,
    pub rows_written: u64,
    /// A crash had left it a cache that was older than its rows: those had to be read.
    pub found_stale: bool,
}

/// Events that left a stream when they were durable, for the oracles: in a batch, or in the answer to
/// who appended or read them.
#[derive(Clone, Debug)]
pub struct Published {
    pub stream: ObjectName,
    pub incarnation: u64,
    /// How often the stream had been reset by then.
    pub resets: u64,
    pub events: Arc<Vec<Arc<Event>>>,
}

/// A connection that a stream has opened and not closed, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnection {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub connection: u64,
    /// Its subscription key.
    pub key: String,
    pub is_outbound: bool,
}
