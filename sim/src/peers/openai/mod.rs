//! A fake OpenAI: the Responses API over WebSocket (spec/peers.md §1.4, §1.7, §1.8, §2).
//!
//! - [`config`]: keys, limits, and the script of answers.
//! - [`faults`]: what can go wrong, by name.
//! - `upgrade`: from the HTTP request to the WebSocket, or a refusal.
//! - `conversation`: one connection: order, memory, errors, age. Start here.
//! - `response`: one response: its events, faults, and the points applied and answered.
//! - `cut`: how a response may end otherwise than by being complete.
//! - `odd`: frames that a client need not understand.
//! - `request`: what a client message asks for.
//! - `answer`: what the model says, and in how many deltas.
//! - `event`: the server's messages.

mod answer;
pub mod config;
mod conversation;
mod cut;
mod event;
pub mod faults;
mod odd;
mod request;
mod response;
mod upgrade;

pub use config::{AnswerTo, OpenAiConfig, Script};
pub use faults::{DRAWS, FAULTS};

use super::{
    http::{self, HttpService, NoReply, Reply},
    ledger::{Ledger, LedgerEntry},
    PeerPorts,
};
use crate::choice::Subject;
use hyper::{body::Incoming, Request};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

pub struct OpenAi {
    ports: PeerPorts,
    config: OpenAiConfig,
    /// One subject for the whole service: the n-th request is the same whatever connection it
    /// comes on.
    subject: Subject,
    ledger: Ledger<OpenAiFact>,
    generated: Mutex<Generated>,
}

/// What outlives a connection.
#[derive(Default)]
struct Generated {
    /// Identifiers are numbers in the order of their making, never random.
    responses: u64,
    /// Answers of the model: warm-ups and silence take none from the script.
    answers: usize,
    http_requests: u64,
    /// How many requests more are turned down: an outage that the workload brought about.
    refusals: u64,
    /// Finished responses whose request said `store`; the others live in their connection only.
    stored: BTreeSet<Arc<str>>,
}

/// What the service did. *Applied* is generation finished and billed, *answered* the terminal
/// event handed to the socket: a fault may stand between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenAiFact {
    UpgradeRefused {
        status: u16,
    },
    Connected,
    RequestReceived {
        response_id: Arc<str>,
        /// The last text of the user.
        input_text: String,
        previous_response_id: Option<String>,
    },
    /// A message was turned down with a nested error; generation did not start.
    Rejected {
        code: Option<&'static str>,
    },
    /// The `peer.openai.silent` fault: this response, and all behind it, will never come.
    Silenced {
        response_id: Arc<str>,
    },
    Applied {
        response_id: Arc<str>,
    },
    /// The terminal event: the response is `completed`, `incomplete` or `failed`, and this is its
    /// text.
    Answered {
        response_id: Arc<str>,
        status: &'static str,
        text: Arc<str>,
    },
    /// The `peer.openai.error` fault: an error event in the place of a terminal one.
    Errored {
        response_id: Arc<str>,
        shape: &'static str,
    },
    /// The `peer.openai.stall` fault.
    Stalled {
        response_id: Arc<str>,
    },
    /// The `peer.openai.half-open` fault: what the client says from here on reaches nobody.
    HalfOpen,
    /// The faults `peer.openai.drop` and `peer.openai.limit-during`.
    Dropped {
        response_id: Arc<str>,
        how: &'static str,
    },
    /// The client was gone before the response was complete; generation ends with it.
    Abandoned {
        response_id: Arc<str>,
        /// The text of the deltas that were handed to the socket.
        said: Arc<str>,
        /// When the first of them was, in simulated time.
        first_said_ms: Option<u64>,
    },
    Disconnected,
}

impl OpenAi {
    pub fn new(ports: PeerPorts, config: OpenAiConfig) -> Arc<Self> {
        Arc::new(OpenAi {
            ledger: Ledger::new("openai", ports.trace.clone()),
            ports,
            config,
            subject: Subject::new("openai"),
            generated: Mutex::default(),
        })
    }

    /// Listens on `address` of the current task's node, for ever. An idle connection is not
    /// pending work; a response under way is.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        http::serve(self, address).await
    }

    /// The next so many requests fail, as in an outage; those that were to fail before are let off.
    pub fn fail_next(&self, requests: u64) {
        self.generated().refusals = requests;
    }

    pub fn ledger(&self) -> Vec<LedgerEntry<OpenAiFact>> {
        self.ledger.entries()
    }

    fn generated(&self) -> std::sync::MutexGuard<'_, Generated> {
        self.generated.lock().expect("one thread")
    }
}

impl HttpService for OpenAi {
    fn next_connection(&self) -> u64 {
        self.ledger.next_connection()
    }

    async fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> Result<Reply, NoReply> {
        Ok(upgrade::answer(self, connection, request))
    }
}
