//! The model requests of a world, as its logs tell of them, with the service's side of each: what the
//! service was asked last is what tells them apart.

use processors::{
    agent::contract::{self as agent, CancelledRequest, Role},
    cloudflare_ai::contract as cloudflare_ai,
    model_request::request::ProviderLlmRequestCompleted,
    openai_ws::contract as openai_ws,
};
use runtime::event::{EventType, Offset, StreamName};
use sim::{
    oracles::Evidence,
    peers::{ledger::LedgerEntry, openai::OpenAiFact, workers_ai::WorkersAiFact},
    world::StreamLog,
};
use std::{collections::BTreeMap, sync::Arc};

/// How the providers say that they are done with a request.
static ENDS: [EventType; 2] = [
    openai_ws::PROVIDER_LLM_REQUEST_COMPLETED,
    cloudflare_ai::PROVIDER_LLM_REQUEST_COMPLETED,
];

pub struct ModelRequest {
    pub stream: StreamName,
    /// Its id: the offset at which it was requested.
    pub requested: Offset,
    /// The event by which a person stopped it.
    pub cancelled: Option<Offset>,
    /// The event by which the provider said that it was done with it.
    pub executed: Option<Offset>,
    /// How often, and from when to when, the service was asked.
    pub calls: Vec<Call>,
}

/// A request as the service had it. Simulated time.
#[derive(Clone)]
pub struct Call {
    pub began_ms: u64,
    /// When the WebSocket was opened on which it came: whoever asked lived then, and read the answer
    /// to that, though what they sent may arrive when they are gone. None of a call over HTTP.
    pub opened_ms: Option<u64>,
    /// When the service had answered it, or had seen that nobody waits for the answer; none if it
    /// came to neither.
    pub ended_ms: Option<u64>,
    /// The service itself broke it off, or sent an error in the place of its end: whoever asked may
    /// ask again.
    pub is_broken: bool,
    /// What of its answer it had said, piece by piece, until its end or until nobody waited any longer.
    pub said: Arc<str>,
    /// When it began to say that, if nobody waited any longer.
    pub first_said_ms: Option<u64>,
}

/// The requests whose calls can be told from those of every other: nothing else ends in the same
/// words of a person.
pub fn model_requests(evidence: &Evidence) -> Vec<ModelRequest> {
    let mut by_text: BTreeMap<Arc<str>, Vec<ModelRequest>> = BTreeMap::new();
    for log in evidence.logs.values() {
        for (text, request) in read(log) {
            by_text.entry(text).or_default().push(request);
        }
    }
    let mut calls = calls(evidence);
    let told_apart = by_text.into_iter().filter_map(|(text, mut requests)| {
        let request = requests.pop().filter(|_| requests.is_empty())?;
        let calls = calls.remove(&text).unwrap_or_default();
        Some(ModelRequest { calls, ..request })
    });
    told_apart.collect()
}

/// The requests of a log, each with the last words of a person that it holds.
fn read(log: &StreamLog) -> Vec<(Arc<str>, ModelRequest)> {
    let mut state = agent::State::default();
    let mut requests: BTreeMap<Offset, (Arc<str>, ModelRequest)> = BTreeMap::new();
    for event in &log.events {
        if ENDS.contains(&event.kind) {
            if let Ok(completed) = event.payload::<ProviderLlmRequestCompleted>() {
                if let Some((_, request)) = requests.get_mut(&completed.llm_request_id) {
                    request.executed.get_or_insert(event.offset);
                }
            }
        }
        let Ok(Some(consumed)) = agent::Consumed::parse(event) else {
            continue;
        };
        state.reduce(event.offset, &consumed);
        match consumed {
            agent::Consumed::Requested(_) => {
                let mut said = state.history.iter().rev();
                let last = said.find(|message| message.role == Role::User);
                let text = last.map_or_else(|| "".into(), |message| message.content.clone());
                let request = ModelRequest {
                    stream: log.name.clone(),
                    requested: event.offset,
                    cancelled: None,
                    executed: None,
                    calls: Vec::new(),
                };
                requests.insert(event.offset, (text, request));
            }
            agent::Consumed::Cancelled(cancelled) => {
                if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
                    if let Some((_, request)) = requests.get_mut(&llm_request_id) {
                        request.cancelled.get_or_insert(event.offset);
                    }
                }
            }
            _ => {}
        }
    }
    requests.into_values().collect()
}

fn calls(evidence: &Evidence) -> BTreeMap<Arc<str>, Vec<Call>> {
    let mut calls: BTreeMap<Arc<str>, Vec<Call>> = BTreeMap::new();
    let mut opened_ms: BTreeMap<u64, u64> = BTreeMap::new();
    for entry in &evidence.openai {
        if entry.what == OpenAiFact::Connected {
            opened_ms.insert(entry.connection, entry.at_ms);
        }
        if let OpenAiFact::RequestReceived {
            response_id,
            input_text,
            ..
        } = &entry.what
        {
            let breaks = |entry: &LedgerEntry<OpenAiFact>| match &entry.what {
                OpenAiFact::Dropped {
                    response_id: id, ..
                }
                | OpenAiFact::Errored {
                    response_id: id, ..
                } => id == response_id,
                _ => false,
            };
            let ended = |entry: &&LedgerEntry<OpenAiFact>| match &entry.what {
                OpenAiFact::Answered {
                    response_id: id, ..
                }
                | OpenAiFact::Abandoned {
                    response_id: id, ..
                } => id == response_id,
                _ => false,
            };
            let end = evidence.openai.iter().find(ended);
            let (said, first_said_ms) = match end.map(|end| &end.what) {
                Some(OpenAiFact::Abandoned {
                    said,
                    first_said_ms,
                    ..
                }) => (said.clone(), *first_said_ms),
                _ => (said_by(evidence, response_id), None),
            };
            calls
                .entry(input_text.as_str().into())
                .or_default()
                .push(Call {
                    began_ms: entry.at_ms,
                    opened_ms: opened_ms.get(&entry.connection).copied(),
                    ended_ms: end.map(|end| end.at_ms),
                    is_broken: evidence.openai.iter().any(breaks),
                    said,
                    first_said_ms,
                });
        }
    }
    for entry in &evidence.workers_ai {
        if let WorkersAiFact::Received {
            run, input_text, ..
        } = &entry.what
        {
            let calls = calls.entry(input_text.clone()).or_default();
            calls.push(run_of_workers_ai(evidence, *run, entry.at_ms));
        }
    }
    calls
}

/// What a response that nobody left said.
fn said_by(evidence: &Evidence, response_id: &Arc<str>) -> Arc<str> {
    let said = evidence.openai_said.get(response_id);
    said.cloned().unwrap_or_else(|| "".into())
}

/// The answer is whole or none: nothing of it is said before its end.
fn run_of_workers_ai(evidence: &Evidence, id: u64, began_ms: u64) -> Call {
    let mut call = Call {
        began_ms,
        opened_ms: None,
        ended_ms: None,
        is_broken: false,
        said: "".into(),
        first_said_ms: None,
    };
    for entry in &evidence.workers_ai {
        match &entry.what {
            WorkersAiFact::Answered { run, text } if *run == id => {
                call.ended_ms = Some(entry.at_ms);
                call.said = text.clone();
            }
            WorkersAiFact::Abandoned { run } if *run == id => call.ended_ms = Some(entry.at_ms),
            WorkersAiFact::Dropped { run, .. } if *run == id => call.is_broken = true,
            _ => {}
        }
    }
    call
}
