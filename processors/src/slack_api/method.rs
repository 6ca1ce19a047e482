//! The Web API methods that the product calls, encoded as slack_sdk encodes them (peers §4.1, §4.3).

use super::form;
use serde::Serialize;
use serde_json::json;

/// A call's method and arguments. All of these are harmless to repeat.
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
    pub fn name(&self) -> &'static str {
        match self {
            Method::SetThreadStatus { .. } => "assistant.threads.setStatus",
            Method::AddReaction(_) => "reactions.add",
            Method::RemoveReaction(_) => "reactions.remove",
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
                Encoded {
                    content_type: "application/json;charset=utf-8",
                    body: arguments.to_string(),
                }
            }
            Method::AddReaction(reaction) | Method::RemoveReaction(reaction) => Encoded {
                content_type: "application/x-www-form-urlencoded",
                body: form::encode(&[
                    ("channel", &reaction.channel),
                    ("name", reaction.name),
                    ("timestamp", &reaction.timestamp),
                ]),
            },
        }
    }
}
