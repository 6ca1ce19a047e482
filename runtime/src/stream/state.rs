//! The core processor's state and reducer (spec §1.4). Pure: no clock, no randomness.

use super::contract::{self, *};
use crate::{
    call::Wire,
    event::{Event, EventType, Offset, PayloadError, Timestamp},
    quirk::{Quirk, Quirks},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The version of the reducer; a stored state of another version is rebuilt from the log.
pub const STATE_VERSION: u64 = 4;

const UNINITIALIZED: &str = "uninitialized";

/// Maps hold shared values, so that a copy of the state costs no deep copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoreState {
    pub namespace: Arc<str>,
    pub path: Arc<str>,
    pub created_at: Arc<str>,
    pub incarnation_id: Arc<str>,
    pub metadata: Arc<Map<String, Value>>,
    pub config: Config,
    pub event_count: u64,
    pub max_offset: Offset,
    pub child_paths: Arc<Vec<String>>,
    pub paused: bool,
    pub pause_reason: Option<Arc<str>>,
    pub processors_by_slug: BTreeMap<Arc<str>, Arc<AnnouncedProcessor>>,
    pub subscriptions_by_key: BTreeMap<Arc<str>, Arc<ConfiguredSubscription>>,
    pub connections_by_key: BTreeMap<Arc<str>, Arc<RosterEntry>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    pub simulated_storage_sync_delay_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedProcessor {
    pub announced_at_offset: Offset,
    pub announcement: Arc<Announcement>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfiguredSubscription {
    pub latest_configured_event: Arc<ConfiguredEvent>,
}

/// A `subscription-configured` event, pared to what a subscriber needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfiguredEvent {
    pub offset: Offset,
    #[serde(rename = "type")]
    pub kind: EventType,
    pub payload: SubscriptionConfigured,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RosterEntry {
    pub direction: Direction,
    pub connected_at_offset: Offset,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<Arc<SubscriberDescriptor>>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ReduceError {
    #[error("{kind} is only legal at offset 1, not at {offset}", kind = contract::CREATED)]
    CreatedTwice { offset: Offset },
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl Default for CoreState {
    fn default() -> Self {
        CoreState {
            namespace: UNINITIALIZED.into(),
            path: UNINITIALIZED.into(),
            created_at: UNINITIALIZED.into(),
            incarnation_id: UNINITIALIZED.into(),
            metadata: Arc::default(),
            config: Config {
                simulated_storage_sync_delay_ms: Some(0),
            },
            event_count: 0,
            max_offset: Offset::ZERO,
            child_paths: Arc::default(),
            paused: false,
            pause_reason: None,
            processors_by_slug: BTreeMap::new(),
            subscriptions_by_key: BTreeMap::new(),
            connections_by_key: BTreeMap::new(),
        }
    }
}

impl ConfiguredEvent {
    /// Both name the same subscriber.
    pub(super) fn has_target_of(&self, other: &ConfiguredEvent) -> bool {
        self.payload.subscriber == other.payload.subscriber
    }
}

impl Wire for ConfiguredEvent {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a configured subscription serializes")
    }
}

impl Wire for CoreState {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a core state serializes")
    }

    fn to_json_text(&self) -> String {
        serde_json::to_string(self).expect("a core state serializes")
    }
}

impl CoreState {
    /// The state after `event`.
    ///
    /// # Errors
    /// A core event with a payload that does not fit, or `created` away from offset 1.
    pub fn reduce(&mut self, event: &Event) -> Result<(), ReduceError> {
        self.reduce_with(event, Quirks::NONE)
    }

    /// [`CoreState::reduce`], with known bugs.
    pub(super) fn reduce_with(&mut self, event: &Event, quirks: Quirks) -> Result<(), ReduceError> {
        if event.kind.as_str().starts_with(CORE_PREFIX) {
            self.reduce_core(event, quirks)?;
        }
        self.event_count += 1;
        self.max_offset = event.offset;
        Ok(())
    }

    fn reduce_core(&mut self, event: &Event, quirks: Quirks) -> Result<(), ReduceError> {
        if event.kind == CREATED {
            let created: Created = event.payload()?;
            if event.offset != Offset(1) {
                return Err(ReduceError::CreatedTwice {
                    offset: event.offset,
                });
            }
            self.namespace = created.namespace.into();
            self.path = created.path.into();
            self.created_at = event.created_at.to_string().into();
        } else if event.kind == WOKEN {
            let woken: Woken = event.payload()?;
            self.incarnation_id = woken.incarnation_id.into();
            self.connections_by_key.clear();
        } else if event.kind == CONFIGURED {
            let configured: Configured = event.payload()?;
            self.config.simulated_storage_sync_delay_ms =
                Some(configured.config.simulated_storage_sync_delay_ms);
        } else if event.kind == METADATA_UPDATED {
            let updated: MetadataUpdated = event.payload()?;
            self.metadata = Arc::new(updated.metadata);
        } else if event.kind == CHILD_STREAM_CREATED {
            let created: ChildStreamCreated = event.payload()?;
            self.add_child(&created.child_path);
        } else if event.kind == SUBSCRIPTION_CONFIGURED {
            let configured: SubscriptionConfigured = event.payload()?;
            self.configure_subscription(event, configured, quirks);
        } else if event.kind == PROCESSOR_REGISTERED {
            let registered: ProcessorRegistered = event.payload()?;
            self.announce(event.offset, Arc::new(registered.announcement));
        } else if event.kind == SUBSCRIBER_CONNECTED {
            let connected: SubscriberConnected = event.payload()?;
            self.connect(event.offset, connected);
        } else if event.kind == SUBSCRIBER_DISCONNECTED {
            let disconnected: SubscriberDisconnected = event.payload()?;
            self.connections_by_key
                .remove(disconnected.subscription_key.as_str());
        } else if event.kind == ERROR_OCCURRED {
            event.payload::<ErrorOccurred>()?;
        } else if event.kind == PAUSED {
            let change: PauseChange = event.payload()?;
            self.paused = true;
            self.pause_reason = change.reason.map(Into::into);
        } else if event.kind == RESUMED {
            event.payload::<PauseChange>()?;
            self.paused = false;
            self.pause_reason = None;
        }
        Ok(())
    }

    /// Descendants announce full paths; only the immediate child is kept, once.
    fn add_child(&mut self, child_path: &str) {
        let base = match &*self.path {
            "/" => "",
            path => path,
        };
        let Some(below) = child_path
            .strip_prefix(base)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            return;
        };
        let Some(segment) = below.split('/').find(|segment| !segment.is_empty()) else {
            return;
        };
        let child = format!("{base}/{segment}");
        if !self.child_paths.contains(&child) {
            Arc::make_mut(&mut self.child_paths).push(child);
        }
    }

    /// A legacy shape leaves the key as it is: a late one must not silence a supported one. With quirk
    /// B-13 it does.
    fn configure_subscription(
        &mut self,
        event: &Event,
        payload: SubscriptionConfigured,
        quirks: Quirks,
    ) {
        if !matches!(payload.subscriber, Subscriber::Callable { .. }) {
            if quirks.has(Quirk::B13) {
                let key = payload.subscription_key.as_str();
                self.subscriptions_by_key.remove(key);
            }
            return;
        }
        let key: Arc<str> = payload.subscription_key.as_str().into();
        let configured = ConfiguredSubscription {
            latest_configured_event: Arc::new(ConfiguredEvent {
                offset: event.offset,
                kind: event.kind.clone(),
                payload,
                created_at: event.created_at,
            }),
        };
        self.subscriptions_by_key.insert(key, Arc::new(configured));
    }

    fn connect(&mut self, offset: Offset, connected: SubscriberConnected) {
        let announcement = connected
            .subscriber
            .as_ref()
            .and_then(|subscriber| subscriber.processor.clone());
        if let Some(announcement) = announcement {
            self.announce(offset, announcement);
        }
        self.connections_by_key.insert(
            connected.subscription_key.into(),
            Arc::new(RosterEntry {
                direction: connected.direction,
                connected_at_offset: offset,
                subscriber: connected.subscriber,
            }),
        );
    }

    fn announce(&mut self, offset: Offset, announcement: Arc<Announcement>) {
        self.processors_by_slug.insert(
            announcement.slug.as_str().into(),
            Arc::new(AnnouncedProcessor {
                announced_at_offset: offset,
                announcement,
            }),
        );
    }
}
