//! Reads the logs of routed streams, and Slack's ledger. Asserts that at rest everything that a script
//! was to do in Slack ended: it was done, or its call threw, and that stands in the stream (peers §5.5: an
//! answer, a visible failure note, or a recorded give-up); and that what is called posted was applied in
//! Slack, or that Slack said so and never showed it (P15). Does not assert that it still stands there:
//! people delete.

use super::posts::thread_of;
use processors::codemode::contract::{
    FunctionCallCompleted, FunctionCallRequested, Outcome, FUNCTION_CALL_COMPLETED,
    FUNCTION_CALL_REQUESTED,
};
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
    world::StreamLog,
};
use std::{collections::BTreeMap, sync::Arc};

pub struct PostsEnd;

impl Oracle for PostsEnd {
    fn name(&self) -> &'static str {
        "post-end"
    }

    fn asserts(&self) -> &'static str {
        "what a script is to do in Slack is done, or its stream says that it was given up"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let (mut cases, mut owed) = (0, None);
        let logs = evidence.logs.values();
        for log in logs.filter(|log| thread_of(log).is_some()) {
            let ends = ends(log);
            for call in calls(log) {
                let call = call.call;
                match ends.get(&call.function_call_id) {
                    Some(Outcome::Returned { value: Some(value) }) => {
                        check_applied(evidence, &call.path.to_string(), value)?;
                    }
                    Some(_) => {}
                    None => {
                        owed.get_or_insert(format!(
                            "{}: {} {} has no end",
                            log.name, call.path, call.function_call_id
                        ));
                        continue;
                    }
                }
                cases += 1;
            }
        }
        // Last, so that it does not hide what is called posted and was not.
        match owed {
            None => Ok(cases),
            Some(message) => Err(Violation::liveness("owed", message)),
        }
    }
}

/// What scripts called of Slack's own methods.
fn calls(log: &StreamLog) -> impl Iterator<Item = FunctionCallRequested> + '_ {
    let requested = log.events.iter();
    requested
        .filter(|event| event.kind == FUNCTION_CALL_REQUESTED)
        .filter_map(|event| event.payload::<FunctionCallRequested>().ok())
        .filter(|requested| requested.call.provider_path.to_string() == "slack")
}

fn ends(log: &StreamLog) -> BTreeMap<Arc<str>, Outcome> {
    let completed = log.events.iter();
    completed
        .filter(|event| event.kind == FUNCTION_CALL_COMPLETED)
        .filter_map(|event| event.payload::<FunctionCallCompleted>().ok())
        .map(|completed| (completed.call.function_call_id, completed.outcome))
        .collect()
}

fn check_applied(evidence: &Evidence, path: &str, value: &Value) -> Result<(), Violation> {
    if path != "slack.chat.postMessage" {
        return Ok(());
    }
    let first = [value["ts"].clone()];
    let pieces = value["pieces"].as_array();
    for ts in pieces.map_or(&first[..], Vec::as_slice) {
        let was_applied = evidence.slack.iter().any(|entry| match &entry.what {
            SlackFact::Applied {
                method: "chat.postMessage",
                channel,
                ts: of,
                ..
            }
            | SlackFact::NotShown {
                channel, ts: of, ..
            } => value["channel"] == channel.as_str() && *ts == of.as_str(),
            _ => false,
        });
        if !was_applied {
            let message = format!(
                "{}:{ts} is called posted, and Slack never had it",
                value["channel"]
            );
            return Err(Violation::safety("never-posted", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{
        posts::called,
        tests::{LIVENESS, SAFETY, THREAD},
    };
    use super::*;
    use processors::slack::contract::THREAD_ROUTE_CONFIGURED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn history(outcome: Option<Value>) -> History {
        with_thread(History::new(&[]), THREAD, outcome)
    }

    /// One more thread in which something is to be posted.
    fn with_thread(history: History, thread: &str, outcome: Option<Value>) -> History {
        let route = json!({
            "channel": "C123", "threadTs": "1", "streamPath": "/agents/slack/c123/ts-1",
        });
        let message = json!({ "channel": "C123", "text": "Tea." });
        let mut call = called("f1", ["chat", "postMessage"], message);
        let mut entries = vec![
            Entry::new(THREAD_ROUTE_CONFIGURED, route),
            Entry::new(FUNCTION_CALL_REQUESTED, call.clone()),
        ];
        if let Some(outcome) = outcome {
            call["outcome"] = outcome;
            entries.push(Entry::new(FUNCTION_CALL_COMPLETED, call));
        }
        history.log(thread, entries)
    }

    fn posted() -> Option<Value> {
        let reply = json!({ "ok": true, "channel": "C123", "ts": "2" });
        Some(json!({ "status": "returned", "value": reply }))
    }

    #[test]
    fn what_was_posted_or_given_up_has_ended() {
        let applied = SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C123".to_owned(),
            ts: "2".to_owned(),
            thread_ts: None,
            text: None,
            metadata: None,
        };
        let right = history(posted()).slack(applied);
        assert_eq!(PostsEnd.judge(&right.evidence()), Ok(1));
        let gave_up = history(Some(json!({ "status": "threw", "error": "is_archived" })));
        assert_eq!(PostsEnd.judge(&gave_up.evidence()), Ok(1));
    }

    #[test]
    fn what_has_not_ended_is_owed() {
        let found = history(None).verdict(&PostsEnd);
        assert_eq!(found, Some(("owed", LIVENESS)));
    }

    #[test]
    fn what_slack_never_had_was_not_posted() {
        let found = history(posted()).verdict(&PostsEnd);
        assert_eq!(found, Some(("never-posted", SAFETY)));
    }

    #[test]
    fn what_is_owed_hides_nothing_that_was_not_posted() {
        let later = "p1:/agents/slack/c123/ts-2";
        let found = with_thread(history(None), later, posted()).verdict(&PostsEnd);
        assert_eq!(found, Some(("never-posted", SAFETY)));
    }
}
