//! What a webhook means to the agent (spec §5.9).
//!
//! A person's message is for the agent, and so is another bot's (#1417); our own is not, and
//! reactions never are (#1549). Slack also reports what happens *to* messages: an edit is for the
//! agent when it changed the text (unfurling a link changes a message without that, peers §4.5); a
//! deletion and a parent's count of replies are not.

use crate::slack::webhook::{first_text, inner_event, text};
use serde_json::Value;
use std::sync::Arc;

/// A webhook, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub position: Option<Position>,
    /// Our own user, if the envelope names it.
    pub bot_user_id: Option<Arc<str>>,
    pub meaning: Meaning,
}

/// Which thread it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub channel: Arc<str>,
    pub thread_ts: Arc<str>,
    pub message_ts: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Somebody used a button or a menu.
    Interaction,
    Message(Message),
    /// Nothing for the agent.
    Aside,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub channel: Option<Arc<str>>,
    pub ts: Option<Arc<str>>,
    pub text: Option<String>,
    pub author: Author,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Author {
    pub user: Option<Arc<str>>,
    pub bot_id: Option<Arc<str>>,
    /// Written by the very app that the webhook was sent to.
    pub is_this_app: bool,
}

impl Webhook {
    pub fn read(body: &Value) -> Self {
        let Some(event) = inner_event(body) else {
            return Webhook {
                position: None,
                bot_user_id: None,
                meaning: Meaning::Interaction,
            };
        };
        Webhook {
            position: position(event),
            bot_user_id: bot_user_id(body),
            meaning: match is_for_an_agent(event) {
                true => Meaning::Message(message(body, event)),
                false => Meaning::Aside,
            },
        }
    }
}

impl Message {
    /// A message is the same however often, and as whatever event, it is delivered.
    pub fn identity(&self) -> Option<Arc<str>> {
        let (channel, ts) = (self.channel.as_ref()?, self.ts.as_ref()?);
        Some(format!("{channel}:{ts}").into())
    }
}

fn position(event: &Value) -> Option<Position> {
    let channel = first_text(
        event,
        &[&["channel"], &["item", "channel"], &["message", "channel"]],
    )?;
    let thread_ts = first_text(
        event,
        &[
            &["thread_ts"],
            &["message", "thread_ts"],
            &["ts"],
            &["item", "ts"],
            &["message", "ts"],
        ],
    )?;
    Some(Position {
        channel: channel.into(),
        thread_ts: thread_ts.into(),
        message_ts: first_text(event, &[&["ts"], &["message", "ts"]]).map(Arc::from),
    })
}

fn bot_user_id(body: &Value) -> Option<Arc<str>> {
    let authorizations = body.get("authorizations")?.as_array()?;
    let ours = authorizations
        .iter()
        .find(|authorization| authorization.get("is_bot") == Some(&Value::Bool(true)))?;
    text(ours, &["user_id"]).map(Arc::from)
}

fn is_for_an_agent(event: &Value) -> bool {
    let kind = text(event, &["type"]).unwrap_or_default();
    if kind.starts_with("reaction_") || event.get("item").is_some() {
        return false;
    }
    match text(event, &["subtype"]) {
        Some("message_changed") => {
            let (after, before) = (event.get("message"), event.get("previous_message"));
            let text_of = |message: Option<&Value>| message.and_then(|m| m.get("text")).cloned();
            before.is_none() || text_of(after) != text_of(before)
        }
        Some("message_deleted" | "message_replied") => false,
        // `message_replied` as it comes when Slack leaves out the subtype.
        None => event.pointer("/message/reply_count").is_none(),
        Some(_) => true,
    }
}

fn message(body: &Value, event: &Value) -> Message {
    let app = text(body, &["api_app_id"]);
    let app_of_message = first_text(
        event,
        &[
            &["app_id"],
            &["bot_profile", "app_id"],
            &["message", "app_id"],
            &["message", "bot_profile", "app_id"],
        ],
    );
    let bot_id = first_text(
        event,
        &[
            &["bot_id"],
            &["bot_profile", "id"],
            &["message", "bot_id"],
            &["message", "bot_profile", "id"],
        ],
    );
    Message {
        channel: text(event, &["channel"]).map(Arc::from),
        ts: text(event, &["ts"]).map(Arc::from),
        text: text(event, &["text"]).map(str::to_owned),
        author: Author {
            user: first_text(event, &[&["user"], &["message", "user"]]).map(Arc::from),
            bot_id: bot_id.map(Arc::from),
            is_this_app: app.is_some() && app == app_of_message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(event: Value) -> Webhook {
        Webhook::read(&json!({"type": "event_callback", "api_app_id": "A1", "event": event}))
    }

    fn author(event: Value) -> Author {
        match read(event).meaning {
            Meaning::Message(message) => message.author,
            other => panic!("not a message: {other:?}"),
        }
    }

    #[test]
    fn an_edit_counts_when_the_text_changed() {
        let edit = |after: &str, before: &str| {
            let event = json!({
                "type": "message", "subtype": "message_changed", "channel": "C1", "ts": "9.1",
                "message": {"text": after, "user": "U1", "ts": "1.1"},
                "previous_message": {"text": before, "user": "U1", "ts": "1.1"},
            });
            read(event).meaning != Meaning::Aside
        };
        assert!(edit("b", "a"));
        assert!(!edit("a", "a"), "a link was unfurled");
    }

    #[test]
    fn what_happens_to_messages_is_no_message() {
        for event in [
            json!({"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "9.1"}),
            json!({"type": "message", "subtype": "message_replied", "channel": "C1", "ts": "9.1"}),
            json!({"type": "message", "channel": "C1", "ts": "9.1", "message": {"reply_count": 1}}),
            json!({"type": "reaction_added", "item": {"channel": "C1", "ts": "1.1"}}),
        ] {
            assert_eq!(read(event.clone()).meaning, Meaning::Aside, "{event}");
        }
    }

    #[test]
    fn the_app_knows_its_own_messages_also_without_a_user() {
        let is_own = |event: Value| author(event).is_this_app;
        assert!(is_own(json!({"subtype": "bot_message", "app_id": "A1"})));
        assert!(is_own(json!({"bot_profile": {"app_id": "A1"}})));
        assert!(is_own(
            json!({"subtype": "message_changed", "message": {"app_id": "A1"}})
        ));
        assert!(!is_own(json!({"bot_id": "B2", "app_id": "A2"})));
        assert!(!is_own(json!({"user": "U1"})));
    }

    #[test]
    fn the_thread_is_that_of_the_message() {
        let reply = read(json!({"channel": "C1", "ts": "2.1", "thread_ts": "1.1"}));
        let position = reply.position.unwrap();
        assert_eq!(&*position.thread_ts, "1.1");
        assert_eq!(position.message_ts.as_deref(), Some("2.1"));
        let reaction = read(json!({"item": {"channel": "C1", "ts": "1.1"}}));
        assert_eq!(reaction.position.unwrap().message_ts, None);
    }
}
