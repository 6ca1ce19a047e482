//! `auth.test`, which Bolt calls before it handles any event (spec/peers.md §0.10), and
//! `users.info`.

use super::{arguments::Arguments, fields, Done, MethodError, Slack};
use serde_json::json;

pub(super) fn test(slack: &Slack, _: &Arguments) -> Result<Done, MethodError> {
    let config = &slack.config;
    Ok(Done {
        fields: fields(json!({
            "url": "https://streamsim.slack.com/",
            "team": "streamsim",
            "user": "app",
            "team_id": config.team_id,
            "user_id": config.bot_user_id,
            "bot_id": config.bot_id,
            "is_enterprise_install": false,
        })),
        ..Done::default()
    })
}

pub(super) fn user_info(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let user = arguments.text("user").ok_or("user_not_found")?;
    let is_bot = user == slack.config.bot_user_id;
    if !is_bot && !slack.config.users.iter().any(|known| known == user) {
        return Err("user_not_found");
    }
    let name = user.to_lowercase();
    Ok(Done {
        fields: fields(json!({
            "user": {
                "id": user,
                "team_id": slack.config.team_id,
                "name": name,
                "real_name": name,
                "deleted": false,
                "tz": "Etc/UTC",
                "is_bot": is_bot,
                "is_app_user": false,
                "updated": 0,
                "profile": {"display_name": name, "real_name": name},
            },
        })),
        ..Done::default()
    })
}
