//! Reads the log of the integration's stream and those of the routed streams. Asserts that at rest
//! every recorded message of a person was forwarded to a routed stream once, and became an input of
//! the agent there (peers §5.5). Does not assert that the agent answered: see the obligations.

use super::acknowledged_is_durable::{event_id, integration};
use processors::agent::contract::INPUT_ADDED;
use runtime::event::Event;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct MessagesReachAgents;

impl Oracle for MessagesReachAgents {
    fn name(&self) -> &'static str {
        "message"
    }

    fn asserts(&self) -> &'static str {
        "a recorded message of a person becomes an input of its thread's agent, once"
    }

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        for recorded in evidence.log(&integration()) {
            let Some(id) = event_id(recorded).filter(|_| is_from_person(recorded)) else {
                continue;
            };
            let routed = evidence
                .logs
                .values()
                .filter(|log| log.name != integration());
            let forwarded: Vec<(&StreamLog, &Arc<Event>)> = routed
                .flat_map(|log| log.events.iter().map(move |event| (log, event)))
                .filter(|(_, event)| event_id(event) == Some(id))
                .collect();
            match &forwarded[..] {
                [] => return Err(lost(format!("event {id} was recorded and never forwarded"))),
                [(log, event)] if !has_input(log, event) => {
                    return Err(lost(format!(
                        "event {id} stands in {} at offset {} and became no input",
                        log.name, event.offset
                    )))
                }
                [_] => {}
                [(one, _), (other, _), ..] => {
                    return Err(Violation::safety(
                        "forwarded-twice",
                        format!("event {id} stands in {} and in {}", one.name, other.name),
                    ))
                }
            }
        }
        Ok(())
    }
}

fn lost(message: String) -> Violation {
    Violation::liveness("lost", message)
}

fn is_from_person(recorded: &Event) -> bool {
    let event = recorded
        .payload
        .as_ref()
        .and_then(|payload| payload.get("body")?.get("event"));
    event.is_some_and(|event| event["type"] == "message" && event.get("bot_id").is_none())
}

fn has_input(log: &StreamLog, forwarded: &Event) -> bool {
    let key = format!(
        "slack-agent/slack-webhook-to-agent-input@{}",
        forwarded.offset
    );
    log.events.iter().any(|event| {
        event.kind == INPUT_ADDED
            && event
                .idempotency_key
                .as_ref()
                .is_some_and(|stored| stored.as_str() == key)
    })
}
