//! Reads the logs, the anchors, and what the workload saw. Asserts that a message which an agent's object
//! acknowledged stands in its stream; and that at rest this message became an input that holds it (spec
//! §5.2; B-04), and so did every message and every response of a chat where agent-chat was there. That it
//! became one only is a matter of keys. Does not assert that it was answered: see the obligations.

use processors::{
    agent::{
        self,
        contract::{InputAdded, INPUT_ADDED},
    },
    agent_chat::contract::{
        AssistantResponseAdded, UserMessageAdded, ASSISTANT_RESPONSE_ADDED, SLUG,
        USER_MESSAGE_ADDED,
    },
};
use runtime::event::{Event, Offset, StreamName};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::{collections::BTreeSet, sync::Arc};

pub struct Chats;

/// What a workload observes: the stream and the key of a message that was acknowledged.
pub const ACKNOWLEDGED: &str = "message acknowledged";

impl Oracle for Chats {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn asserts(&self) -> &'static str {
        "an acknowledged message stands in its stream, and what a chat holds becomes an input"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let acknowledged = acknowledged(evidence)?;
        let mut right = 0;
        for log in evidence.logs.values() {
            let name = log.name.to_string();
            let anchor = evidence.anchors.iter().find(|anchor| {
                anchor.processor == SLUG
                    && anchor.object.binding == agent::object::BINDING
                    && *anchor.object.name == *name
            });
            let is_due = |event: &Event| {
                anchor.is_some_and(|anchor| event.offset > anchor.offset)
                    || acknowledged.contains(&(&log.name, event.offset))
            };
            right += rendered(log, is_due)?;
        }
        Ok(right)
    }
}

/// Where the messages stand that were acknowledged.
fn acknowledged(evidence: &Evidence) -> Result<BTreeSet<(&StreamName, Offset)>, Violation> {
    let observed = evidence.observed(ACKNOWLEDGED).map(|acknowledged| {
        let text = |field: &str| acknowledged.value[field].as_str().unwrap_or_default();
        let stream = StreamName::parse(text("stream")).expect("a workload knows its streams");
        let log = evidence.logs.get(&stream);
        let mut events = log.iter().flat_map(|log| &log.events);
        let message = events.find(|event| has_key(event, text("key")));
        match (log, message) {
            (Some(log), Some(message)) => Ok((&log.name, message.offset)),
            _ => Err(Violation::safety(
                "lost",
                format!(
                    "message {} to {stream} was acknowledged, and is not there",
                    text("key")
                ),
            )),
        }
    });
    observed.collect()
}

fn has_key(event: &Event, key: &str) -> bool {
    let own = event.idempotency_key.as_ref();
    own.is_some_and(|own| own.as_str() == key)
}

/// How many of the messages and responses that are due became inputs.
fn rendered(log: &StreamLog, is_due: impl Fn(&Event) -> bool) -> Result<u64, Violation> {
    let mut right = 0;
    for event in log.events.iter().filter(|event| is_due(event)) {
        let Some((key, says)) = said(event) else {
            continue;
        };
        let input = log.events.iter().find(|input| is_input(input, &key));
        let input: Option<InputAdded> = input.and_then(|input| input.payload().ok());
        let holds = |input: InputAdded| says.lines().all(|line| input.content.contains(line));
        match input.map(holds) {
            Some(true) => right += 1,
            Some(false) => {
                let message = format!("stream {}: {key} does not say {says:?}", log.name);
                return Err(Violation::safety("wrong-words", message));
            }
            None => {
                let message = format!(
                    "stream {}: what was said at offset {} is no input: {says:?}",
                    log.name, event.offset
                );
                return Err(Violation::liveness("unrendered", message));
            }
        }
    }
    Ok(right)
}

/// The key of the input that is to be made of an event, and what it must hold.
fn said(event: &Event) -> Option<(String, Arc<str>)> {
    let offset = event.offset;
    if event.kind == USER_MESSAGE_ADDED {
        let message: UserMessageAdded = event.payload().ok()?;
        return Some((format!("{SLUG}/render-message@{offset}"), message.content));
    }
    if event.kind == ASSISTANT_RESPONSE_ADDED {
        let response: AssistantResponseAdded = event.payload().ok()?;
        return Some((format!("{SLUG}/render-response@{offset}"), response.message));
    }
    None
}

fn is_input(event: &Event, key: &str) -> bool {
    event.kind == INPUT_ADDED && has_key(event, key)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use processors::agent::contract::Behaviour;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const AGENT: &str = "p1:/agents/a";

    fn message() -> Entry {
        let message = json!({ "channel": "web", "content": "hello\nthere" });
        Entry::new(USER_MESSAGE_ADDED, message).keyed("m1")
    }

    fn input(says: &str) -> Entry {
        Entry::new(INPUT_ADDED, InputAdded::new(says, Behaviour::default()))
            .keyed("agent-chat/render-message@1")
    }

    fn chat<const EVENTS: usize>(anchor: u64, entries: [Entry; EVENTS]) -> History {
        History::new(&[])
            .log(AGENT, entries)
            .anchor("AGENT", AGENT, SLUG, anchor)
            .observed(ACKNOWLEDGED, json!({ "stream": AGENT, "key": "m1" }))
    }

    #[test]
    fn a_message_that_became_an_input_is_right() {
        let right = chat(0, [message(), input("    hello\n    there\n")]);
        assert_eq!(right.exercised(&Chats), 1);
        let old = [message(), input("    hello\n    there\n")];
        assert_eq!(chat(1, old).exercised(&Chats), 1, "it was acknowledged");
    }

    #[test]
    fn a_message_that_became_none_is_unrendered() {
        let unrendered = Some(("unrendered", LIVENESS));
        assert_eq!(chat(0, [message()]).verdict(&Chats), unrendered);
        assert_eq!(chat(1, [message()]).verdict(&Chats), unrendered);
        let unserved = History::new(&[]).log(AGENT, [message()]);
        assert_eq!(unserved.exercised(&Chats), 0, "nobody took it");
        let other = chat(0, [message(), input("goodbye")]);
        assert_eq!(other.verdict(&Chats), Some(("wrong-words", SAFETY)));
    }

    #[test]
    fn an_acknowledged_message_that_is_not_there_is_lost() {
        let lost = chat(0, [input("hello")]);
        assert_eq!(lost.verdict(&Chats), Some(("lost", SAFETY)));
    }
}
