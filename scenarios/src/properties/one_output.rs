//! Reads the logs. Asserts that a request has at most one output (spec §7.8, number 6), and that it
//! was not cancelled before. Does not assert that it has one, nor what it says.

use processors::agent::contract::{
    CancelledRequest, LlmRequestCancelled, OutputAdded, LLM_REQUEST_CANCELLED, OUTPUT_ADDED,
};
use runtime::event::{Event, Offset};
use sim::oracles::{Evidence, Oracle, Violation};
use std::collections::BTreeMap;

pub struct OneOutput;

impl Oracle for OneOutput {
    fn name(&self) -> &'static str {
        "output"
    }

    fn asserts(&self) -> &'static str {
        "a request has at most one output, and none once it was cancelled"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            let mut outputs = BTreeMap::new();
            let mut cancelled = BTreeMap::new();
            for event in &log.events {
                if let Some(request) = cancels(event) {
                    cancelled.insert(request, event.offset);
                }
                if event.kind != OUTPUT_ADDED {
                    continue;
                }
                let Ok(OutputAdded {
                    llm_request_id: Some(request),
                    ..
                }) = event.payload()
                else {
                    continue;
                };
                if let Some(at) = cancelled.get(&request) {
                    return Err(Violation::safety(
                        "stale",
                        format!(
                            "stream {}: request at offset {request} was cancelled at {at}, and has an \
                             output at {}",
                            log.name, event.offset
                        ),
                    ));
                }
                if let Some(first) = outputs.insert(request, event.offset) {
                    return Err(Violation::safety(
                        "duplicate",
                        format!(
                            "stream {}: request at offset {request} has outputs at {first} and {}",
                            log.name, event.offset
                        ),
                    ));
                }
            }
            right += outputs.len() as u64;
        }
        Ok(right)
    }
}

/// The request that this event cancels while a provider executes it.
fn cancels(event: &Event) -> Option<Offset> {
    if event.kind != LLM_REQUEST_CANCELLED {
        return None;
    }
    match event.payload::<LlmRequestCancelled>().ok()?.cancelled {
        CancelledRequest::Requested { llm_request_id } => Some(llm_request_id),
        CancelledRequest::Scheduled { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, SAFETY, THREAD};
    use super::*;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    fn output(request: Option<u64>) -> Entry {
        let output = OutputAdded {
            content: "hello".into(),
            llm_request_id: request.map(Offset),
        };
        Entry::new(OUTPUT_ADDED, output)
    }

    fn judge<const OUTPUTS: usize>(
        requests: [Option<u64>; OUTPUTS],
    ) -> Option<(&'static str, FailureKind)> {
        let history = History::new(&[]).log(THREAD, requests.map(output));
        history.verdict(&OneOutput)
    }

    #[test]
    fn an_output_for_each_request_is_right() {
        assert_eq!(judge([Some(2), Some(5), None, None]), None);
    }

    #[test]
    fn a_second_output_of_a_request_is_wrong() {
        let duplicate = Some(("duplicate", SAFETY));
        assert_eq!(judge([Some(2), Some(5), Some(2)]), duplicate);
    }

    #[test]
    fn an_output_of_a_cancelled_request_is_stale() {
        let interrupted = model_request::cancelled(History::new(&[]), THREAD, "hello", 0);
        let late = interrupted.log(THREAD, [output(Some(2))]);
        assert_eq!(late.verdict(&OneOutput), Some(("stale", SAFETY)));
        let interrupted = model_request::cancelled(History::new(&[]), THREAD, "hello", 0);
        let of_another = interrupted.log(THREAD, [output(Some(5))]);
        assert_eq!(of_another.verdict(&OneOutput), None);
    }

    #[test]
    fn the_same_request_of_another_stream_is_another() {
        let history = History::new(&[])
            .log(THREAD, [output(Some(2))])
            .log("p1:/agents/b", [output(Some(2))]);
        assert_eq!(history.verdict(&OneOutput), None);
    }
}
