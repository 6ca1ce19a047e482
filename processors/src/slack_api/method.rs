//! Web API methods, encoded as slack_sdk encodes them (peers §4.1, §4.3). The product calls those of
//! reactions and the thread status by itself, and whatever a script asks for: [`Method::Named`].
//! [`Method::PostMessage`], [`Method::UpdateMessage`] and [`Method::Replies`] are called only by a
//! processor of a scenario.

use super::form;
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};
use std::borrow::Cow;

/// A call's method and arguments. All of these are harmless to repeat but [`Method::PostMessage`]:
/// Slack has no idempotency, so who posts again after an unknown outcome looks first whether the
/// post stands (peers P1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// An empty status clears.
    SetThreadStatus {
        channel: String,
        thread_ts: String,
        status: &'static str,
        loading_messages: &'static [&'static str],
    },
    AddReaction(Reaction),
    RemoveReaction(Reaction),
    PostMessage {
        channel: String,
        thread_ts: String,
        text: String,
        metadata: Metadata,
    },
    /// The ts stays the same.
    UpdateMessage {
        channel: String,
        ts: String,
        text: String,
        metadata: Metadata,
    },
    /// A page of a thread with its messages' metadata: the parent, then its replies from the oldest.
    Replies {
        channel: String,
        thread_ts: String,
        cursor: Option<String>,
    },
    /// Any method, with its arguments as a script gives them.
    Named {
        name: String,
        arguments: Map<String, Value>,
    },
}

/// These are sent as JSON. A form is understood by all, and by methods that only read nothing else.
const SENT_AS_JSON: [&str; 4] = [
    "assistant.threads.setStatus",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.update",
];

/// What the app says of a message to itself; people do not see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub event_type: String,
    pub event_payload: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaction {
    pub channel: String,
    /// Without colons.
    pub name: &'static str,
    pub timestamp: String,
}

/// A request body with its content type.
pub(super) struct Encoded {
    pub content_type: &'static str,
    pub body: String,
}

impl Method {
    pub fn name(&self) -> &str {
        match self {
            Method::Named { name, .. } => name,
            Method::SetThreadStatus { .. } => "assistant.threads.setStatus",
            Method::AddReaction(_) => "reactions.add",
            Method::RemoveReaction(_) => "reactions.remove",
            Method::PostMessage { .. } => "chat.postMessage",
            Method::UpdateMessage { .. } => "chat.update",
            Method::Replies { .. } => "conversations.replies",
        }
    }

    pub(super) fn encode(&self) -> Encoded {
        match self {
            Method::SetThreadStatus {
                channel,
                thread_ts,
                status,
                loading_messages,
            } => {
                let mut arguments = json!({
                    "channel_id": channel,
                    "thread_ts": thread_ts,
                    "status": status,
                });
                if !loading_messages.is_empty() {
                    arguments["loading_messages"] = json!(loading_messages);
                }
                json_encoded(&arguments)
            }
            Method::PostMessage {
                channel,
                thread_ts,
                text,
                metadata,
            } => json_encoded(&json!({
                "channel": channel,
                "thread_ts": thread_ts,
                "text": text,
                "metadata": metadata,
            })),
            Method::UpdateMessage {
                channel,
                ts,
                text,
                metadata,
            } => json_encoded(&json!({
                "channel": channel,
                "ts": ts,
                "text": text,
                "metadata": metadata,
            })),
            Method::Replies {
                channel,
                thread_ts,
                cursor,
            } => {
                let mut fields = vec![
                    ("channel", channel.as_str()),
                    ("ts", thread_ts),
                    ("include_all_metadata", "true"),
                ];
                fields.extend(cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
                form_encoded(&fields)
            }
            Method::AddReaction(reaction) | Method::RemoveReaction(reaction) => form_encoded(&[
                ("channel", &reaction.channel),
                ("name", reaction.name),
                ("timestamp", &reaction.timestamp),
            ]),
            Method::Named { name, arguments } => match SENT_AS_JSON.contains(&name.as_str()) {
                true => json_encoded(arguments),
                false => form_of(arguments),
            },
        }
    }
}

fn json_encoded(arguments: &impl Serialize) -> Encoded {
    Encoded {
        content_type: "application/json;charset=utf-8",
        body: serde_json::to_string(arguments).expect("arguments are JSON"),
    }
}

/// What is no text is JSON inside its field; `null` is left out.
fn form_of(arguments: &Map<String, Value>) -> Encoded {
    let given = arguments.iter().filter(|(_, value)| !value.is_null());
    let texts: Vec<(&str, Cow<'_, str>)> = given
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => Cow::Borrowed(text.as_str()),
                value => Cow::Owned(value.to_string()),
            };
            (name.as_str(), text)
        })
        .collect();
    let fields: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, &**text)).collect();
    form_encoded(&fields)
}

fn form_encoded(fields: &[(&str, &str)]) -> Encoded {
    Encoded {
        content_type: "application/x-www-form-urlencoded",
        body: form::encode(fields),
    }
}
