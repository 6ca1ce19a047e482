//! The simulated world, and what judges it.
//!
//! - [`world`]: one scenario, one seed, one thread, from boot to judgement. Start there.
//! - [`choice`]: labelled choices and who answers them; [`faults`]: the platform's own, as data.
//! - [`activity`], [`waits`]: what is under way, and who waits for whom; [`trace`], [`time`]: what
//!   happened, when.
//! - [`fleet`]: durable objects and workers on madsim nodes.
//! - [`network`]: TCP streams as the fake services and their clients use them.
//! - [`peers`]: fake OpenAI and Slack services that speak real bytes.
//! - [`oracles`]: what must hold; [`scenario`]: what a scenario declares.
//! - [`capsule`]: a failing world as one small file.
//! - [`property`]: worlds for property tests and fuzzers.
//! - [`exploration`]: many worlds: which, on how many threads, and what they came to.

pub mod activity;
pub mod capsule;
pub mod choice;
pub mod exploration;
pub mod faults;
pub mod fleet;
pub mod network;
pub mod oracles;
pub mod peers;
pub mod property;
pub mod scenario;
pub mod time;
pub mod trace;
pub mod waits;
pub mod world;

/// Every site of ours: the faults of the platform and of the services, and what services draw.
pub fn sites() -> impl Iterator<Item = &'static choice::Site> {
    let tables = [faults::FAULTS, peers::FAULTS, peers::DRAWS];
    tables
        .into_iter()
        .flatten()
        .flat_map(|table| table.iter().copied())
}
