//! Reads the log of the integration's stream and those of the routed streams. Asserts that at rest
//! every recorded message of a person was forwarded to a routed stream once, and became an input of
//! the agent there, or a script if it is a command (peers §5.5); of the two events of a message that
//! mentions the app, either one. An edit is a message too, and so is a button that was pressed. Does not
//! assert that the agent answered: see the obligations.

use super::acknowledged_is_durable::{event_id, integration};
use processors::{
    agent::contract::INPUT_ADDED, codemode::contract::SCRIPT_EXECUTION_REQUESTED,
    slack::contract::WEBHOOK_RECEIVED,
};
use runtime::event::{Event, Offset};
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::{collections::BTreeSet, sync::Arc};

pub struct MessagesReachAgents;

impl Oracle for MessagesReachAgents {
    fn name(&self) -> &'static str {
        "message"
    }

    fn asserts(&self) -> &'static str {
        "a recorded message of a person becomes an input of its thread's agent, once"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let recorded = evidence.log(&integration()).iter();
        let ids = recorded.filter(|event| is_from_person(event));
        let ids: Vec<&str> = ids.filter_map(|event| event_id(event)).collect();
        let forwarded = |id: &str| -> Vec<(&StreamLog, &Arc<Event>)> {
            let routed = evidence
                .logs
                .values()
                .filter(|log| log.name != integration());
            routed
                .flat_map(|log| log.events.iter().map(move |event| (log, event)))
                .filter(|(_, event)| event_id(event) == Some(id))
                .collect()
        };
        for id in &ids {
            if let [(one, _), (other, _), ..] = forwarded(id)[..] {
                return Err(Violation::safety(
                    "forwarded-twice",
                    format!("event {id} stands in {} and in {}", one.name, other.name),
                ));
            }
        }
        for id in &ids {
            match &forwarded(id)[..] {
                [] => return Err(lost(format!("event {id} was recorded and never forwarded"))),
                [(log, event)] if !has_input(log, event) => {
                    return Err(lost(format!(
                        "event {id} stands in {} at offset {} and became no input",
                        log.name, event.offset
                    )))
                }
                _ => {}
            }
        }
        Ok(ids.len() as u64)
    }
}

fn lost(message: String) -> Violation {
    Violation::liveness("lost", message)
}

fn inner_event(recorded: &Event) -> Option<&Value> {
    recorded.payload.as_ref()?.get("body")?.get("event")
}

/// A message or an edit by a person; a deletion says nothing, nor does a parent's count of replies. Or
/// what a person pressed.
fn is_from_person(recorded: &Event) -> bool {
    let Some(event) = inner_event(recorded) else {
        let body = recorded.payload.as_ref().and_then(|it| it.get("body"));
        return body.is_some_and(|body| body["type"] == "block_actions");
    };
    let is_message = event["type"] == "message" || event["type"] == "app_mention";
    let by_bot = event.get("bot_id").or(event.pointer("/message/bot_id"));
    let says_something = match event["subtype"].as_str() {
        Some(subtype) => !["message_deleted", "message_replied"].contains(&subtype),
        None => event.pointer("/message/reply_count").is_none(),
    };
    is_message && says_something && by_bot.is_none()
}

/// What the Slack agent made of the webhook at an offset, by its key.
pub(super) fn taken_as(offset: Offset) -> [String; 2] {
    [
        format!("slack-agent/slack-webhook-to-agent-input@{offset}"),
        format!("slack-agent/slack-bang-command-to-codemode-script@{offset}"),
    ]
}

