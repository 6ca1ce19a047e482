//! The simulated world, and what judges it.
//!
//! - [`choice`]: labelled choices and who answers them.
//! - [`activity`], [`trace`], [`time`]: what is under way, what happened, when.
//! - [`network`]: TCP streams as the fake services and their clients use them.
//! - [`peers`]: fake OpenAI and Slack services that speak real bytes.

#[cfg(not(madsim))]
compile_error!(
    "streamsim runs on madsim: build it with RUSTFLAGS=\"--cfg madsim\", or from within this \
     repository, whose .cargo/config.toml sets it"
);

pub mod activity;
pub mod choice;
pub mod network;
pub mod peers;
pub mod scenario;
pub mod time;
pub mod trace;
pub mod world;
