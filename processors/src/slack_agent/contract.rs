//! What the Slack agent consumes and writes, and its state (spec §5.9). It owns no event type.

use crate::{agent, codemode, slack};
use runtime::{
    event::{Offset, StreamPath},
    processor::{Catalogue, Contract},
};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};

pub const SLUG: &str = "slack-agent";

static NO_EVENTS: Catalogue = Catalogue {
    owner: SLUG,
    events: &[],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Turns a Slack thread's messages into agent input and shows the agent's status.",
    events: &NO_EVENTS,
    dependencies: &[
        &slack::contract::CATALOGUE,
        &agent::contract::CATALOGUE,
        &codemode::contract::CATALOGUE,
    ],
    consumes: &[
        slack::contract::THREAD_ROUTE_CONFIGURED,
        slack::contract::WEBHOOK_RECEIVED,
        agent::contract::STATUS_UPDATED,
        codemode::contract::SCRIPT_EXECUTION_REQUESTED,
        codemode::contract::SCRIPT_EXECUTION_COMPLETED,
        codemode::contract::FUNCTION_CALL_REQUESTED,
    ],
    emits: &[
        agent::contract::INPUT_ADDED,
        codemode::contract::TOOL_PROVIDER_REGISTERED,
        codemode::contract::SCRIPT_EXECUTION_REQUESTED,
        codemode::contract::FUNCTION_CALL_COMPLETED,
    ],
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_path: Option<StreamPath>,
    /// Where the route stands that names the thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_offset: Option<Offset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_message_ts: Option<Arc<str>>,
    /// Our own user, as the first webhook names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_user_id: Option<Arc<str>>,
    /// Our own bot, as the first message of our own user names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_bot_id: Option<Arc<str>>,
    /// The last messages that were taken, `<channel>:<ts>`. Slack delivers a message that mentions
    /// the app twice, as `message` and as `app_mention`, with different event ids (peers §0.11).
    pub taken: VecDeque<Arc<str>>,
    /// Messages that may carry our eyes.
    pub eyes_on: VecDeque<Arc<str>>,
}

/// How many messages [`State::taken`] and [`State::eyes_on`] remember. The two deliveries of a
/// message are seconds apart, or a few minutes when Slack has to repeat one.
pub const MESSAGES_REMEMBERED_MAX: usize = 64;