/// One of the events of that message became an input, or a script.
fn has_input(log: &StreamLog, forwarded: &Event) -> bool {
    let taken: BTreeSet<&str> = (log.events.iter())
        .filter(|event| [INPUT_ADDED, SCRIPT_EXECUTION_REQUESTED].contains(&event.kind))
        .filter_map(|event| Some(event.idempotency_key.as_ref()?.as_str()))
        .collect();
    let message = |event: &Event| -> Option<(Value, Value)> {
        let inner = inner_event(event)?;
        Some((inner.get("channel")?.clone(), inner.get("ts")?.clone()))
    };
    let wanted = message(forwarded);
    log.events.iter().any(|event| {
        let is_it = event.offset == forwarded.offset
            || event.kind == WEBHOOK_RECEIVED && wanted.is_some() && message(event) == wanted;
        let mut keys = taken_as(event.offset).into_iter();
        is_it && keys.any(|key| taken.contains(key.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::{Behaviour, InputAdded};
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const OTHER_THREAD: &str = "p1:/agents/slack/c123/ts-2";

    fn written() -> Entry {
        let event = json!({ "type": "message", "user": "U1" });
        let payload = json!({ "body": { "event_id": "Ev1", "event": event } });
        Entry::new(WEBHOOK_RECEIVED, payload)
    }

    fn recorded(webhook: Entry) -> History {
        History::new(&[]).log("p1:/integrations/slack", [webhook])
    }

    fn input(webhook_offset: u64) -> Entry {
        let input = InputAdded::new("hello", Behaviour::AfterCurrentRequest);
        let key = format!("slack-agent/slack-webhook-to-agent-input@{webhook_offset}");
        Entry::new(INPUT_ADDED, input).keyed(&key)
    }

    #[test]
    fn a_message_that_was_forwarded_and_became_an_input_is_right() {
        let history = recorded(written()).log(THREAD, [written(), input(1)]);
        assert_eq!(history.verdict(&MessagesReachAgents), None);
    }

    #[test]
    fn a_command_that_became_a_script_is_right() {
        let script = Entry::new(SCRIPT_EXECUTION_REQUESTED, json!({}));
        let script = script.keyed("slack-agent/slack-bang-command-to-codemode-script@1");
        let history = recorded(written()).log(THREAD, [written(), script]);
        assert_eq!(history.verdict(&MessagesReachAgents), None);
    }

    #[test]
    fn a_button_that_was_pressed_becomes_an_input_too() {
        let pressed = || {
            let body = json!({ "type": "block_actions", "trigger_id": "1.T" });
            Entry::new(WEBHOOK_RECEIVED, json!({ "body": body }))
        };
        let history = recorded(pressed()).log(THREAD, [pressed(), input(1)]);
        assert_eq!(history.exercised(&MessagesReachAgents), 1);
        let found = recorded(pressed()).verdict(&MessagesReachAgents);
        assert_eq!(found, Some(("lost", LIVENESS)));
    }

    #[test]
    fn a_message_that_was_not_forwarded_is_lost() {
        let found = recorded(written()).verdict(&MessagesReachAgents);
        assert_eq!(found, Some(("lost", LIVENESS)));
    }

    #[test]
    fn a_message_that_became_no_input_is_lost() {
        let history = recorded(written()).log(THREAD, [written(), input(7)]);
        let found = history.verdict(&MessagesReachAgents);
        assert_eq!(found, Some(("lost", LIVENESS)));
    }

    #[test]
    fn a_message_that_was_forwarded_twice_is_wrong() {
        for other in [THREAD, OTHER_THREAD] {
            let history = recorded(written())
                .log(THREAD, [written(), input(1)])
                .log(other, [written()]);
            let found = history.verdict(&MessagesReachAgents);
            assert_eq!(found, Some(("forwarded-twice", SAFETY)));
        }
    }

    #[test]
    fn one_of_the_two_events_of_a_mention_becomes_an_input() {
        let event = |kind: &str, id: &str| {
            let event = json!({ "type": kind, "user": "U1", "channel": "C1", "ts": "1.1" });
            let payload = json!({ "body": { "event_id": id, "event": event } });
            Entry::new(WEBHOOK_RECEIVED, payload)
        };
        let pair = || [event("message", "Ev1"), event("app_mention", "Ev2")];
        let recorded = || History::new(&[]).log("p1:/integrations/slack", pair());
        for offset in [1, 2] {
            let history = recorded().log(THREAD, pair()).log(THREAD, [input(offset)]);
            assert_eq!(history.verdict(&MessagesReachAgents), None);
        }
        let found = recorded().log(THREAD, pair()).verdict(&MessagesReachAgents);
        assert_eq!(found, Some(("lost", LIVENESS)));
    }

    #[test]
    fn what_no_person_wrote_may_end_where_it_was_recorded() {
        let by_bot = json!({ "type": "message", "bot_id": "B1" });
        let reaction = json!({ "type": "reaction_added", "user": "U1" });
        let own_edit = json!({
            "type": "message", "subtype": "message_changed", "message": { "bot_id": "B1" },
        });
        let deletion = json!({ "type": "message", "subtype": "message_deleted" });
        let counted = json!({ "type": "message", "message": { "reply_count": 1 } });
        for event in [by_bot, reaction, own_edit, deletion, counted] {
            let payload = json!({ "body": { "event_id": "Ev1", "event": event } });
            let history = recorded(Entry::new(WEBHOOK_RECEIVED, payload));
            assert_eq!(history.verdict(&MessagesReachAgents), None);
        }
    }
}
