//! Connections of a stream: opening, closing, reconciling with what is configured, dialing
//! (spec §1.6, §1.9).
//!
//! Production redials a failed subscription at the next domain event only; on a quiet stream that is
//! never. Here a stream that may owe a delivery holds a durable alarm, and the alarm redials what
//! is not connected until nothing is owed. A subscriber that unsubscribed by itself (a host that
//! gave up on a poison batch) is left alone until the next domain event.

use super::{connection::Connection, contract::*, object::StreamObject, state::ConfiguredEvent};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    callable::{dispatch, Callable, CallableError},
    event::{EventInput, EventType, Offset},
    object::unknown_method,
    platform::{NoteKind, Target},
};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

/// How long a delivery may be owed before the alarm looks after it.
const DELIVERY_ALARM_MS: u64 = 10_000;

/// After so many failed deliveries in a row, a subscription is redialed by the alarm only.
const IMMEDIATE_REDIALS_MAX: u32 = 3;

/// What a subscriber asks for when it opens a connection.
pub struct Subscription {
    pub key: Arc<str>,
    pub direction: Direction,
    pub callback: Capability,
    pub replay_after: Option<Offset>,
    pub event_types: Option<Vec<EventType>>,
    pub subscriber: Option<Arc<SubscriberDescriptor>>,
    pub state_only: bool,
}

#[derive(Default)]
pub struct Connections {
    open: BTreeMap<Arc<str>, Rc<Connection>>,
    dialing: BTreeSet<Arc<str>>,
    /// Closed by the subscriber itself: not redialed by time.
    parked: BTreeSet<Arc<str>>,
    /// Deliveries that failed in a row, by key.
    failures: BTreeMap<Arc<str>, u32>,
    next_id: u64,
}

impl Connections {
    pub fn open(&self) -> impl Iterator<Item = &Rc<Connection>> {
        self.open.values()
    }
}

impl StreamObject {
    /// Opens a connection, replacing the open one of that key.
    pub(super) fn open(self: &Rc<Self>, request: Subscription) -> Rc<Connection> {
        let replaced = self.connections.borrow().open.get(&request.key).cloned();
        if let Some(replaced) = replaced {
            self.close(&replaced, DisconnectReason::Replaced);
        }
        let id = {
            let mut connections = self.connections.borrow_mut();
            connections.next_id += 1;
            connections.next_id
        };
        let wildcard = |types: &Vec<EventType>| types.iter().any(|kind| *kind == "*");
        let connection = Rc::new(Connection {
            id,
            key: request.key.clone(),
            direction: request.direction,
            callback: self.context.stub_to(Target::Capability(request.callback)),
            handle: self.export_handle(id, request.key.clone()),
            filter: request.event_types.filter(|types| !wildcard(types)),
            started_at: self.context.now(),
            cursor: Cell::new(match request.state_only {
                true => self.head(),
                false => request.replay_after.unwrap_or(self.head()),
            }),
            closed: Cell::new(false),
            unsettled: Cell::new(0),
            batches_sent: Cell::new(0),
            events_sent: Cell::new(0),
            last_delivered_at: Cell::new(None),
            initial_push_owed: Cell::new(true),
            state_only: request.state_only,
            draining: Cell::new(false),
        });
        {
            let mut connections = self.connections.borrow_mut();
            connections.parked.remove(&request.key);
            connections
                .open
                .insert(request.key.clone(), connection.clone());
        }
        self.append_presence(EventInput::new(
            SUBSCRIBER_CONNECTED,
            SubscriberConnected {
                subscription_key: request.key.to_string(),
                direction: request.direction,
                subscriber: request.subscriber,
            },
        ));
        connection.wake(self);
        self.watch(&connection);
        connection
    }

    fn export_handle(self: &Rc<Self>, id: u64, key: Arc<str>) -> Capability {
        let stream = Rc::downgrade(self);
        self.context.export(Rc::new(move |method, _| {
            let outcome = match (method.as_str(), stream.upgrade()) {
                ("unsubscribe", Some(stream)) => {
                    stream.unsubscribe(&key, id);
                    Ok(Argument::NULL)
                }
                (method, _) => Err(unknown_method("subscription", method)),
            };
            Box::pin(async { outcome })
        }))
    }

    fn unsubscribe(self: &Rc<Self>, key: &Arc<str>, id: u64) {
        let connection = self.connections.borrow().open.get(key).cloned();
        if let Some(connection) = connection.filter(|connection| connection.id == id) {
            self.connections.borrow_mut().parked.insert(key.clone());
            self.close(&connection, DisconnectReason::Unsubscribed);
        }
    }

    /// Closes the connection when its subscriber is known to be gone.
    fn watch(self: &Rc<Self>, connection: &Rc<Connection>) {
        let broken = connection.callback.broken();
        let (stream, connection) = (Rc::downgrade(self), connection.clone());
        self.context.spawn("watch subscriber", async move {
            broken.await;
            if let Some(stream) = stream.upgrade() {
                stream.close(&connection, DisconnectReason::RpcBroken);
                stream.reconcile();
            }
        });
    }

    /// Closes a connection and says so; once.
    fn close(self: &Rc<Self>, connection: &Rc<Connection>, reason: DisconnectReason) {
        if connection.closed.replace(true) {
            return;
        }
        {
            let mut connections = self.connections.borrow_mut();
            let is_mapped = connections
                .open
                .get(&connection.key)
                .is_some_and(|mapped| mapped.id == connection.id);
            if is_mapped {
                connections.open.remove(&connection.key);
            }
        }
        self.context.revoke(&connection.handle);
        self.append_presence(EventInput::new(
            SUBSCRIBER_DISCONNECTED,
            SubscriberDisconnected {
                subscription_key: connection.key.to_string(),
                reason,
            },
        ));
    }

