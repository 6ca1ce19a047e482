//! The simulated world, and what judges it.
//!
//! - [`choice`]: labelled choices and who answers them.
//! - [`activity`], [`trace`], [`time`]: what is under way, what happened, when.
//! - [`exploration`]: many worlds: which, on how many threads, and what they came to.
//! - [`peers`]: fake OpenAI and Slack services that speak real bytes.

#[cfg(not(madsim))]
compile_error!(
    "streamsim runs on madsim: build it with RUSTFLAGS=\"--cfg madsim\", or from within this \
     repository, whose .cargo/config.toml sets it"
);

pub mod activity;
pub mod choice;
pub mod exploration;
pub mod scenario;
pub mod time;
pub mod trace;
pub mod world;
