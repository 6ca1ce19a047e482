//! A fake OpenAI: the Responses API over WebSocket and over HTTP (spec/peers.md §1, §2).
//!
//! - [`config`]: keys, limits, and the script of answers.
//! - [`faults`]: what can go wrong, by name and by row.
//! - `http`: requests, replies and streams over HTTP. Start here, or at
//! - `socket`: one WebSocket: order, lanes, memory, errors, age.
//!
//! What both share:
//!
//! - `request`: what a request asks for.
//! - `answer`: what the model says.
//! - `response`: how a response comes about: its events in order, and the point *applied*.
//! - `course`: one response under way: its identity, numbers and items.
//! - `outlet`: where the events of a response go.
//! - `cut`: how a response may end otherwise than by being complete.
//! - `odd`: what a client need not understand.
//! - `event`, `object`, `error`: what is sent.
//! - `recording`: a background response, which survives whoever asked for it.

mod answer;
pub mod config;
mod course;
mod cut;
mod error;
mod event;
pub mod faults;
mod http;
mod object;
mod odd;
mod outlet;
mod recording;
mod request;
mod response;
mod socket;

pub use config::{AnswerTo, OpenAiConfig, PastResponse, Script};
pub use faults::DRAWS;

use super::{
    http::{body::Body, HttpService, NoReply, Reply},
    ledger::{Ledger, LedgerEntry},
    PeerPorts,
};
use crate::{
    choice::Subject,
    time::{self, EPOCH},
};
use error::ApiError;
use hyper::{body::Incoming, Request};
use object::{Item, Part, Response, Status, Usage};
use recording::Recording;
use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
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
    /// Until when the `peer.openai.outage` fault lasts.
    outage_until_ms: u64,
    /// How often the model goes on calling a tool.
    loop_turns: u32,
    /// Responses whose request said `store`; the others live in their connection only.
    kept: BTreeMap<Arc<str>, Kept>,
    /// The text of the deltas of every response that nobody left.
    said: BTreeMap<Arc<str>, Said>,
}

/// What a response has said so far.
#[derive(Default)]
struct Said {
    text: String,
    first_ms: u64,
}

/// A stored response.
struct Kept {
    /// The Response object.
    json: Arc<str>,
    input: Arc<[Value]>,
    open_calls: Vec<String>,
    /// Its status and text, if it has an end. One that did not fail can be continued.
    end: Option<(&'static str, Arc<str>)>,
    /// Of a background response.
    recording: Option<Arc<Recording>>,
    is_stream: bool,
}

/// What the service did. *Applied* is generation finished and billed, *answered* the terminal event,
/// or the whole reply, handed to the socket: a fault may stand between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenAiFact {
    UpgradeRefused {
        status: u16,
    },
    Connected,
    /// A request over HTTP. `retry` is how often the client's library has sent it before.
    Called {
        endpoint: &'static str,
        retry: u32,
    },
    /// The head of its reply; of an error, with its code.
    Replied {
        endpoint: &'static str,
        status: u16,
        code: Option<&'static str>,
    },
    /// The `peer.openai.reply-lost` fault, before any work was done.
    RequestLost,
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
    /// The terminal event, or the whole body: the response is `completed`, `incomplete` or `failed`,
    /// and this is its text.
    Answered {
        response_id: Arc<str>,
        status: &'static str,
        text: Arc<str>,
    },
    /// The faults `peer.openai.error` and `peer.openai.stream-error`: an error event in the place of a
    /// terminal one.
    Errored {
        response_id: Arc<str>,
        shape: &'static str,
    },
    /// The faults `peer.openai.stall`, and `peer.openai.body-cut` as `stalled`.
    Stalled {
        response_id: Arc<str>,
    },
    /// The `peer.openai.half-open` fault: what the client says from here on reaches nobody.
    HalfOpen,
    /// A fault ended the connection, or the stream, before the end of the response was handed over.
    Dropped {
        response_id: Arc<str>,
        how: &'static str,
    },
    /// The client was gone before the response was complete. Generation ends with it, unless it was
    /// applied already, or `finishes_unread` lets it go on.
    Abandoned {
        response_id: Arc<str>,
        /// The text of the deltas that were handed to the socket.
        said: Arc<str>,
        /// When the first of them was, in simulated time.
        first_said_ms: Option<u64>,
    },
    /// A background response was cancelled.
    Cancelled {
        response_id: Arc<str>,
    },
    Disconnected,
}

