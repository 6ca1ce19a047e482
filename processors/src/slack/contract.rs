//! The router's events and state (spec §5.8). Payloads are loose: what Slack adds is kept in the
//! event and not looked at; `null` counts as absent.

use runtime::{
    event::{EventType, StreamPath},
    processor::{Catalogue, Contract, EventDefinition},
    stream::contract::{self as core, SUBSCRIPTION_CONFIGURED},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, rc::Rc, sync::Arc};

pub const SLUG: &str = "slack";

pub const CONNECTED: EventType = EventType::of("events.iterate.com/slack/connected");
pub const DISCONNECTED: EventType = EventType::of("events.iterate.com/slack/disconnected");
pub const WEBHOOK_RECEIVED: EventType = EventType::of("events.iterate.com/slack/webhook-received");
pub const THREAD_ROUTE_CONFIGURED: EventType =
    EventType::of("events.iterate.com/slack/thread-route-configured");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(CONNECTED, "A Slack workspace was connected to the project."),
        EventDefinition::new(DISCONNECTED, "The Slack workspace was disconnected."),
        EventDefinition::new(
            WEBHOOK_RECEIVED,
            "Slack delivered a webhook; its body as it came.",
        ),
        EventDefinition::new(
            THREAD_ROUTE_CONFIGURED,
            "A Slack thread has a stream of its own.",
        ),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Routes Slack webhooks to one stream per thread.",
    events: &CATALOGUE,
    dependencies: &[&core::CATALOGUE],
    consumes: &[
        CONNECTED,
        DISCONNECTED,
        WEBHOOK_RECEIVED,
        THREAD_ROUTE_CONFIGURED,
    ],
    emits: &[
        SUBSCRIPTION_CONFIGURED,
        THREAD_ROUTE_CONFIGURED,
        WEBHOOK_RECEIVED,
    ],
};

/// The payload of `connected`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    pub connection_id: String,
    pub external_id: String,
    pub project_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_name: Option<String>,
}

/// The payload of `disconnected`: that of `connected`, without a duty to name anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disconnected {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadRouteConfigured {
    #[serde(flatten)]
    pub thread: Thread,
    pub stream_path: StreamPath,
}

/// A Slack thread. Its ts is an identifier and never a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    pub channel: Arc<str>,
    pub thread_ts: Arc<str>,
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.thread_ts)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub connection: Connection,
    /// `<channel>:<threadTs>` → the thread's stream. Shared, as every event has a state of its own
    /// and few events change a route.
    pub routes: Rc<BTreeMap<Arc<str>, StreamPath>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    pub status: ConnectionStatus,
    /// Whose connection it is, or was.
    #[serde(flatten)]
    pub workspace: Disconnected,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    Connected,
    #[default]
    Disconnected,
}
