//! Simulated time. Every world starts at the same wall-clock moment, whatever its seed.

use madsim::time::TimeHandle;
use runtime::event::Timestamp;

/// The wall clock of every world when it starts: 2026-02-26T20:00:00Z.
pub const EPOCH: Timestamp = Timestamp::from_unix_ms(1_772_136_000_000);

/// Microseconds of simulated time since the start of the world.
pub fn since_start_us() -> u64 {
    TimeHandle::current().elapsed().as_micros() as u64
}

/// Milliseconds of simulated time since the start of the world.
pub fn since_start_ms() -> u64 {
    TimeHandle::current().elapsed().as_millis() as u64
}

/// The wall clock, as services outside the platform read it.
pub fn now() -> Timestamp {
    EPOCH.plus_ms(since_start_ms())
}
