//! The knobs of the fake Slack: who is who, what is subscribed, and where events go.

use std::net::{Ipv4Addr, SocketAddr};

#[derive(Clone, Debug)]
pub struct SlackConfig {
    /// Where events are delivered to, with `events_path`.
    pub events_address: SocketAddr,
    pub events_path: String,
    pub signing_secret: String,
    /// The token that the Web API accepts.
    pub bot_token: String,
    /// The deprecated token inside deliveries.
    pub verification_token: String,
    pub team_id: String,
    pub app_id: String,
    pub bot_id: String,
    pub bot_user_id: String,
    /// Channels that exist from the start; a person's post makes further ones.
    pub channels: Vec<String>,
    pub users: Vec<String>,
    /// Messages that were written before the world starts.
    pub history: Vec<HistoryMessage>,
    /// Deliver what the app posts, updates and deletes to the app itself.
    pub echo_own_posts: bool,
    /// Deliver the app's own reactions to the app itself.
    pub echo_reactions: bool,
    /// Deliver an `app_mention` beside each message that mentions the app (spec/peers.md §0.11).
    pub app_mentions: bool,
    /// A post with the `client_msg_id` of an earlier one is that one. Undocumented, so off (§4.3).
    pub dedup_client_msg_ids: bool,
    /// How long a delivery may take to be acknowledged.
    pub acknowledge_ms: u64,
    /// From a failed try to the next.
    pub retry_after_ms: [u64; 3],
}

#[derive(Clone, Debug)]
pub struct HistoryMessage {
    pub channel: String,
    pub ts: String,
    pub user: String,
    pub text: String,
}

impl Default for SlackConfig {
    fn default() -> Self {
        SlackConfig {
            events_address: (Ipv4Addr::LOCALHOST, 8080).into(),
            events_path: "/slack/events".to_owned(),
            signing_secret: "8f742231b10e8888abcd99yyyzzz85a5".to_owned(),
            bot_token: "xoxb-test-000".to_owned(),
            verification_token: "verification-test-000".to_owned(),
            team_id: "T0000001".to_owned(),
            app_id: "A0000001".to_owned(),
            bot_id: "B0000001".to_owned(),
            bot_user_id: "U0000BOT".to_owned(),
            channels: vec!["C123".to_owned()],
            users: vec!["U123".to_owned()],
            history: Vec::new(),
            echo_own_posts: true,
            echo_reactions: false,
            app_mentions: false,
            dedup_client_msg_ids: false,
            acknowledge_ms: 3_000,
            retry_after_ms: [10, 60_000, 300_000],
        }
    }
}
