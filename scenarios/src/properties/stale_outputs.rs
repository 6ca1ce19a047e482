//! Reads the logs, and the checkpoints of agents. Asserts that no output of a request which was
//! cancelled or superseded by then is in the history that an agent holds, and none in what was sent to
//! the model (spec §7.8, number 7): the person who interrupted would be answered as if nobody had.
//! Which request was the current one is read from the log alone, without the agent's reducer. Does
//! not assert that a live output is sent again: the service may remember it (peers §2.5).

use processors::{
    agent::contract::{
        CancelledRequest, LlmRequestCancelled, LlmRequestCompleted, OutputAdded,
        LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED, LLM_REQUEST_SCHEDULED,
        OUTPUT_ADDED, SLUG,
    },
    openai_ws::contract::WEBSOCKET_MESSAGE_SENT,
};
use runtime::event::{Event, Offset, StreamName};
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct StaleOutputs;

/// An output that was live when it was added.
struct Live {
    at: Offset,
    content: Arc<str>,
}

impl Oracle for StaleOutputs {
    fn name(&self) -> &'static str {
        "history"
    }

    fn asserts(&self) -> &'static str {
        "no output of a cancelled or superseded request is in an agent's history, or sent to the model"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            let live = live_outputs(&log.events);
            for event in &log.events {
                if event.kind == WEBSOCKET_MESSAGE_SENT {
                    right += check_sent(log, &live, event)?;
                }
            }
        }
        let agents = evidence.processors.iter();
        for stored in agents.filter(|stored| stored.processor == SLUG) {
            let stream = StreamName::parse(&stored.object.name).expect("a stream's name");
            let live = live_outputs(evidence.log(&stream));
            let history = stored.state["history"].as_array().into_iter().flatten();
            let answers = history.filter(|message| message["role"] == "assistant");
            let answers = answers.filter_map(|message| message["content"].as_str());
            right += check(&live, stored.offset, answers).map_err(|text| {
                let object = &stored.object;
                stale("in-history", format!("the history of {object}"), text)
            })?;
        }
        Ok(right)
    }
}

fn stale(class: &'static str, place: String, text: &str) -> Violation {
    let message = format!("{place} has {text:?}, which no current request had put out by then");
    Violation::safety(class, message)
}

fn live_outputs(log: &[Arc<Event>]) -> Vec<Live> {
    let mut current = None;
    let mut live = Vec::new();
    for event in log {
        if event.kind == LLM_REQUEST_REQUESTED {
            current = Some(event.offset);
        } else if event.kind == LLM_REQUEST_SCHEDULED
            || ended(event).is_some_and(|id| current == Some(id))
        {
            current = None;
        } else if event.kind == OUTPUT_ADDED {
            let Ok(output) = event.payload::<OutputAdded>() else {
                continue;
            };
            if output.llm_request_id.is_none() || output.llm_request_id == current {
                live.push(Live {
                    at: event.offset,
                    content: output.content,
                });
            }
        }
    }
    live
}

/// The request that this event brings to its end.
fn ended(event: &Event) -> Option<Offset> {
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

/// The answers of a conversation are live outputs up to an offset, in their order: gives how many, or
/// the first that is none.
fn check<'a>(
    live: &[Live],
    until: Offset,
    answers: impl Iterator<Item = &'a str>,
) -> Result<u64, &'a str> {
    let mut live = live.iter().take_while(|output| output.at <= until);
    let mut right = 0;
    for answer in answers {
        if !live.any(|output| *output.content == *answer) {
            return Err(answer);
        }
        right += 1;
    }
    Ok(right)
}

/// A recorded message to the model.
fn check_sent(log: &StreamLog, live: &[Live], sent: &Event) -> Result<u64, Violation> {
    let Some(payload) = &sent.payload else {
        return Ok(0);
    };
    let request = payload["llmRequestId"].as_u64().unwrap_or_default();
    let items = payload["message"]["input"].as_array().into_iter().flatten();
    let answers = items.filter(|item| item["role"] == "assistant");
    let answers = answers.filter_map(|item| text(item));
    check(live, Offset(request), answers).map_err(|text| {
        let place = format!("the request at {request} of {}, as it was sent,", log.name);
        stale("sent", place, text)
    })
}