    /// The outcome of a delivery on an outbound connection became known.
    pub(super) fn delivery_settled(
        self: &Rc<Self>,
        connection: &Rc<Connection>,
        outcome: Result<(), CallError>,
    ) {
        let key = &connection.key;
        let Err(error) = outcome else {
            self.connections.borrow_mut().failures.remove(key);
            return;
        };
        self.context.note(
            NoteKind::Failure,
            format_args!("delivery to {key} failed: {error}"),
        );
        if connection.closed.get() {
            // A late word about a connection that was replaced or let go says nothing of the next.
            return;
        }
        // The subscriber did not settle: whatever it said before, it wants to be dialed again.
        self.connections.borrow_mut().parked.remove(key);
        self.close(connection, DisconnectReason::DeliveryFailed);
        let failures = {
            let mut connections = self.connections.borrow_mut();
            let failures = connections.failures.entry(key.clone()).or_insert(0);
            *failures += 1;
            *failures
        };
        match failures <= IMMEDIATE_REDIALS_MAX {
            true => self.reconcile(),
            false => self.owe_delivery(),
        }
    }

    pub(super) fn wake_pumps(self: &Rc<Self>) {
        let open: Vec<_> = self.connections.borrow().open().cloned().collect();
        for connection in open {
            connection.wake(self);
        }
    }

    /// Brings the connections in line with what is configured. Synchronous; dials in the background.
    pub(super) fn reconcile(self: &Rc<Self>) {
        let state = self.state();
        let unwanted: Vec<_> = {
            let connections = self.connections.borrow();
            let unconfigured = |connection: &&Rc<Connection>| {
                connection.direction == Direction::Outbound
                    && !state.subscriptions_by_key.contains_key(&connection.key)
            };
            connections.open().filter(unconfigured).cloned().collect()
        };
        for connection in unwanted {
            self.close(&connection, DisconnectReason::SubscriptionRemoved);
        }
        for (key, subscription) in &state.subscriptions_by_key {
            if self.wants_dial(key) {
                self.connections.borrow_mut().dialing.insert(key.clone());
                self.dial(key.clone(), subscription.latest_configured_event.clone());
            }
        }
    }

    fn wants_dial(&self, key: &Arc<str>) -> bool {
        let connections = self.connections.borrow();
        !connections.open.contains_key(key)
            && !connections.dialing.contains(key)
            && !connections.parked.contains(key)
    }

    /// A domain event dials also those that had unsubscribed.
    pub(super) fn reconcile_for_domain_event(self: &Rc<Self>) {
        self.connections.borrow_mut().parked.clear();
        let state = self.state();
        if state
            .subscriptions_by_key
            .keys()
            .any(|key| self.wants_dial(key))
        {
            self.reconcile();
        }
    }

    fn dial(self: &Rc<Self>, key: Arc<str>, configured: Arc<ConfiguredEvent>) {
        let stream = self.clone();
        self.context.wait_until("dial", async move {
            let outcome = match &configured.payload.subscriber {
                Subscriber::Callable { callable } => {
                    stream.handshake(&key, callable, &configured).await
                }
                _ => Ok(()),
            };
            stream.connections.borrow_mut().dialing.remove(&key);
            let Err(error) = outcome else { return };
            stream.context.note(
                NoteKind::Failure,
                format_args!("dial of {key} failed: {error}"),
            );
            let mut connections = stream.connections.borrow_mut();
            match error.is_permanent() {
                true => connections.parked.insert(key),
                false => connections.parked.remove(&key),
            };
            drop(connections);
            stream.owe_delivery();
        });
    }

    async fn handshake(
        self: &Rc<Self>,
        key: &Arc<str>,
        callable: &Callable,
        configured: &Arc<ConfiguredEvent>,
    ) -> Result<(), CallableError> {
        let state = self.state();
        let max_offset = state.max_offset;
        let runtime_state = Arguments::new().with("coreProcessorState", Argument::shared(state));
        let handshake = Arguments::new()
            .with("stream", Argument::Capability(self.live_capability()))
            .json("subscriptionKey", key)
            .json("streamMaxOffset", max_offset)
            .with(
                "subscriptionConfiguredEvent",
                Argument::shared(configured.clone()),
            )
            .with("streamRuntimeState", Argument::Record(runtime_state));
        dispatch(&self.reach, callable, handshake).await.map(drop)
    }

    /// Sets the alarm that looks after deliveries, if there is anybody to deliver to.
    pub(super) fn owe_delivery(&self) {
        if !self.state().subscriptions_by_key.is_empty() {
            self.context.ensure_alarm(DELIVERY_ALARM_MS);
        }
    }

    /// Something configured is not connected, or a delivery is unsettled.
    fn owes_delivery(&self) -> bool {
        let head = self.head();
        let connections = self.connections.borrow();
        let unsettled = |connection: &Rc<Connection>| {
            connection.direction == Direction::Outbound
                && (connection.unsettled.get() > 0 || connection.cursor.get() < head)
        };
        let state = self.state();
        let missing = |key: &Arc<str>| {
            !connections.open.contains_key(key) && !connections.parked.contains(key)
        };
        connections.open.values().any(unsettled) || state.subscriptions_by_key.keys().any(missing)
    }

    pub(super) fn look_after_deliveries(self: &Rc<Self>) {
        if self.owes_delivery() {
            self.reconcile();
            self.context.ensure_alarm(DELIVERY_ALARM_MS);
        }
    }
}
