//! A stream's circuit breaker (spec §1.14): when events come faster than its token bucket refills,
//! the stream is paused until somebody resumes it.
//!
//! - [`contract`]: its one event, and the bucket.
//! - [`processor`]: counting, and tripping.
//! - [`object`]: its host.

pub mod contract;
pub mod object;
pub mod processor;

pub use processor::CircuitBreaker;
