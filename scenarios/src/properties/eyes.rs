//! Reads Slack's ledger and the logs of the routed streams. Asserts that a message on which the app put
//! its eyes was taken: it is an input of its thread's agent, or a script (#1389: the reaction comes after
//! the append, so whoever sees it may rely on it). Does not assert that every message that was taken got
//! them, nor that they are taken away: Slack may refuse.

use super::messages_reach_agents::taken_as;
use processors::slack::contract::WEBHOOK_RECEIVED;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
    world::StreamLog,
};
use std::collections::BTreeSet;

pub struct Eyes;

impl Oracle for Eyes {
    fn name(&self) -> &'static str {
        "eyes"
    }

    fn asserts(&self) -> &'static str {
        "a message on which the app put its eyes was taken"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let taken: BTreeSet<(String, String)> = evidence.logs.values().flat_map(taken).collect();
        let mut right = 0;
        for entry in &evidence.slack {
            let SlackFact::Applied {
                method: "reactions.add",
                channel,
                ts,
                text: Some(emoji),
                ..
            } = &entry.what
            else {
                continue;
            };
            if emoji != "eyes" {
                continue;
            }
            if !taken.contains(&(channel.clone(), ts.clone())) {
                let message = format!("the app has its eyes on {channel}:{ts}, and nobody took it");
                return Err(Violation::safety("not-taken", message));
            }
            right += 1;
        }
        Ok(right)
    }
}

/// The messages that became something, by channel and ts.
fn taken(log: &StreamLog) -> Vec<(String, String)> {
    let keys: BTreeSet<&str> = (log.events.iter())
        .filter_map(|event| Some(event.idempotency_key.as_ref()?.as_str()))
        .collect();
    let webhooks = log.events.iter().filter(|event| {
        let mut as_what = taken_as(event.offset).into_iter();
        event.kind == WEBHOOK_RECEIVED && as_what.any(|key| keys.contains(key.as_str()))
    });
    webhooks
        .filter_map(|webhook| {
            let event = webhook.payload.as_ref()?.get("body")?.get("event")?;
            // The ts of an edited message stands inside.
            let ts = event.pointer("/message/ts").or(event.get("ts"))?.as_str()?;
            Some((event.get("channel")?.as_str()?.to_owned(), ts.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::INPUT_ADDED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn eyes(emoji: &str) -> SlackFact {
        SlackFact::Applied {
            method: "reactions.add",
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
            thread_ts: None,
            text: Some(emoji.to_owned()),
            metadata: None,
        }
    }

    fn written() -> Entry {
        let event = json!({ "type": "message", "channel": "C1", "ts": "1.1" });
        Entry::new(WEBHOOK_RECEIVED, json!({ "body": { "event": event } }))
    }

    #[test]
    fn eyes_on_what_was_taken_are_right_and_on_anything_else_wrong() {
        let input = Entry::new(INPUT_ADDED, json!({ "content": "x" }));
        let input = input.keyed("slack-agent/slack-webhook-to-agent-input@1");
        let history = History::new(&[]).log(THREAD, [written(), input]);
        assert_eq!(history.slack(eyes("eyes")).exercised(&Eyes), 1);
        let history = History::new(&[]).log(THREAD, [written()]);
        let found = history.slack(eyes("eyes")).verdict(&Eyes);
        assert_eq!(found, Some(("not-taken", SAFETY)));
        let others = History::new(&[]).slack(eyes("thumbsup"));
        assert_eq!(others.exercised(&Eyes), 0);
    }
}
