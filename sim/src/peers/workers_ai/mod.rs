//! A fake Workers AI: Cloudflare's models behind its REST API (spec/peers.md §3.1 to §3.3).
//!
//! - [`config`]: the account, its token and its models.
//! - [`faults`]: what can go wrong, by name and by row.
//! - `request`: which model is asked, in which form of the API, and what it was told.
//! - `run`: one run: whole or streamed, and the points applied and answered. Start here.
//! - `failures`: why a request may fail before that.
//! - `result`, `error`: what is sent.
//!
//! Of the forms that are compatible with OpenAI it has chat completions, which is also how some models
//! answer under `run`; of the AI Gateway it has the header that sends a run through one. Not here: the
//! gateway's own host, embeddings, and the Responses form, of which the description says nothing that
//! `openai` does not have.

pub mod config;
mod error;
mod failures;
pub mod faults;
mod request;
mod result;
mod run;

pub use config::{Model, ResultForm, WorkersAiConfig};
pub use faults::{DRAWS, FAULTS};

use super::{
    http::{
        self, bearer, body::Body, header_value, json_reply, retries, HttpService, NoReply, Reply,
    },
    ledger::{Ledger, LedgerEntry},
    PeerPorts,
};
use crate::{activity::PendingKind, choice::Subject};
use bytes::Bytes;
use error::ApiError;
use http_body_util::BodyExt;
use hyper::{
    body::Incoming, header::HeaderValue, http::request::Parts, Method, Request, StatusCode,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

const JSON: &str = "application/json";

pub struct WorkersAi {
    ports: PeerPorts,
    config: WorkersAiConfig,
    /// One subject for the whole service: the n-th request is the same whatever connection it
    /// comes on.
    subject: Subject,
    ledger: Ledger<WorkersAiFact>,
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    requests: u64,
    /// Runs are numbers in their order, from 1.
    runs: u64,
    /// How many requests more are turned down: an outage that the workload brought about.
    refusals: u64,
}

/// What the service did. *Applied* is a run finished and billed, *answered* its whole reply, or the
/// last line of its stream, handed to the socket: a fault may stand between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkersAiFact {
    /// A request was turned down: no model ran.
    Refused {
        status: u16,
        /// Of the envelope; none in an error page of somebody in between.
        code: Option<u32>,
    },
    /// The `peer.workers-ai.reply-lost` fault, before any work was done.
    RequestLost,
    Received {
        run: u64,
        model: Arc<str>,
        /// The last text of the user.
        input_text: Arc<str>,
        /// How often the client's library has sent the request before.
        retry: u32,
    },
    /// The `peer.workers-ai.silent` fault.
    Silenced {
        run: u64,
    },
    Applied {
        run: u64,
    },
    Answered {
        run: u64,
        text: Arc<str>,
    },
    /// The faults `peer.workers-ai.stall`, and `body-cut` as `stalled`.
    Stalled {
        run: u64,
    },
    /// A fault ended the connection, or the stream, before the end was handed over.
    Dropped {
        run: u64,
        how: &'static str,
    },
    /// The client was gone before the run was handed over. A stream's run ends with it.
    Abandoned {
        run: u64,
    },
}

/// Why there is no ordinary reply.
enum Unanswered {
    Error(ApiError),
    /// An error page of somebody in between.
    Otherwise(Box<Reply<Body>>),
    NoReply,
    /// Nothing more happens on the connection.
    Never,
}

impl From<ApiError> for Unanswered {
    fn from(error: ApiError) -> Self {
        Unanswered::Error(error)
    }
}

impl WorkersAi {
    pub fn new(ports: PeerPorts, config: WorkersAiConfig) -> Arc<Self> {
        Arc::new(WorkersAi {
            ledger: Ledger::new("workers-ai", ports.trace.clone()),
            ports,
            config,
            subject: Subject::new("workers-ai"),
            counters: Mutex::default(),
        })
    }

    /// Listens on `address` of the current task's node, for ever. An idle connection is not pending
    /// work; a run is.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        http::serve(self, address).await
    }

    /// The next so many requests fail, as in an outage; those that were to fail before are let off.
    pub fn fail_next(&self, requests: u64) {
        self.counters().refusals = requests;
    }

    pub fn ledger(&self) -> Vec<LedgerEntry<WorkersAiFact>> {
        self.ledger.entries()
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().expect("one thread")
    }

    fn begin_run(&self) -> u64 {
        let mut counters = self.counters();
        counters.runs += 1;
        counters.runs
    }

    fn check_load(&self) -> Result<(), ApiError> {
        let mut counters = self.counters();
        if counters.refusals == 0 {
            return Ok(());
        }
        counters.refusals -= 1;
        Err(ApiError::internal(503))
    }

    async fn answer_call(
        self: &Arc<Self>,
        connection: u64,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Reply<Body>, Unanswered> {
        let path = request::path(head.uri.path())?;
        let token = bearer(&head.headers);
        if token != Some(&self.config.api_token) {
            return Err(ApiError::known(10000).into());
        }
        if path.account_id != self.config.account_id {
            let status = StatusCode::FORBIDDEN.as_u16();
            let error = ApiError::known(10000);
            return Err(ApiError { status, ..error }.into());
        }
        if head.method != Method::POST {
            return Err(ApiError::known(7003).into());
        }
        let ask = request::parse(head, path.rest, body)?;
        let mut models = self.config.models.iter();
        let model = models.find(|model| model.name == ask.model);
        let form = model
            .ok_or_else(|| ApiError::no_such_model(&ask.model))?
            .form;
        let retry = retries(&head.headers);
        run::answer(self, connection, ask, form, retry).await
    }
}

impl HttpService<Body> for WorkersAi {
    fn next_connection(&self) -> u64 {
        self.ledger.next_connection()
    }

    async fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> Result<Reply<Body>, NoReply> {
        let answering = self.ports.activity.begin(PendingKind::Message);
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
        let (mut reply, code) = match self.answer_call(connection, &head, &body).await {
            Ok(reply) => (reply, None),
            Err(Unanswered::Error(error)) => (error_reply(&error), Some(error.code)),
            Err(Unanswered::Otherwise(reply)) => (*reply, None),
            Err(Unanswered::NoReply) => return Err(NoReply),
            Err(Unanswered::Never) => {
                drop(answering);
                std::future::pending().await
            }
        };
        let status = reply.status().as_u16();
        if status != StatusCode::OK.as_u16() {
            let refused = WorkersAiFact::Refused { status, code };
            self.ledger.record(connection, refused);
        }
        let number = {
            let mut counters = self.counters();
            counters.requests += 1;
            counters.requests
        };
        let headers = reply.headers_mut();
        headers.insert("cf-ray", header_value(format!("{number:016x}-SIM")));
        headers.insert("cf-ai-req-id", header_value(format!("req-{number:08}")));
        if head.headers.contains_key("cf-aig-gateway-id") {
            headers.insert("cf-aig-log-id", header_value(format!("log-{number:08}")));
            headers.insert("cf-aig-cache-status", HeaderValue::from_static("MISS"));
        }
        Ok(reply)
    }
}

fn error_reply(error: &ApiError) -> Reply<Body> {
    let status = StatusCode::from_u16(error.status).expect("errors have statuses of HTTP");
    json_reply(status, JSON, error.to_json())
}
