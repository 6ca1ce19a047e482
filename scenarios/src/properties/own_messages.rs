//! Reads the logs of the routed streams. Asserts that no message of the app itself becomes an input of
//! its agent, or a command, whether its echo came before or after the reply to the post (peers §5.5, S9);
//! without an input there is no answer. And that no reaction does, whoever it is by (#1549). Messages of
//! other bots are answered (spec §5.9, #1417).

use super::messages_reach_agents::taken_as;
use processors::slack::contract::WEBHOOK_RECEIVED;
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
        "no message of the app itself, and no reaction, becomes an input of its agent"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let bot_id = SlackConfig::default().bot_id;
        let mut own = 0;
        for log in evidence.logs.values() {
            let webhooks = log.events.iter();
            for webhook in webhooks {
                let class = match () {
                    () if is_by(webhook, &bot_id) => "input",
                    () if is_reaction(webhook) => "reaction",
                    () => continue,
                };
                let keys = taken_as(webhook.offset);
                let taken = log.events.iter().any(|event| {
                    let stored = event.idempotency_key.as_ref();
                    stored.is_some_and(|stored| keys.iter().any(|key| stored.as_str() == key))
                });
                if taken {
                    let message = format!("{} at {} was taken", log.name, webhook.offset);
                    return Err(Violation::safety(class, message));
                }
                own += 1;
            }
        }
        Ok(own)
    }
}

fn inner_event(event: &Event) -> Option<&Value> {
    let is_webhook = event.kind == WEBHOOK_RECEIVED;
    let payload = event.payload.as_ref().filter(|_| is_webhook)?;
    payload.get("body")?.get("event")
}

fn is_by(event: &Event, bot_id: &str) -> bool {
    inner_event(event).is_some_and(|inner| {
        let author = inner.get("bot_id").or(inner.pointer("/message/bot_id"));
        author.and_then(Value::as_str) == Some(bot_id)
    })
}

fn is_reaction(event: &Event) -> bool {
    inner_event(event).is_some_and(|inner| {
        let kind = inner["type"].as_str().unwrap_or_default();
        kind.starts_with("reaction_")
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::INPUT_ADDED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn history(bot_id: &str) -> History {
        taken(json!({ "type": "message", "bot_id": bot_id }))
    }

    fn taken(event: Value) -> History {
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

    #[test]
    fn a_reaction_is_no_input() {
        let found = taken(json!({ "type": "reaction_added", "user": "U1" })).verdict(&OwnMessages);
        assert_eq!(found, Some(("reaction", SAFETY)));
    }
}
