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
    /// How far its wall clock was from the world's when it began.
    pub clock_ms: i64,
    /// When its node stood still, in order.
    pub stills: Vec<Still>,
    /// Its connections to or from the outside to which something was to happen, in order.
    pub disturbances: Vec<Disturbance>,
}

impl Lifetime {
    /// For how long its node stood still between these times.
    pub fn stood_still_ms(&self, from_ms: u64, until_ms: u64) -> u64 {
        let within = |still: &Still| {
            let ended_ms = still.ended_ms.or(self.ended_ms).unwrap_or(until_ms);
            ended_ms
                .min(until_ms)
                .saturating_sub(still.began_ms.max(from_ms))
        };
        self.stills.iter().map(within).sum()
    }
}

/// A time in which an incarnation's node stood still. Simulated time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    pub began_ms: u64,
    /// None if it did not go on.
    pub ended_ms: Option<u64>,
}

/// A connection of an incarnation to or from the outside that got a fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// It was accepted; otherwise it is one to a service.
    pub is_accepted: bool,
    /// When it was made, in simulated time.
    pub at_ms: u64,
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
