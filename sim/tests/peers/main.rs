//! The fake services, tested from outside, over the simulated network. One file per subject, one
//! binary, so that it links once.
//!
//! - [`world`]: a small world: both services, and a node on which the test plays the app.
//! - [`openai_client`], [`slack_app`], [`raw_http`]: the test's ends of the connections.
//! - [`reference`]: the published shapes that everything sent is checked against.

mod openai_client;
mod raw_http;
mod reference;
mod slack_app;
mod world;

mod determinism;
mod openai_conversation;
mod openai_faults;
mod openai_upgrade;
mod recorded_requests;
mod slack_deliveries;
mod slack_faults;
mod slack_web;
