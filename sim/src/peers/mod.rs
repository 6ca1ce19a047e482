//! The fake outside services (design §7, spec/peers.md). They speak bytes over the simulated
//! network, know nothing of the platform, and keep a ledger in which *applied* and *answered* are
//! two facts, so that every fault between them can be placed and judged.
//!
//! - [`openai`]: the Responses API, over WebSocket and over HTTP.
//! - [`slack`]: the Web API, and signed deliveries of events.
//! - [`workers_ai`]: Cloudflare's models behind its REST API.
//! - [`ledger`]: what a service did, for oracles; the same lines go to the trace.
//! - [`script`]: what a model says.
//! - `http`: what all share as HTTP servers.

mod http;
pub mod ledger;
pub mod openai;
pub mod script;
pub mod slack;
pub mod workers_ai;

use crate::{
    activity::Activity,
    choice::{Choices, Site},
    trace::Trace,
};
use std::sync::Arc;

/// What a service needs of its world.
#[derive(Clone)]
pub struct PeerPorts {
    pub choices: Arc<Choices>,
    pub trace: Arc<Trace>,
    pub activity: Arc<Activity>,
}

/// Every fault of every service.
pub const FAULTS: &[&[&Site]] = &[
    openai::faults::MODEL,
    openai::faults::SOCKET,
    openai::faults::HTTP,
    slack::FAULTS,
    workers_ai::FAULTS,
];

/// Every choice that is no fault but part of an answer.
pub const DRAWS: &[&[&Site]] = &[openai::DRAWS, slack::DRAWS, workers_ai::DRAWS];