impl OpenAi {
    pub fn new(ports: PeerPorts, config: OpenAiConfig) -> Arc<Self> {
        let kept = config.history.iter().map(Kept::past);
        let generated = Generated {
            kept: kept.collect(),
            ..Generated::default()
        };
        Arc::new(OpenAi {
            ledger: Ledger::new("openai", ports.trace.clone()),
            ports,
            config,
            subject: Subject::new("openai"),
            generated: Mutex::new(generated),
        })
    }

    /// Listens on `address` of the current task's node, for ever. An idle connection is not
    /// pending work; a response under way is.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        super::http::serve(self, address).await
    }

    /// The next so many requests fail, as in an outage; those that were to fail before are let off.
    pub fn fail_next(&self, requests: u64) {
        self.generated().refusals = requests;
    }

    pub fn ledger(&self) -> Vec<LedgerEntry<OpenAiFact>> {
        self.ledger.entries()
    }

    /// The text of the deltas that were handed over of each response, by its id, whatever became of it.
    /// One that was abandoned tells it in its fact. A failed response has no text of its own, and the
    /// deltas may say something else than the text.
    pub fn said(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let generated = self.generated();
        let said = generated.said.iter();
        said.map(|(id, said)| (id.clone(), said.text.as_str().into()))
            .collect()
    }

    fn generated(&self) -> std::sync::MutexGuard<'_, Generated> {
        self.generated.lock().expect("one thread")
    }

    /// A delta was handed to the socket.
    fn note_said(&self, response_id: &Arc<str>, delta: &str) {
        let mut generated = self.generated();
        let said = generated.said.entry(response_id.clone());
        let said = said.or_insert_with(|| Said {
            text: String::new(),
            first_ms: time::since_start_ms(),
        });
        said.text.push_str(delta);
    }

    /// The client is gone; what it was told by then.
    fn abandoned(&self, response_id: Arc<str>) -> OpenAiFact {
        let said = self.generated().said.remove(&response_id);
        OpenAiFact::Abandoned {
            response_id,
            first_said_ms: said.as_ref().map(|said| said.first_ms),
            said: said.map_or_else(|| "".into(), |said| said.text.into()),
        }
    }

    /// The number and the id of a new response.
    fn begin_response(&self) -> (u64, Arc<str>) {
        let mut generated = self.generated();
        generated.responses += 1;
        let number = generated.responses;
        (number, format!("resp_{number:08}").into())
    }

    /// The `peer.openai.silent` fault.
    fn is_silent(&self) -> bool {
        self.ports.choices.yes(&faults::SILENT, &self.subject)
    }

    /// The outage that the workload brought about.
    fn check_load(&self) -> Result<(), ApiError> {
        let mut generated = self.generated();
        if generated.refusals == 0 {
            return Ok(());
        }
        generated.refusals -= 1;
        Err(ApiError::overloaded())
    }

    /// The calls that a stored response left open; none if there is no such response to be continued.
    fn open_calls(&self, response: &str) -> Option<Vec<String>> {
        let generated = self.generated();
        let kept = generated.kept.get(response);
        let can_be_continued = |kept: &&Kept| {
            let end = kept.end.as_ref();
            end.is_some_and(|(status, _)| *status != "failed")
        };
        let kept = kept.filter(can_be_continued);
        kept.map(|kept| kept.open_calls.clone())
    }
}

impl Kept {
    /// As it would be kept if it had been made here, and its id.
    fn past(past: &PastResponse) -> (Arc<str>, Kept) {
        let fields = json!({ "input": past.input_text });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let create = request::parse(fields, past.input_text.len(), false);
        let create = create.expect("an input is a request");
        let number = 0;
        let item_id = format!("msg_{}", past.id);
        let content = vec![Part::text(&past.text)];
        let output = [Item::message(&item_id, Status::Completed, content)];
        let created_at = EPOCH.unix_ms / 1000;
        let mut response = Response::new(&past.id, created_at, &create, Status::Completed, &output);
        response.completed_at = Some(created_at);
        let tokens = request::tokens(past.text.len());
        response.usage = Some(Usage::new(create.input_tokens, tokens));
        let kept = Kept {
            json: response.to_json().into(),
            input: create.input_items(number).into(),
            open_calls: Vec::new(),
            end: Some(("completed", past.text.as_str().into())),
            recording: None,
            is_stream: false,
        };
        (past.id.as_str().into(), kept)
    }
}

impl HttpService<Body> for OpenAi {
    fn next_connection(&self) -> u64 {
        self.ledger.next_connection()
    }

    async fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> Result<Reply<Body>, NoReply> {
        http::answer(self, connection, request).await
    }
}
