//! What goes to the app's events URL (spec/peers.md §4.5): the envelope and the events inside.

use super::{
    message::{author_id, common, of_parent},
    workspace::Message,
    Slack,
};
use crate::time;
use serde_json::{json, Map, Value};

/// A request body, and what the ledger calls it.
pub(super) struct Outgoing {
    /// The event's id, or the challenge of a url_verification.
    pub event_id: String,
    pub channel: String,
    /// The message that the event is about.
    pub ts: String,
    pub body: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Event,
    /// Somebody used a button; sent once, as a form.
    Interaction,
    UrlVerification,
    /// `app_rate_limited`.
    RateLimitedNotice,
}

/// A message by a person or by the app itself.
pub(super) fn message_posted(slack: &Slack, channel: &str, ts: &str) -> Outgoing {
    let event = {
        let workspace = slack.lock_workspace();
        let place = workspace.channel(channel).expect("it was just posted to");
        let message = &place.messages[ts];
        let mut event = common(&slack.config, place, message);
        if let Some(client_msg_id) = &message.client_msg_id {
            event.insert("client_msg_id".into(), json!(client_msg_id));
        }
        event.insert("channel".into(), json!(channel));
        event.insert("event_ts".into(), json!(ts));
        event.insert("channel_type".into(), json!(channel_type(channel)));
        event
    };
    envelope(slack, channel, ts, Value::Object(event))
}

/// The second event of a message that mentions the app: no `channel_type`, no `parent_user_id`.
pub(super) fn app_mentioned(slack: &Slack, channel: &str, ts: &str) -> Outgoing {
    let event = {
        let workspace = slack.lock_workspace();
        let place = workspace.channel(channel).expect("it was just posted to");
        let message = &place.messages[ts];
        let mut event = common(&slack.config, place, message);
        event.insert("type".into(), json!("app_mention"));
        event.shift_remove("parent_user_id");
        event.insert("client_msg_id".into(), json!(message.client_msg_id));
        event.insert("channel".into(), json!(channel));
        event.insert("event_ts".into(), json!(ts));
        event
    };
    envelope(slack, channel, ts, Value::Object(event))
}

/// `event_ts` is the moment of the change; `message` keeps its own ts.
pub(super) fn message_changed(
    slack: &Slack,
    event_ts: &str,
    before: &Message,
    after: &Message,
) -> Outgoing {
    let mut event = change(slack, "message_changed", event_ts, before);
    event.insert("message".into(), nested(slack, after));
    envelope(slack, &before.channel, &before.ts, Value::Object(event))
}

pub(super) fn message_deleted(slack: &Slack, event_ts: &str, before: &Message) -> Outgoing {
    let mut event = change(slack, "message_deleted", event_ts, before);
    event.insert("deleted_ts".into(), json!(before.ts));
    envelope(slack, &before.channel, &before.ts, Value::Object(event))
}

/// `kind` is `reaction_added` or `reaction_removed`.
pub(super) fn reaction(
    slack: &Slack,
    kind: &str,
    name: &str,
    user: &str,
    message: &Message,
) -> Outgoing {
    let event_ts = {
        let mut workspace = slack.lock_workspace();
        workspace.make_channel(&message.channel).next_ts()
    };
    let event = json!({
        "type": kind,
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": author_id(&slack.config, &message.author),
        "event_ts": event_ts,
    });
    envelope(slack, &message.channel, &message.ts, event)
}

pub(super) fn url_verification(slack: &Slack, challenge: String) -> Outgoing {
    let body = json!({
        "token": slack.config.verification_token,
        "challenge": challenge,
        "type": "url_verification",
    });
    Outgoing {
        event_id: challenge,
        channel: String::new(),
        ts: String::new(),
        body: body.to_string(),
        kind: Kind::UrlVerification,
    }
}

/// The minute of now, as if events of it had been withheld (§4.7).
pub(super) fn rate_limited_notice(slack: &Slack, number: u64) -> Outgoing {
    let now_s = time::now().unix_ms / 1000;
    let body = json!({
        "token": slack.config.verification_token,
        "type": "app_rate_limited",
        "team_id": slack.config.team_id,
        "minute_rate_limited": now_s - now_s % 60,
        "api_app_id": slack.config.app_id,
    });
    Outgoing {
        event_id: format!("rate-limited-{number:08}"),
        channel: String::new(),
        ts: String::new(),
        body: body.to_string(),
        kind: Kind::RateLimitedNotice,
    }
}

