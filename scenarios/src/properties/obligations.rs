//! Reads the logs. Asserts that at rest every triggering input is followed by a model request, which
//! covers it because a provider reads the stream up to the request; and that every request has
//! exactly one terminal, a completion or a cancellation (spec §7.8, number 5). Does not assert that
//! a request succeeded: a failed completion is a recorded end.

use processors::agent::contract::{
    CancelledRequest, InputAdded, LlmRequestCancelled, LlmRequestCompleted, INPUT_ADDED,
    LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED,
};
use runtime::event::{Event, Offset};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct Obligations;

impl Oracle for Obligations {
    fn name(&self) -> &'static str {
        "obligation"
    }

    fn asserts(&self) -> &'static str {
        "every triggering input is covered by a request, and every request has exactly one terminal"
    }

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        let logs = || evidence.logs.values();
        logs().try_for_each(finished_once)?;
        logs().try_for_each(answered)?;
        logs().try_for_each(finished)
    }
}

fn answered(log: &StreamLog) -> Result<(), Violation> {
    let last_request = log
        .events
        .iter()
        .rev()
        .find(|event| event.kind == LLM_REQUEST_REQUESTED)
        .map_or(Offset::ZERO, |event| event.offset);
    let uncovered = log
        .events
        .iter()
        .find(|event| event.offset > last_request && triggers(event));
    match uncovered {
        None => Ok(()),
        Some(input) => Err(Violation::liveness(
            "input-unanswered",
            format!(
                "stream {}: input at offset {} is followed by no request (the last one is at {last_request})",
                log.name, input.offset
            ),
        )),
    }
}

fn triggers(event: &Event) -> bool {
    event.kind == INPUT_ADDED
        && event
            .payload::<InputAdded>()
            .is_ok_and(|input| input.triggers())
}

fn finished(log: &StreamLog) -> Result<(), Violation> {
    let terminals = terminals(log);
    let unfinished = log.events.iter().find(|event| {
        event.kind == LLM_REQUEST_REQUESTED && !terminals.contains_key(&event.offset)
    });
    match unfinished {
        None => Ok(()),
        Some(request) => Err(Violation::liveness(
            "request-unfinished",
            format!(
                "stream {}: request at offset {} has no terminal",
                log.name, request.offset
            ),
        )),
    }
}

fn finished_once(log: &StreamLog) -> Result<(), Violation> {
    match terminals(log)
        .into_iter()
        .find(|(_, terminals)| terminals.len() > 1)
    {
        None => Ok(()),
        Some((request, terminals)) => Err(Violation::safety(
            "request-finished-twice",
            format!(
                "stream {}: request at offset {request} ends at offsets {}",
                log.name,
                terminals
                    .iter()
                    .map(Offset::to_string)
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        )),
    }
}

/// The terminals of each request, by its offset.
fn terminals(log: &StreamLog) -> BTreeMap<Offset, Vec<Offset>> {
    let mut terminals: BTreeMap<Offset, Vec<Offset>> = BTreeMap::new();
    for event in &log.events {
        if let Some(request) = ends(event) {
            terminals.entry(request).or_default().push(event.offset);
        }
    }
    terminals
}

/// The request that this event brings to its end.
fn ends(event: &Event) -> Option<Offset> {
    if event.kind == LLM_REQUEST_COMPLETED {
        let completed: LlmRequestCompleted = event.payload().ok()?;
        return Some(completed.llm_request_id);
    }
    if event.kind == LLM_REQUEST_CANCELLED {
        let cancelled: LlmRequestCancelled = event.payload().ok()?;
        if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
            return Some(llm_request_id);
        }
    }
    None
}
