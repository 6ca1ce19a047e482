//! Reads the logs of routed streams that have a poster, and Slack's ledger. Asserts that at rest
//! everything that was to be said ended: it was posted, or the poster gave up and wrote that down
//! (peers §5.5: an answer, a visible failure note, or a recorded give-up); and that what is called
//! posted was applied in Slack, or that Slack said so and never showed it (P15). Does not assert that
//! it still stands there: people delete.

use super::posts::{thread_of, to_be_said};
use crate::slack::poster::{Ended, Outcome, BINDING, ENDED};
use runtime::{
    event::Event,
    stream::contract::{Subscriber, SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct PostsEnd;

impl Oracle for PostsEnd {
    fn name(&self) -> &'static str {
        "post-end"
    }

    fn asserts(&self) -> &'static str {
        "whatever is to be said in a thread is posted there, or its poster gave up and wrote that down"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let (mut cases, mut owed) = (0, None);
        for log in evidence.logs.values().filter(|log| has_poster(log)) {
            let Some(thread) = thread_of(log) else {
                continue;
            };
            let ended: BTreeMap<String, Outcome> = (log.events.iter())
                .filter(|event| event.kind == ENDED)
                .filter_map(|event| event.payload::<Ended>().ok())
                .map(|ended| (ended.subject, ended.outcome))
                .collect();
            for cause in log
                .events
                .iter()
                .filter(|event| to_be_said(event).is_some())
            {
                let subject = format!("answer@{}", cause.offset);
                match ended.get(&subject) {
                    Some(Outcome::Posted { ts, .. }) => {
                        check_applied(evidence, &thread.channel, ts)?;
                    }
                    Some(Outcome::GaveUp { .. }) => {}
                    None => {
                        owed.get_or_insert((log, subject));
                        continue;
                    }
                }
                cases += 1;
            }
        }
        // Last, so that it does not hide what is called posted and was not.
        match owed {
            None => Ok(cases),
            Some((log, subject)) => {
                let message = format!("{}: {subject} was neither posted nor given up", log.name);
                Err(Violation::liveness("owed", message))
            }
        }
    }
}

fn has_poster(log: &StreamLog) -> bool {
    log.events.iter().any(|event| is_poster(event))
}

fn is_poster(event: &Event) -> bool {
    if event.kind != SUBSCRIPTION_CONFIGURED {
        return false;
    }
    let configured = event.payload::<SubscriptionConfigured>().ok();
    configured.is_some_and(|configured| match &configured.subscriber {
        Subscriber::Callable { callable } => callable
            .as_hosted_processor()
            .is_some_and(|hosted| hosted.binding_name == BINDING),
        _ => false,
    })
}

fn check_applied(evidence: &Evidence, channel: &str, posted: &str) -> Result<(), Violation> {
    let was_applied = evidence.slack.iter().any(|entry| match &entry.what {
        SlackFact::Applied {
            method: "chat.postMessage",
            channel: of,
            ts,
            ..
        }
        | SlackFact::NotShown {
            channel: of, ts, ..
        } => of == channel && ts == posted,
        _ => false,
    });
    match was_applied {
        true => Ok(()),
        false => Err(Violation::safety(
            "never-posted",
            format!("{channel}:{posted} is called posted, and Slack never had it"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY, THREAD};
    use super::*;
    use crate::slack::poster;
    use processors::{agent::contract::OUTPUT_ADDED, slack::contract::THREAD_ROUTE_CONFIGURED};
    use runtime::event::StreamName;
    use serde_json::{json, Value};
    use sim::oracles::{Entry, History};

    fn history(outcome: Option<Value>) -> History {
        with_thread(History::new(&[]), THREAD, outcome)
    }

    /// One more thread with something to be said.
    fn with_thread(history: History, thread: &str, outcome: Option<Value>) -> History {
        let stream = StreamName::parse(thread).expect("a stream's name");
        let subscription = poster::subscription(&stream);
        let route = json!({
            "channel": "C123", "threadTs": "1", "streamPath": "/agents/slack/c123/ts-1",
        });
        let subscribed = Entry::new(SUBSCRIPTION_CONFIGURED, subscription.payload);
        let mut entries = vec![
            subscribed,
            Entry::new(THREAD_ROUTE_CONFIGURED, route),
            Entry::new(
                OUTPUT_ADDED,
                json!({ "content": "Tea.", "llmRequestId": 1 }),
            ),
        ];
        if let Some(outcome) = outcome {
            let ended = json!({ "subject": "answer@3", "outcome": outcome });
            entries.push(Entry::new(ENDED, ended));
        }
        history.log(thread, entries)
    }

    fn posted() -> Option<Value> {
        Some(json!({ "posted": { "ts": "2", "count": 0 } }))
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
        let gave_up = history(Some(json!({ "gave-up": { "reason": "is_archived" } })));
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
