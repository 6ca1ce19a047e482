//! What the fleet writes down of its streams for the oracles: commits, deliveries, connections.

use runtime::call::ObjectName;

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
