//! Reads the logs of the routed streams. Asserts that no message of the app itself becomes an input of
//! its agent, whether its echo came before or after the reply to the post (peers §5.5, S9); without an
//! input there is no answer. Messages of other bots are answered (spec §5.9, #1417).

use processors::{agent::contract::INPUT_ADDED, slack::contract::WEBHOOK_RECEIVED};
use runtime::event::Event;
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackConfig,
};

pub struct OwnMessages;

impl Oracle for OwnMessages {
    fn name(&self) -> &'static str {
        "own-message"
    }

    fn asserts(&self) -> &'static str {
        "no message of the app itself becomes an input of its agent"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let bot_id = SlackConfig::default().bot_id;
        let mut own = 0;
        for log in evidence.logs.values() {
            let webhooks = log.events.iter();
            for webhook in webhooks.filter(|event| is_by(event, &bot_id)) {
                let key = format!(
                    "slack-agent/slack-webhook-to-agent-input@{}",
                    webhook.offset
                );
                let answered = log.events.iter().any(|event| {
                    let stored = event.idempotency_key.as_ref();
                    event.kind == INPUT_ADDED && stored.is_some_and(|stored| stored.as_str() == key)
                });
                if answered {
                    return Err(Violation::safety(
                        "input",
                        format!("{} at {} is the app's own", log.name, webhook.offset),
                    ));
                }
                own += 1;
            }
        }
        Ok(own)
    }
}

fn is_by(event: &Event, bot_id: &str) -> bool {
    let body = event
        .payload
        .as_ref()
        .and_then(|payload| payload.get("body"));
    let Some(inner) = body.and_then(|body| body.get("event")) else {
        return false;
    };
    let author = inner.get("bot_id").or(inner.pointer("/message/bot_id"));
    event.kind == WEBHOOK_RECEIVED && author.and_then(Value::as_str) == Some(bot_id)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn history(bot_id: &str) -> History {
        let event = json!({ "type": "message", "bot_id": bot_id });
        let webhook = Entry::new(WEBHOOK_RECEIVED, json!({ "body": { "event": event } }));
        let input = Entry::new(INPUT_ADDED, json!({ "content": "x" }));
        let input = input.keyed("slack-agent/slack-webhook-to-agent-input@1");
        History::new(&[]).log(THREAD, [webhook, input])
    }

    #[test]
    fn an_own_message_is_no_input_and_that_of_another_bot_may_be() {
        assert_eq!(history("B0000002").verdict(&OwnMessages), None);
        let found = history("B0000001").verdict(&OwnMessages);
        assert_eq!(found, Some(("input", SAFETY)));
    }
}
