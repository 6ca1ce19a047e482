//! Reads Slack's ledger and the logs of the routed streams. Asserts that each thing that a poster has
//! to say was applied in Slack once at most, in whatever way its calls failed (peers §5.5: at most one
//! visible answer), that its cause stands in the thread's stream, and that the text is the cause's.
//! Does not assert that it was posted at all: see `posts_end`.

use crate::slack::poster::{failure_note, Marker, BOARD, MARKER};
use processors::{
    agent::contract::{
        LlmRequestCompleted, LlmResult, OutputAdded, LLM_REQUEST_COMPLETED, OUTPUT_ADDED,
    },
    slack::contract::{Thread, ThreadRouteConfigured, THREAD_ROUTE_CONFIGURED},
};
use runtime::event::{Event, Offset};
use serde::Deserialize;
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
    world::StreamLog,
};
use std::collections::BTreeSet;

pub struct Posts;

impl Oracle for Posts {
    fn name(&self) -> &'static str {
        "post"
    }

    fn asserts(&self) -> &'static str {
        "each answer is posted in its thread once at most, and says what the agent said"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut seen = BTreeSet::new();
        for entry in &evidence.slack {
            let SlackFact::Applied {
                method: "chat.postMessage",
                channel,
                ts,
                thread_ts: Some(thread_ts),
                text,
                metadata: Some(metadata),
            } = &entry.what
            else {
                continue;
            };
            let Some(marker) = marker(metadata) else {
                continue;
            };
            let post = format!("{} in thread {channel}:{thread_ts}", marker.subject);
            if !seen.insert(post.clone()) {
                return Err(Violation::safety(
                    "twice",
                    format!("{post} was posted again as {ts}"),
                ));
            }
            if marker.subject == BOARD {
                continue;
            }
            let thread = Thread {
                channel: channel.as_str().into(),
                thread_ts: thread_ts.as_str().into(),
            };
            let said = log_of(evidence, &thread).and_then(|log| said(log, &marker.subject));
            if said != *text {
                return Err(Violation::safety(
                    "not-said",
                    format!("{post} says {text:?}, and its stream {said:?}"),
                ));
            }
        }
        Ok(seen.len() as u64)
    }
}

/// What a poster's message says of itself.
pub(super) fn marker(metadata: &Value) -> Option<Marker> {
    let is_ours = metadata["event_type"] == MARKER;
    Marker::deserialize(&metadata["event_payload"])
        .ok()
        .filter(|_| is_ours)
}

/// The stream that belongs to a thread.
pub(super) fn log_of<'a>(evidence: &'a Evidence, thread: &Thread) -> Option<&'a StreamLog> {
    let routed = evidence
        .logs
        .values()
        .filter(|log| log.name.path.as_str().starts_with("/agents/slack/"));
    routed
        .into_iter()
        .find(|log| thread_of(log).as_ref() == Some(thread))
}

/// The Slack thread that a stream belongs to.
pub(super) fn thread_of(log: &StreamLog) -> Option<Thread> {
    let routes = log.events.iter();
    let route = routes
        .filter(|event| event.kind == THREAD_ROUTE_CONFIGURED)
        .find_map(|event| event.payload::<ThreadRouteConfigured>().ok());
    route.map(|route| route.thread)
}

fn said(log: &StreamLog, subject: &str) -> Option<String> {
    let offset = subject.strip_prefix("answer@")?.parse().ok()?;
    let event = log
        .events
        .iter()
        .find(|event| event.offset == Offset(offset))?;
    to_be_said(event)
}

/// What is to be posted on account of an event.
pub(super) fn to_be_said(event: &Event) -> Option<String> {
    if event.kind == OUTPUT_ADDED {
        let output: OutputAdded = event.payload().ok()?;
        return Some(output.content.to_string());
    }
    if event.kind != LLM_REQUEST_COMPLETED {
        return None;
    }
    match event.payload::<LlmRequestCompleted>().ok()?.result {
        LlmResult::Failure { error, .. } => Some(failure_note(&error.message)),
        LlmResult::Success { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn post(subject: &str, text: &str) -> SlackFact {
        SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C123".to_owned(),
            ts: "2".to_owned(),
            thread_ts: Some("1".to_owned()),
            text: Some(text.to_owned()),
            metadata: Some(json!({
                "event_type": MARKER, "event_payload": { "subject": subject, "count": 0 },
            })),
        }
    }

    fn thread() -> History {
        let route = json!({
            "channel": "C123", "threadTs": "1", "streamPath": "/agents/slack/c123/ts-1",
        });
        let output = json!({ "content": "Tea.", "llmRequestId": 1 });
        History::new(&[]).log(
            THREAD,
            [
                Entry::new(THREAD_ROUTE_CONFIGURED, route),
                Entry::new(OUTPUT_ADDED, output),
            ],
        )
    }

    #[test]
    fn an_answer_that_is_posted_once_as_it_was_said_is_right() {
        let history = thread()
            .slack(post("answer@2", "Tea."))
            .slack(post(BOARD, "Answers so far: 1"));
        assert_eq!(Posts.judge(&history.evidence()), Ok(2));
    }

    #[test]
    fn an_answer_that_is_posted_twice_is_wrong() {
        let history = thread()
            .slack(post("answer@2", "Tea."))
            .slack(post("answer@2", "Tea."));
        assert_eq!(history.verdict(&Posts), Some(("twice", SAFETY)));
    }

    #[test]
    fn an_answer_that_nobody_gave_is_wrong() {
        for post in [post("answer@2", "Te"), post("answer@1", "Tea.")] {
            let history = thread().slack(post);
            assert_eq!(history.verdict(&Posts), Some(("not-said", SAFETY)));
        }
    }
}
