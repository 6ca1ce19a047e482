//! `conversations.history`, newest first; `conversations.replies`, parent first and then oldest to
//! newest; `conversations.info`. Cursors are opaque, and need escaping as real ones do (§4.4).

use super::{arguments::Arguments, fields, Done, MethodError, Slack};
use crate::{
    peers::slack::{
        event::channel_type,
        faults::PAGE,
        message::in_reply,
        workspace::{Channel, Message},
    },
    time,
};
use serde_json::json;

pub(super) fn history(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let workspace = slack.lock_workspace();
    let channel = arguments.text("channel").ok_or("channel_not_found")?;
    let channel = workspace.channel(channel).ok_or("channel_not_found")?;
    let period = Period::read(arguments)?;
    let messages = channel
        .messages
        .values()
        .rev()
        .filter(|message| message.root_ts() == message.ts && period.contains(&message.ts))
        .filter(|message| is_listed(slack, message))
        .collect();
    let mut done = page(slack, channel, messages, arguments, 100)?;
    done.fields.insert("pin_count".to_owned(), json!(0));
    Ok(done)
}

pub(super) fn replies(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let workspace = slack.lock_workspace();
    let channel = arguments.text("channel").ok_or("channel_not_found")?;
    let channel = workspace.channel(channel).ok_or("channel_not_found")?;
    let ts = arguments.text("ts").ok_or("thread_not_found")?;
    // The ts of any reply finds the whole thread.
    let root_ts = channel.messages.get(ts).map_or(ts, Message::root_ts);
    let period = Period::read(arguments)?;
    let mut thread = channel.thread(root_ts).peekable();
    thread.peek().ok_or("thread_not_found")?;
    let messages = thread
        .filter(|message| message.ts == root_ts || period.contains(&message.ts))
        .filter(|message| is_listed(slack, message))
        .collect();
    page(slack, channel, messages, arguments, 1_000)
}

pub(super) fn info(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let id = arguments.text("channel").ok_or("channel_not_found")?;
    if slack.lock_workspace().channel(id).is_none() {
        return Err("channel_not_found");
    }
    let kind = channel_type(id);
    let mut channel = json!({
        "id": id,
        "name": id.to_lowercase(),
        "is_channel": kind == "channel",
        "is_group": kind == "group",
        "is_im": kind == "im",
        "is_mpim": false,
        "is_private": kind != "channel",
        "is_archived": false,
        "is_general": false,
        "is_member": true,
        "created": 0,
        "creator": slack.config.users.first(),
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    });
    if arguments.flag("include_num_members") {
        channel["num_members"] = json!(slack.config.users.len() + 1);
    }
    Ok(Done {
        fields: fields(json!({"channel": channel})),
        ..Done::default()
    })
}

/// Between `oldest` and `latest`; the ends count only with `inclusive`.
struct Period<'a> {
    oldest: &'a str,
    latest: Option<&'a str>,
    inclusive: bool,
}

impl<'a> Period<'a> {
    fn read(arguments: &'a Arguments) -> Result<Self, MethodError> {
        let oldest = arguments.text("oldest").unwrap_or("0");
        let latest = arguments.text("latest");
        if oldest.parse::<f64>().is_err() {
            return Err("invalid_ts_oldest");
        }
        if latest.is_some_and(|latest| latest.parse::<f64>().is_err()) {
            return Err("invalid_ts_latest");
        }
        Ok(Period {
            oldest,
            latest,
            inclusive: arguments.flag("inclusive"),
        })
    }

    fn contains(&self, ts: &str) -> bool {
        let is_end = ts == self.oldest || Some(ts) == self.latest;
        match is_end {
            true => self.inclusive,
            false => ts > self.oldest && self.latest.is_none_or(|latest| ts < latest),
        }
    }
}

/// The `peer.slack.lag` fault, as long as faults are on.
fn is_listed(slack: &Slack, message: &Message) -> bool {
    message.listed_from_ms <= time::since_start_ms() || !slack.ports.choices.faults_on()
}

/// One page of `messages`; the cursor names the first message of the next.
fn page(
    slack: &Slack,
    channel: &Channel,
    messages: Vec<&Message>,
    arguments: &Arguments,
    limit_default: usize,
) -> Result<Done, MethodError> {
    let fault = slack.ports.choices.variant(&PAGE, &slack.subject);
    let from = match arguments.text("cursor") {
        None => 0,
        Some(_) if fault == Some("expired") => return Err("invalid_cursor"),
        Some(cursor) => messages
            .iter()
            .position(|message| cursor_at(&message.ts) == cursor)
            .ok_or("invalid_cursor")?,
    };
    let limit = arguments
        .number("limit")
        .unwrap_or(limit_default)
        .clamp(1, 1_000);
    let limit = match fault {
        Some("short") => 1,
        Some("empty") if from < messages.len() => 0,
        _ => limit,
    };
    let next = messages.get(from + limit);
    let with_metadata = arguments.flag("include_all_metadata");
    let shown = messages[from..].iter().take(limit).map(|message| {
        let mut shown = in_reply(&slack.config, channel, message);
        if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
            shown["metadata"] = metadata.clone();
        }
        shown
    });
    let mut done = Done {
        fields: fields(json!({
            "messages": shown.collect::<Vec<_>>(),
            "has_more": next.is_some(),
        })),
        ..Done::default()
    };
    if let Some(next) = next {
        let metadata = json!({"next_cursor": cursor_at(&next.ts)});
        done.fields.insert("response_metadata".to_owned(), metadata);
    }
    Ok(done)
}

fn cursor_at(ts: &str) -> String {
    format!("{}=", hex::encode(ts))
}
