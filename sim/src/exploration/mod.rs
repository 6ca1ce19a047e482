//! Exploration: which worlds to run, running them on all cores, and what they came to.
//!
//! - [`schedule`]: seeds, shards and scenarios, laid out as a numbered list of plans.
//! - [`engine`]: runs the plans of a schedule over several threads and hands their outcomes on in
//!   order. Start there.
//! - [`tally`]: counts of a sweep: passes, goals, failures by key.
//! - [`sweep`]: one run, and a world for every point at which it may go another way.
//! - [`replay`]: a recorded world again; [`shrink`]: a smaller one that fails in the same way.
//! - [`effect`]: what an object was doing when a choice came up.
//! - [`measure`]: interleaved measurements, ours beside bare madsim's.
//! - [`stopwatch`]: real time, for those who measure inside of a world.
//! - [`bare`]: the bare madsim world that ours are compared with.

pub mod bare;
pub mod effect;
pub mod engine;
pub mod measure;
pub mod replay;
pub mod schedule;
pub mod shrink;
pub mod stopwatch;
pub mod sweep;
pub mod tally;
