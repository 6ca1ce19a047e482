//! `chat.postMessage`, `chat.update`, `chat.delete`.

use super::{arguments::Arguments, fields, Done, Effect, MethodError, Slack};
use crate::{
    peers::slack::{
        event,
        faults::{LAG, NOT_SHOWN},
        message::in_reply,
        workspace::{Author, Message},
    },
    time,
};
use serde_json::{json, Value};

/// Longer texts are cut by `chat.postMessage`, and refused by `chat.update` already at 4,000.
const POST_CHARS_MAX: usize = 40_000;
const UPDATE_CHARS_MAX: usize = 4_000;

pub(super) fn post_message(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let channel = arguments.text("channel").ok_or("channel_not_found")?;
    let blocks = arguments.nested("blocks").map_err(|()| "invalid_blocks")?;
    let metadata = metadata(arguments)?;
    let text = arguments.text("text").or(arguments.text("markdown_text"));
    if text.is_none() && blocks.is_none() {
        return Err("no_text");
    }
    let text: String = text
        .unwrap_or_default()
        .chars()
        .take(POST_CHARS_MAX)
        .collect();
    let client_msg_id = arguments.text("client_msg_id");
    let client_msg_id = client_msg_id.filter(|_| slack.config.dedup_client_msg_ids);
    let (message, reply) = {
        let mut workspace = slack.lock_workspace();
        let place = workspace.channel_mut(channel).ok_or("channel_not_found")?;
        let mut messages = place.messages.values();
        let earlier = messages.find(|message| {
            client_msg_id.is_some() && message.client_msg_id.as_deref() == client_msg_id
        });
        if let Some(earlier) = earlier {
            let reply = in_reply(&slack.config, place, earlier);
            let reply = json!({"channel": channel, "ts": earlier.ts, "message": reply});
            return Ok(Done {
                fields: fields(reply),
                ..Done::default()
            });
        }
        let thread_ts = arguments.text("thread_ts").map(str::to_owned);
        if let Some(thread_ts) = &thread_ts {
            // Posting in a thread clears the app's status there (§4.3).
            place.set_status(thread_ts, "");
        }
        let (choices, subject) = (&slack.ports.choices, &slack.subject);
        let lag_ms = choices.delay_ms(&LAG, subject);
        let message = workspace.add(channel, |ts| Message {
            thread_ts,
            blocks,
            metadata,
            client_msg_id: client_msg_id.map(str::to_owned),
            listed_from_ms: time::since_start_ms() + lag_ms,
            ..Message::new(channel, ts, Author::App, &text)
        });
        let message = message.clone();
        let place = workspace.channel(channel).expect("it was just posted to");
        let reply = in_reply(&slack.config, place, &message);
        (message, reply)
    };
    let is_not_shown = slack.ports.choices.yes(&NOT_SHOWN, &slack.subject);
    let echo = slack.config.echo_own_posts && !is_not_shown;
    let echo = echo.then(|| event::message_posted(slack, channel, &message.ts));
    if is_not_shown {
        let mut workspace = slack.lock_workspace();
        let place = workspace
            .channel_mut(channel)
            .expect("it was just posted to");
        place.messages.remove(&message.ts);
    }
    Ok(Done {
        fields: fields(json!({"channel": channel, "ts": message.ts, "message": reply})),
        echo,
        effect: Some(Effect {
            is_not_shown,
            ..effect(message)
        }),
    })
}

/// The ts stays the same. A text without blocks removes the blocks.
pub(super) fn update(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let (channel, ts) = handle(arguments)?;
    let blocks = arguments.nested("blocks").map_err(|()| "invalid_blocks")?;
    let metadata = metadata(arguments)?;
    let text = arguments.text("text");
    if text.is_none() && blocks.is_none() {
        return Err("no_text");
    }
    if text.is_some_and(|text| text.chars().count() > UPDATE_CHARS_MAX) {
        return Err("msg_too_long");
    }
    let (before, after, edited_ts, mut reply) = {
        let mut workspace = slack.lock_workspace();
        let place = workspace.channel_mut(channel).ok_or("channel_not_found")?;
        let before = place.messages.get(ts).ok_or("message_not_found")?.clone();
        if before.author != Author::App {
            return Err("cant_update_message");
        }
        let edited_ts = place.next_ts();
        let after = Message {
            text: text.map_or_else(|| before.text.clone(), str::to_owned),
            blocks,
            edited_ts: Some(edited_ts.clone()),
            metadata: metadata.or_else(|| before.metadata.clone()),
            ..before.clone()
        };
        place.messages.insert(ts.to_owned(), after.clone());
        let reply = in_reply(&slack.config, place, &after);
        (before, after, edited_ts, reply)
    };
    // This method's reply names the message outside of it.
    if let Value::Object(reply) = &mut reply {
        reply.retain(|name, _| REPLY_KEYS_OF_UPDATE.contains(&name.as_str()));
    }
    let echo = slack.config.echo_own_posts;
    Ok(Done {
        fields: fields(json!({
            "channel": channel,
            "ts": ts,
            "text": after.text,
            "message": reply,
        })),
        echo: echo.then(|| event::message_changed(slack, &edited_ts, &before, &after)),
        effect: Some(effect(after)),
    })
}

const REPLY_KEYS_OF_UPDATE: [&str; 9] = [
    "type",
    "user",
    "text",
    "team",
    "blocks",
    "bot_id",
    "bot_profile",
    "edited",
    "app_id",
];

pub(super) fn delete(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let (channel, ts) = handle(arguments)?;
    let (before, event_ts) = {
        let mut workspace = slack.lock_workspace();
        let place = workspace.channel_mut(channel).ok_or("channel_not_found")?;
        let before = place.messages.get(ts).ok_or("message_not_found")?.clone();
        if before.author != Author::App {
            return Err("cant_delete_message");
        }
        place.messages.remove(ts);
        (before, place.next_ts())
    };
    let echo = slack.config.echo_own_posts;
    Ok(Done {
        fields: fields(json!({"channel": channel, "ts": ts})),
        echo: echo.then(|| event::message_deleted(slack, &event_ts, &before)),
        effect: Some(Effect {
            channel: before.channel,
            ts: before.ts,
            thread_ts: before.thread_ts,
            ..Effect::default()
        }),
    })
}

/// What the app says of a message to itself.
fn metadata(arguments: &Arguments) -> Result<Option<Value>, MethodError> {
    let metadata = arguments
        .nested("metadata")
        .map_err(|()| "invalid_metadata_format")?;
    match metadata {
        Some(Value::Object(_)) | None => Ok(metadata),
        Some(_) => Err("invalid_metadata_format"),
    }
}

fn handle(arguments: &Arguments) -> Result<(&str, &str), MethodError> {
    let channel = arguments.text("channel").ok_or("channel_not_found")?;
    let ts = arguments.text("ts").ok_or("message_not_found")?;
    Ok((channel, ts))
}

fn effect(message: Message) -> Effect {
    Effect {
        channel: message.channel,
        ts: message.ts,
        thread_ts: message.thread_ts,
        text: Some(message.text),
        metadata: message.metadata,
        is_not_shown: false,
    }
}
