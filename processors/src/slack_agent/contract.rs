//! What the Slack agent consumes and writes, and its state (spec §5.9). It owns no event type.

use crate::{agent, slack};
use runtime::{
    event::{EventType, StreamPath},
    processor::{Catalogue, Contract, EventDefinition},
};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};

pub const SLUG: &str = "slack-agent";

pub const SCRIPT_EXECUTION_REQUESTED: EventType =
    EventType::of("events.iterate.com/codemode/script-execution-requested");
pub const SCRIPT_EXECUTION_COMPLETED: EventType =
    EventType::of("events.iterate.com/codemode/script-execution-completed");

/// What is said to codemode, and heard of it.
static CODEMODE: Catalogue = Catalogue {
    owner: "codemode",
    events: &[
        EventDefinition::new(SCRIPT_EXECUTION_REQUESTED, "A script is to be run."),
        EventDefinition::new(SCRIPT_EXECUTION_COMPLETED, "A script has ended."),
    ],
};

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
        &CODEMODE,
    ],
    consumes: &[
        slack::contract::THREAD_ROUTE_CONFIGURED,
        slack::contract::WEBHOOK_RECEIVED,
        agent::contract::STATUS_UPDATED,
        SCRIPT_EXECUTION_REQUESTED,
        SCRIPT_EXECUTION_COMPLETED,
    ],
    emits: &[agent::contract::INPUT_ADDED, SCRIPT_EXECUTION_REQUESTED],
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptExecutionRequested {
    pub code: String,
    pub script_execution_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_path: Option<StreamPath>,
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
