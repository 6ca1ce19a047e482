//! Reads the logs, the anchors, and what the workload saw. Asserts that a message which an agent's object
//! acknowledged stands in its stream, and that at rest every message and every response of a chat became an
//! input that holds it (spec §5.2), if agent-chat was there. That it became one only is a matter of keys. Does not
//! assert that it was answered: see the obligations.

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
use std::sync::Arc;

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
        for acknowledged in evidence.observed(ACKNOWLEDGED) {
            let text = |field: &str| acknowledged.value[field].as_str().unwrap_or_default();
            let stream = StreamName::parse(text("stream")).expect("a workload knows its streams");
            let mut log = evidence.log(&stream).iter();
            if !log.any(|event| has_key(event, text("key"))) {
                return Err(Violation::safety(
                    "lost",
                    format!(
                        "message {} to {stream} was acknowledged, and is not there",
                        text("key")
                    ),
                ));
            }
        }
        let chats = evidence.anchors.iter().filter(|anchor| {
            anchor.processor == SLUG && anchor.object.binding == agent::object::BINDING
        });
        let mut right = 0;
        for anchor in chats {
            let stream = StreamName::parse(&anchor.object.name).expect("a stream's name");
            if let Some(log) = evidence.logs.get(&stream) {
                right += rendered(log, anchor.offset)?;
            }
        }
        Ok(right)
    }
}

fn has_key(event: &Event, key: &str) -> bool {
    let own = event.idempotency_key.as_ref();
    own.is_some_and(|own| own.as_str() == key)
}

/// How many messages and responses above the anchor became inputs.
fn rendered(log: &StreamLog, anchor: Offset) -> Result<u64, Violation> {
    let mut right = 0;
    for event in log.events.iter().filter(|event| event.offset > anchor) {
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
        let old = chat(1, [message()]);
        assert_eq!(old.exercised(&Chats), 0, "agent-chat was not there");
    }

    #[test]
    fn a_message_that_became_none_is_unrendered() {
        let unrendered = Some(("unrendered", LIVENESS));
        assert_eq!(chat(0, [message()]).verdict(&Chats), unrendered);
        let other = chat(0, [message(), input("goodbye")]);
        assert_eq!(other.verdict(&Chats), Some(("wrong-words", SAFETY)));
    }

    #[test]
    fn an_acknowledged_message_that_is_not_there_is_lost() {
        let lost = chat(0, [input("hello")]);
        assert_eq!(lost.verdict(&Chats), Some(("lost", SAFETY)));
    }
}
