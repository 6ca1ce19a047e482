//! The core processor's events (spec §1.4): types and payloads.

use crate::{
    call::Wire,
    callable::Callable,
    event::EventType,
    processor::{Catalogue, EventDefinition},
    schema::{object, optional_text, present, text},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Every type of the stream itself begins so; such events never wake an idle subscription.
pub const CORE_PREFIX: &str = "events.iterate.com/stream/";

pub const CREATED: EventType = EventType::of("events.iterate.com/stream/created");
pub const WOKEN: EventType = EventType::of("events.iterate.com/stream/woken");
pub const CONFIGURED: EventType = EventType::of("events.iterate.com/stream/configured");
pub const METADATA_UPDATED: EventType = EventType::of("events.iterate.com/stream/metadata-updated");
pub const CHILD_STREAM_CREATED: EventType =
    EventType::of("events.iterate.com/stream/child-stream-created");
pub const SUBSCRIPTION_CONFIGURED: EventType =
    EventType::of("events.iterate.com/stream/subscription-configured");
pub const PROCESSOR_REGISTERED: EventType =
    EventType::of("events.iterate.com/stream/processor-registered");
pub const SUBSCRIBER_CONNECTED: EventType =
    EventType::of("events.iterate.com/stream/subscriber-connected");
pub const SUBSCRIBER_DISCONNECTED: EventType =
    EventType::of("events.iterate.com/stream/subscriber-disconnected");
pub const ERROR_OCCURRED: EventType = EventType::of("events.iterate.com/stream/error-occurred");
pub const PAUSED: EventType = EventType::of("events.iterate.com/stream/paused");
pub const RESUMED: EventType = EventType::of("events.iterate.com/stream/resumed");

/// Types that a paused stream still takes (spec §1.5).
pub const ALLOWED_WHILE_PAUSED: [EventType; 5] = [
    RESUMED,
    ERROR_OCCURRED,
    WOKEN,
    SUBSCRIBER_CONNECTED,
    SUBSCRIBER_DISCONNECTED,
];

/// What the core processor owns; a contract that names one of these types depends on it.
pub static CATALOGUE: Catalogue = Catalogue {
    owner: "core",
    events: &[
        EventDefinition::new(CREATED, "The stream was created."),
        EventDefinition::new(WOKEN, "An incarnation of the stream began."),
        EventDefinition::new(CONFIGURED, "The stream's configuration was changed."),
        EventDefinition::new(METADATA_UPDATED, "The stream's metadata was replaced."),
        EventDefinition::new(CHILD_STREAM_CREATED, "A stream was created below this one."),
        EventDefinition::new(SUBSCRIPTION_CONFIGURED, "A subscriber is to be dialed."),
        EventDefinition::new(PROCESSOR_REGISTERED, "A processor said what it is (V0)."),
        EventDefinition::new(
            SUBSCRIBER_CONNECTED,
            "A subscriber's connection was opened.",
        ),
        EventDefinition::new(
            SUBSCRIBER_DISCONNECTED,
            "A subscriber's connection was closed.",
        ),
        EventDefinition::new(ERROR_OCCURRED, "Something went wrong, for people to see."),
        EventDefinition::new(PAUSED, "The stream takes no more events."),
        EventDefinition::new(RESUMED, "The stream takes events again."),
    ],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    #[serde(deserialize_with = "text")]
    pub namespace: String,
    #[serde(deserialize_with = "text")]
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Woken {
    #[serde(deserialize_with = "text")]
    pub incarnation_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configured {
    pub config: ConfigChange,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigChange {
    pub simulated_storage_sync_delay_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataUpdated {
    pub metadata: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildStreamCreated {
    #[serde(deserialize_with = "text")]
    pub child_path: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionConfigured {
    #[serde(deserialize_with = "text")]
    pub subscription_key: String,
    #[serde(deserialize_with = "object")]
    pub subscriber: Subscriber,
}

/// Who is to be dialed. The two legacy shapes of V0 parse, reduce to nothing and are never dialed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subscriber {
    Callable {
        callable: Callable,
    },
    #[serde(rename_all = "camelCase")]
    BuiltIn {
        transport: LegacyTransport,
        #[serde(deserialize_with = "text")]
        processor_slug: String,
    },
    ExternalUrl {
        transport: LegacyWebSocket,
        url: String,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        headers: Option<Map<String, Value>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyTransport {
    WorkersRpc,
    CapnwebWebsocket,
}

/// The one transport of a legacy `external-url` subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyWebSocket {
    CapnwebWebsocket,
}

/// What a processor says of itself when it subscribes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    #[serde(deserialize_with = "text")]
    pub slug: String,
    #[serde(deserialize_with = "text")]
    pub version: String,
    pub description: String,
    pub consumes: Vec<String>,
    pub emits: Vec<String>,
    pub owned_events: Vec<OwnedEvent>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnedEvent {
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub description: Option<String>,
}

/// Who holds a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberDescriptor {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_text"
    )]
    pub incarnation_id: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub description: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub processor: Option<Arc<Announcement>>,
}

impl Wire for SubscriberDescriptor {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a subscriber serializes")
    }
}

/// `processor-registered` of V0: still reduced, no longer written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessorRegistered {
    #[serde(flatten)]
    pub announcement: Announcement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Inbound,
    Outbound,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberConnected {
    #[serde(deserialize_with = "text")]
    pub subscription_key: String,
    pub direction: Direction,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub subscriber: Option<Arc<SubscriberDescriptor>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisconnectReason {
    Replaced,
    Unsubscribed,
    RpcBroken,
    DeliveryFailed,
    SubscriptionRemoved,
    Idle,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberDisconnected {
    #[serde(deserialize_with = "text")]
    pub subscription_key: String,
    pub reason: DisconnectReason,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorOccurred {
    #[serde(deserialize_with = "text")]
    pub message: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub error: Option<ErrorDetail>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetail {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_text"
    )]
    pub name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub message: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_text"
    )]
    pub code: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_text"
    )]
    pub stack: Option<String>,
}

/// The payload of `paused` and of `resumed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PauseChange {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_text"
    )]
    pub reason: Option<String>,
}
