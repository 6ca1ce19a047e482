//! The fake services, tested from outside, over the simulated network. One file per subject, one
//! binary, so that it links once.
//!
//! - [`world`]: a small world: the services, and a node on which the test plays the app.
//! - [`openai_client`], [`http_client`], [`slack_app`], [`raw_http`], [`event_stream`]: the test's ends
//!   of the connections.
//! - [`reference`]: the published shapes that everything sent is checked against.

mod event_stream;
mod http_client;
mod openai_client;
mod raw_http;
mod reference;
mod slack_app;
mod world;

mod determinism;
mod endpoints;
mod openai_conversation;
mod openai_faults;
mod openai_http;
mod openai_http_faults;
mod openai_kept;
mod openai_lanes;
mod openai_upgrade;
mod recorded_requests;
mod slack_deliveries;
mod slack_faults;
mod slack_web;
mod workers_ai;
mod workers_ai_faults;
