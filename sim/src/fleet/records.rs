//! What the fleet writes down for the oracles: the commits, deliveries and connections of its
//! streams, and who lived when.

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