fn change(slack: &Slack, subtype: &str, event_ts: &str, before: &Message) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("type".into(), json!("message"));
    event.insert("subtype".into(), json!(subtype));
    event.insert("hidden".into(), json!(true));
    event.insert("channel".into(), json!(before.channel));
    event.insert("channel_type".into(), json!(channel_type(&before.channel)));
    event.insert("ts".into(), json!(event_ts));
    event.insert("event_ts".into(), json!(event_ts));
    event.insert("previous_message".into(), nested(slack, before));
    event
}

fn nested(slack: &Slack, message: &Message) -> Value {
    let workspace = slack.lock_workspace();
    let channel = workspace
        .channel(&message.channel)
        .expect("it has a message");
    let mut fields = common(&slack.config, channel, message);
    fields.extend(of_parent(&slack.config, channel, message));
    Value::Object(fields)
}

/// The parent of a new reply counts it. The subtype is documented as sometimes missing (§4.5).
pub(super) fn parent_updated(slack: &Slack, parent: &Message, has_subtype: bool) -> Outgoing {
    let event_ts = {
        let mut workspace = slack.lock_workspace();
        workspace.make_channel(&parent.channel).next_ts()
    };
    let mut event = Map::new();
    event.insert("type".into(), json!("message"));
    if has_subtype {
        event.insert("subtype".into(), json!("message_replied"));
    }
    event.insert("hidden".into(), json!(true));
    event.insert("channel".into(), json!(parent.channel));
    event.insert("ts".into(), json!(event_ts));
    event.insert("event_ts".into(), json!(event_ts));
    event.insert("message".into(), nested(slack, parent));
    envelope(slack, &parent.channel, &parent.ts, Value::Object(event))
}

/// A person presses a button of a message: a form whose one field is JSON. `number` tells it from
/// every other.
pub(super) fn pressed(
    slack: &Slack,
    message: &Message,
    user: &str,
    action: &str,
    number: u64,
) -> Outgoing {
    let config = &slack.config;
    let action_ts = {
        let mut workspace = slack.lock_workspace();
        workspace.make_channel(&message.channel).next_ts()
    };
    let mut container = json!({
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": false,
    });
    if let Some(thread_ts) = &message.thread_ts {
        container["thread_ts"] = json!(thread_ts);
    }
    let trigger_id = format!("{number}.{}", config.team_id);
    let payload = json!({
        "type": "block_actions",
        "user": {"id": user, "username": user.to_lowercase(), "team_id": config.team_id},
        "api_app_id": config.app_id,
        "token": config.verification_token,
        "container": container,
        "trigger_id": trigger_id,
        "team": {"id": config.team_id, "domain": "streamsim"},
        "channel": {"id": message.channel, "name": message.channel.to_lowercase()},
        "message": nested(slack, message),
        "actions": [{
            "type": "button",
            "action_id": action,
            "block_id": "actions",
            "value": action,
            "text": {"type": "plain_text", "text": action},
            "action_ts": action_ts,
        }],
    });
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish();
    Outgoing {
        event_id: trigger_id,
        channel: message.channel.clone(),
        ts: message.ts.clone(),
        body,
        kind: Kind::Interaction,
    }
}

fn envelope(slack: &Slack, channel: &str, ts: &str, event: Value) -> Outgoing {
    let number = {
        let mut counters = slack.counters();
        counters.events += 1;
        counters.events
    };
    let config = &slack.config;
    let event_id = format!("Ev{number:09}");
    let body = json!({
        "token": config.verification_token,
        "team_id": config.team_id,
        "context_team_id": config.team_id,
        "context_enterprise_id": null,
        "api_app_id": config.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": time::now().unix_ms / 1000,
        "authorizations": [{
            "enterprise_id": null,
            "team_id": config.team_id,
            "user_id": config.bot_user_id,
            "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": format!("4-{event_id}"),
    });
    Outgoing {
        event_id,
        channel: channel.to_owned(),
        ts: ts.to_owned(),
        body: body.to_string(),
        kind: Kind::Event,
    }
}

pub(super) fn channel_type(channel: &str) -> &'static str {
    match channel.as_bytes().first() {
        Some(b'D') => "im",
        Some(b'G') => "group",
        _ => "channel",
    }
}