fn text(item: &Value) -> Option<&str> {
    item["content"][0]["text"].as_str()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::{CancelReason, LlmRequestRequested};
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    fn requested() -> Entry {
        let request = LlmRequestRequested {
            model: "m-1".into(),
            run_opts: json!({}),
        };
        Entry::new(LLM_REQUEST_REQUESTED, request)
    }

    fn output(request: u64, content: &str) -> Entry {
        let output = OutputAdded {
            content: content.into(),
            llm_request_id: Some(Offset(request)),
        };
        Entry::new(OUTPUT_ADDED, output)
    }

    fn cancelled(request: u64) -> Entry {
        let llm_request_id = Offset(request);
        let cancelled = LlmRequestCancelled {
            cancelled: CancelledRequest::Requested { llm_request_id },
            reason: CancelReason::InterruptedByUserInput,
        };
        Entry::new(LLM_REQUEST_CANCELLED, cancelled)
    }

    fn sent(request: u64, answers: &[&str]) -> Entry {
        let item = |answer: &&str| {
            let content = [json!({ "type": "output_text", "text": answer })];
            json!({ "type": "message", "role": "assistant", "content": content })
        };
        let input: Vec<Value> = answers.iter().map(item).collect();
        let message = json!({ "type": "response.create", "input": input });
        let payload = json!({
            "connectionId": "c", "llmRequestId": request, "sequence": 1, "message": message,
        });
        Entry::new(WEBSOCKET_MESSAGE_SENT, payload)
    }

    /// The agent's checkpoint is behind the last event, and holds these answers.
    fn held<const EVENTS: usize>(log: [Entry; EVENTS], answers: &[&str]) -> History {
        let message = |answer: &&str| json!({ "role": "assistant", "content": answer });
        let mut history = vec![json!({ "role": "user", "content": "hello" })];
        history.extend(answers.iter().map(message));
        let state = json!({ "history": history });
        History::new(&[])
            .log(THREAD, log)
            .checkpoint("AGENT", THREAD, SLUG, EVENTS as u64, state)
    }

    fn two_answers() -> [Entry; 4] {
        [requested(), output(1, "one"), requested(), output(3, "two")]
    }

    const IN_HISTORY: Option<(&str, FailureKind)> = Some(("in-history", SAFETY));
    const SENT: Option<(&str, FailureKind)> = Some(("sent", SAFETY));

    #[test]
    fn outputs_of_current_requests_are_right() {
        let both = held(two_answers(), &["one", "two"]);
        assert_eq!(both.exercised(&StaleOutputs), 2);
        assert_eq!(held(two_answers(), &[]).exercised(&StaleOutputs), 0);
    }

    #[test]
    fn the_output_of_a_cancelled_request_is_wrong() {
        let log = || [requested(), cancelled(1), output(1, "late")];
        assert_eq!(held(log(), &[]).verdict(&StaleOutputs), None);
        assert_eq!(held(log(), &["late"]).verdict(&StaleOutputs), IN_HISTORY);
    }

    #[test]
    fn the_output_of_a_superseded_request_is_wrong() {
        let log = || [requested(), requested(), output(1, "late")];
        assert_eq!(held(log(), &["late"]).verdict(&StaleOutputs), IN_HISTORY);
        let another = held(two_answers(), &["two", "one"]);
        assert_eq!(another.verdict(&StaleOutputs), IN_HISTORY, "out of order");
    }

    #[test]
    fn what_is_sent_to_the_model_was_current_when_it_was_asked() {
        let with = |request, answers: &[&str]| {
            let [one, two, three, four] = two_answers();
            held([one, two, three, four, sent(request, answers)], &[])
        };
        assert_eq!(with(3, &["one"]).exercised(&StaleOutputs), 1);
        assert_eq!(with(3, &[]).exercised(&StaleOutputs), 0);
        assert_eq!(with(3, &["one", "two"]).verdict(&StaleOutputs), SENT);
        let cancelled = [requested(), cancelled(1), output(1, "late"), requested()];
        let [one, two, three, four] = cancelled;
        let history = held([one, two, three, four, sent(4, &["late"])], &[]);
        assert_eq!(history.verdict(&StaleOutputs), SENT);
    }
}
