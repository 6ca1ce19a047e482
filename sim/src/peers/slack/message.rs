//! A message as JSON (spec/peers.md §4.3, §4.5), for replies and events alike.

use super::{
    workspace::{Author, Channel, Message},
    SlackConfig,
};
use serde_json::{json, Map, Value};

/// What a reply of the Web API says of a message; a parent says more once it has replies.
pub(super) fn in_reply(config: &SlackConfig, channel: &Channel, message: &Message) -> Value {
    let mut fields = common(config, channel, message);
    if message.author == Author::App {
        fields.insert("app_id".into(), json!(config.app_id));
    }
    fields.extend(of_parent(config, channel, message));
    if !message.reactions.is_empty() {
        let reactions = message.reactions.iter().map(|reaction| {
            json!({
                "name": reaction.name,
                "users": reaction.users,
                "count": reaction.users.len(),
            })
        });
        fields.insert("reactions".into(), reactions.collect());
    }
    Value::Object(fields)
}

/// What a message says of its replies, once it has some.
pub(super) fn of_parent(
    config: &SlackConfig,
    channel: &Channel,
    message: &Message,
) -> Map<String, Value> {
    let mut fields = Map::new();
    let replies: Vec<&Message> = channel
        .thread(&message.ts)
        .filter(|reply| reply.ts != message.ts)
        .collect();
    if let Some(latest) = replies.last() {
        let mut users: Vec<&str> = Vec::new();
        for reply in &replies {
            let user = author_id(config, &reply.author);
            if !users.contains(&user) {
                users.push(user);
            }
        }
        fields.insert("thread_ts".into(), json!(message.ts));
        fields.insert("reply_count".into(), json!(replies.len()));
        fields.insert("reply_users_count".into(), json!(users.len()));
        fields.insert("reply_users".into(), json!(users));
        fields.insert("latest_reply".into(), json!(latest.ts));
        fields.insert("subscribed".into(), json!(false));
    }
    fields
}

/// What every form has in common.
pub(super) fn common(
    config: &SlackConfig,
    channel: &Channel,
    message: &Message,
) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".into(), json!("message"));
    fields.insert("user".into(), json!(author_id(config, &message.author)));
    fields.insert("text".into(), json!(message.text));
    fields.insert("ts".into(), json!(message.ts));
    fields.insert("team".into(), json!(config.team_id));
    if let Some(blocks) = &message.blocks {
        fields.insert("blocks".into(), blocks.clone());
    }
    if message.author == Author::App {
        fields.insert("bot_id".into(), json!(config.bot_id));
        let profile = bot_profile(config, &config.bot_id, &config.app_id);
        fields.insert("bot_profile".into(), profile);
    }
    if let Author::OtherBot(bot_id) = &message.author {
        fields.insert("bot_id".into(), json!(bot_id));
        let profile = bot_profile(config, bot_id, OTHER_APP_ID);
        fields.insert("bot_profile".into(), profile);
    }
    if let Some(thread_ts) = &message.thread_ts {
        fields.insert("thread_ts".into(), json!(thread_ts));
        if let Some(parent) = channel.messages.get(thread_ts) {
            let user = author_id(config, &parent.author);
            fields.insert("parent_user_id".into(), json!(user));
        }
    }
    if let Some(edited_ts) = &message.edited_ts {
        let user = author_id(config, &message.author);
        fields.insert("edited".into(), json!({"user": user, "ts": edited_ts}));
    }
    fields
}

pub(super) fn author_id<'a>(config: &'a SlackConfig, author: &'a Author) -> &'a str {
    match author {
        Author::Person(user) => user,
        Author::App => &config.bot_user_id,
        Author::OtherBot(_) => OTHER_BOT_USER_ID,
    }
}

const OTHER_APP_ID: &str = "A0000002";
const OTHER_BOT_USER_ID: &str = "U000BOT2";

/// The block that Slack's own clients make of what a person types.
pub(super) fn rich_text(text: &str) -> Value {
    json!([{
        "type": "rich_text",
        "block_id": "typed",
        "elements": [{
            "type": "rich_text_section",
            "elements": [{"type": "text", "text": text}],
        }],
    }])
}

fn bot_profile(config: &SlackConfig, bot_id: &str, app_id: &str) -> Value {
    json!({
        "id": bot_id,
        "deleted": false,
        "name": "app",
        "updated": 0,
        "app_id": app_id,
        "team_id": config.team_id,
    })
}
