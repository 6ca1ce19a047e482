//! Connections of a stream: opening, closing, reconciling with what is configured, dialing
//! (spec §1.6, §1.9).
//!
//! Production redials a failed subscription at the next domain event only; on a quiet stream that is
//! never. Here a stream that may owe a delivery holds a durable alarm, and the alarm redials what
//! is not connected until nothing is owed, ever more patiently while that leads to nothing. A
//! subscriber that unsubscribed by itself (a host that gave up on a poison batch) is left alone until
//! the next domain event, and so is one that was let go because nothing happened. A subscriber that
//! failed because this stream is paused would fail again: it is dialed when the stream is resumed, and
//! so are the others.
//!
//! A configuration of the same key replaces the one before it. Production keeps the connection that
//! is open (B-16); here a connection belongs to the target that was dialed for it: when the key gets
//! another target it is closed, and who was dialed before can no longer open one.

use super::{
    append::AppendError,
    connection::Connection,
    contract::*,
    object::StreamObject,
    state::{ConfiguredEvent, ConfiguredSubscription},
};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    callable::{dispatch, Callable, CallableError},
    event::{Event, EventInput, EventType, Offset},
    object::unknown_method,
    patience::Patience,
    platform::{NoteKind, Target},
    quirk::Quirk,
};
use std::{cell::Cell, collections::BTreeMap, rc::Rc, sync::Arc};

/// How long a delivery may be owed before the alarm looks after it, the first time.
const DELIVERY_ALARM_MS: u64 = 10_000;

/// How long at most, however often that led to nothing.
const DELIVERY_ALARM_MAX_MS: u64 = 320_000;

/// After so many failed deliveries in a row, a subscription is redialed by the alarm only.
const IMMEDIATE_REDIALS_MAX: u32 = 3;

/// What a subscriber asks for when it opens a connection.
pub struct Subscription {
    pub key: Arc<str>,
    /// The configuration that was dialed; none for an inbound connection.
    pub dialed: Option<Arc<ConfiguredEvent>>,
    pub callback: Capability,
    pub replay_after: Option<Offset>,
    pub event_types: Option<Vec<EventType>>,
    pub subscriber: Option<Arc<SubscriberDescriptor>>,
    pub state_only: bool,
}

#[derive(Default)]
pub struct Connections {
    open: BTreeMap<Arc<str>, Rc<Connection>>,
    /// The configurations for which a dial is under way.
    dialing: BTreeMap<Arc<str>, Arc<ConfiguredEvent>>,
    parked: BTreeMap<Arc<str>, Parked>,
    /// Deliveries that failed in a row, by key.
    failures: BTreeMap<Arc<str>, u32>,
    /// What the alarm dialed, since anything was delivered there.
    redials: BTreeMap<Arc<str>, Patience>,
    /// What subscribers were handed, with the configuration that they were dialed for.
    surfaces: BTreeMap<Arc<str>, (Arc<ConfiguredEvent>, Capability)>,
    next_id: u64,
}

/// Until when a subscription is not dialed, although nobody is connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parked {
    UntilDomainEvent,
    /// Only with B-15.
    ForEver,
}

/// An event that is not the stream's own: it dials who is not connected.
pub(super) fn is_domain(event: &Event) -> bool {
    !event.kind.as_str().starts_with(CORE_PREFIX)
}

impl Connections {
    pub fn open(&self) -> impl Iterator<Item = &Rc<Connection>> {
        self.open.values()
    }
}

impl StreamObject {
    /// Opens a connection, replacing the open one of that key.
    ///
    /// # Errors
    /// The stream could not say that it is open: processors count on the fact. Then it is not.
    pub(super) fn open(
        self: &Rc<Self>,
        request: Subscription,
    ) -> Result<Rc<Connection>, AppendError> {
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
            dialed: request.dialed,
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
        self.context.note(
            NoteKind::Connected {
                connection: id,
                outbound: connection.is_outbound(),
            },
            &connection.key,
        );
        let connected = EventInput::new(
            SUBSCRIBER_CONNECTED,
            SubscriberConnected {
                subscription_key: request.key.to_string(),
                direction: connection.direction(),
                subscriber: request.subscriber,
            },
        );
        if let Err(error) = self.append_local(&[Arc::new(connected)]) {
            self.forget(&connection);
            return Err(error);
        }
        connection.wake(self);
        self.watch(&connection);
        Ok(connection)
    }

    fn export_handle(self: &Rc<Self>, id: u64, key: Arc<str>) -> Capability {
        let stream = Rc::downgrade(self);
        self.context.export(Rc::new(move |method, arguments| {
            let outcome = match (method.as_str(), stream.upgrade()) {
                ("unsubscribe", Some(stream)) => arguments
                    .parse_optional("afterOffset")
                    .map(|seen| stream.unsubscribe(&key, id, seen))
                    .map(|()| Argument::NULL),
                (method, _) => Err(unknown_method("subscription", method)),
            };
            Box::pin(async { outcome })
        }))
    }

    /// Lets a subscriber go. If it says how far it had seen, and a domain event came after that,
    /// that event dials it again.
    fn unsubscribe(self: &Rc<Self>, key: &Arc<str>, id: u64, seen: Option<Offset>) {
        let connection = self.connections.borrow().open.get(key).cloned();
        let Some(connection) = connection.filter(|connection| connection.id == id) else {
            return;
        };
        if connection.is_outbound() && !self.context.quirk(Quirk::X9) {
            self.park(key);
        }
        self.close(&connection, DisconnectReason::Unsubscribed);
        let unseen = seen.map(|seen| self.read(seen, Offset(u64::MAX), usize::MAX));
        if unseen.into_iter().flatten().any(|event| is_domain(&event)) {
            self.reconcile_for_domain_event();
        }
    }

    /// Not to be dialed before the next domain event.
    pub(super) fn park(&self, key: &Arc<str>) {
        let mut connections = self.connections.borrow_mut();
        connections
            .parked
            .insert(key.clone(), Parked::UntilDomainEvent);
    }

    /// A configuration begins anew, whatever happened under the one before.
    pub(super) fn forget_troubles(&self, configured: &Event) {
        let Ok(configured) = configured.payload::<SubscriptionConfigured>() else {
            return;
        };
        if matches!(configured.subscriber, Subscriber::Callable { .. }) {
            let mut connections = self.connections.borrow_mut();
            let key = configured.subscription_key.as_str();
            connections.parked.remove(key);
            connections.failures.remove(key);
            connections.redials.remove(key);
        }
    }

    pub(super) fn outbound(&self) -> Vec<Rc<Connection>> {
        let connections = self.connections.borrow();
        let outbound = connections.open().filter(|open| open.is_outbound());
        outbound.cloned().collect()
    }

    pub(super) fn has_outbound(&self) -> bool {
        let connections = self.connections.borrow();
        let mut open = connections.open.values();
        open.any(|connection| connection.is_outbound())
    }

    /// A delivery on an outbound connection is unsettled, or still to be made.
    pub(super) fn has_unsettled(&self) -> bool {
        let head = self.head();
        let connections = self.connections.borrow();
        let mut open = connections.open.values();
        open.any(|connection| {
            connection.is_outbound()
                && (connection.unsettled.get() > 0 || connection.cursor.get() < head)
        })
    }

    /// Closes the connection when its subscriber is known to be gone.
    fn watch(self: &Rc<Self>, connection: &Rc<Connection>) {
        if self.context.quirk(Quirk::B24) {
            return;
        }
        let broken = connection.callback.broken();
        let (stream, connection) = (Rc::downgrade(self), connection.clone());
        self.context.spawn("watch subscriber", async move {
            broken.await;
            if let Some(stream) = stream.upgrade() {
                stream.lose(&connection, DisconnectReason::RpcBroken);
                stream.reconcile();
            }
        });
    }

    /// Closes a connection whose subscriber was lost.
    fn lose(self: &Rc<Self>, connection: &Rc<Connection>, reason: DisconnectReason) {
        if self.context.quirk(Quirk::B15) && !connection.closed.get() {
            let mut connections = self.connections.borrow_mut();
            connections
                .parked
                .insert(connection.key.clone(), Parked::ForEver);
        }
        self.close(connection, reason);
    }

    /// Closes a connection and says so; once.
    pub(super) fn close(self: &Rc<Self>, connection: &Rc<Connection>, reason: DisconnectReason) {
        if !self.forget(connection) {
            return;
        }
        self.append_presence(EventInput::new(
            SUBSCRIBER_DISCONNECTED,
            SubscriberDisconnected {
                subscription_key: connection.key.to_string(),
                reason,
            },
        ));
    }

    /// Closes a connection without a word in the log; false if it was closed.
    fn forget(&self, connection: &Connection) -> bool {
        if connection.closed.replace(true) {
            return false;
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
        self.context.note(
            NoteKind::Disconnected {
                connection: connection.id,
            },
            &connection.key,
        );
        true
    }

    /// The outcome of a delivery on an outbound connection became known. That an empty batch was taken
    /// is none: it says nothing of what comes behind it.
    pub(super) fn delivery_settled(
        self: &Rc<Self>,
        connection: &Rc<Connection>,
        outcome: Result<(), CallError>,
    ) {
        if self.context.quirk(Quirk::B24) {
            return;
        }
        let key = &connection.key;
        if let Err(error) = &outcome {
            self.context.note(
                NoteKind::Failure,
                format_args!("delivery to {key} failed: {error}"),
            );
        }
        if connection.closed.get() {
            // A late word about a connection that was replaced or let go says nothing of the next.
            // A host that failed answers so for a batch that it will replay on another connection.
            return;
        }
        let Err(error) = outcome else {
            let mut connections = self.connections.borrow_mut();
            connections.failures.remove(key);
            connections.redials.remove(key);
            return;
        };
        // The subscriber did not settle: whatever it said before, it wants to be dialed again.
        self.connections.borrow_mut().parked.remove(key);
        self.lose(connection, DisconnectReason::DeliveryFailed);
        if error.code() == Some(AppendError::PAUSED) && self.state().paused {
            self.park(key);
            return;
        }
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
        for connection in self.outbound() {
            match state.subscriptions_by_key.get(&connection.key) {
                None => self.close(&connection, DisconnectReason::SubscriptionRemoved),
                Some(subscription) if !self.is_target(&connection, subscription) => {
                    self.close(&connection, DisconnectReason::Replaced)
                }
                Some(_) => {}
            }
        }
        for (key, subscription) in &state.subscriptions_by_key {
            let configured = &subscription.latest_configured_event;
            if self.wants_dial(key, configured) {
                self.dial(key.clone(), configured.clone());
            }
        }
    }

    /// The connection leads to whom the subscription names.
    fn is_target(&self, connection: &Connection, subscription: &ConfiguredSubscription) -> bool {
        let configured = &subscription.latest_configured_event;
        let same = |dialed: &Arc<ConfiguredEvent>| dialed.has_target_of(configured);
        connection.dialed.as_ref().is_some_and(same) || self.context.quirk(Quirk::B16)
    }

    fn wants_dial(&self, key: &Arc<str>, configured: &ConfiguredEvent) -> bool {
        let connections = self.connections.borrow();
        let dialing = connections.dialing.get(key);
        !connections.open.contains_key(key)
            && !dialing.is_some_and(|dialed| dialed.has_target_of(configured))
            && !connections.parked.contains_key(key)
    }

    /// A domain event dials also those that had unsubscribed.
    pub(super) fn reconcile_for_domain_event(self: &Rc<Self>) {
        let mut connections = self.connections.borrow_mut();
        let for_ever = |_: &Arc<str>, parked: &mut Parked| *parked == Parked::ForEver;
        connections.parked.retain(for_ever);
        connections.redials.clear();
        drop(connections);
        let state = self.state();
        let mut subscriptions = state.subscriptions_by_key.iter();
        if subscriptions.any(|(key, one)| self.wants_dial(key, &one.latest_configured_event)) {
            self.reconcile();
        }
    }

    fn dial(self: &Rc<Self>, key: Arc<str>, configured: Arc<ConfiguredEvent>) {
        let mut connections = self.connections.borrow_mut();
        connections.dialing.insert(key.clone(), configured.clone());
        drop(connections);
        let stream = self.clone();
        self.context.wait_until("dial", async move {
            let outcome = match &configured.payload.subscriber {
                Subscriber::Callable { callable } => {
                    stream.handshake(&key, callable, &configured).await
                }
                _ => Ok(()),
            };
            stream.dialed(key, &configured, outcome);
        });
    }

    /// A dial came to its end.
    fn dialed(
        self: &Rc<Self>,
        key: Arc<str>,
        configured: &Arc<ConfiguredEvent>,
        outcome: Result<(), CallableError>,
    ) {
        let mut connections = self.connections.borrow_mut();
        let current = connections.dialing.get(&key);
        if !current.is_some_and(|current| Arc::ptr_eq(current, configured)) {
            // The key was configured anew meanwhile, and that was dialed.
            return;
        }
        connections.dialing.remove(&key);
        let Err(error) = outcome else { return };
        match error.is_permanent() {
            true => connections
                .parked
                .insert(key.clone(), Parked::UntilDomainEvent),
            false => connections.parked.remove(&key),
        };
        drop(connections);
        self.context.note(
            NoteKind::Failure,
            format_args!("dial of {key} failed: {error}"),
        );
        self.owe_delivery();
    }

    /// The live capability for whom a configuration names.
    fn surface_for(
        self: &Rc<Self>,
        key: &Arc<str>,
        configured: &Arc<ConfiguredEvent>,
    ) -> Capability {
        let known = self.connections.borrow().surfaces.get(key).cloned();
        if let Some((_, surface)) = known.filter(|(dialed, _)| dialed.has_target_of(configured)) {
            return surface;
        }
        let surface = self.export_surface(configured.clone());
        let mut connections = self.connections.borrow_mut();
        let entry = (configured.clone(), surface.clone());
        connections.surfaces.insert(key.clone(), entry);
        surface
    }

    /// Refuses who was dialed for a key that has another target by now.
    pub(super) fn check_current(
        &self,
        key: &str,
        dialed: &Arc<ConfiguredEvent>,
    ) -> Result<(), CallError> {
        if self.context.quirk(Quirk::B16) || key != dialed.payload.subscription_key {
            return Ok(());
        }
        let state = self.state();
        let current = state.subscriptions_by_key.get(key);
        match current.map(|one| &one.latest_configured_event) {
            Some(current) if !dialed.has_target_of(current) => Err(CallError::remote(
                "superseded",
                format!(
                    "{key} was configured anew at offset {}, after {}",
                    current.offset, dialed.offset
                ),
            )),
            _ => Ok(()),
        }
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
            .with(
                "stream",
                Argument::Capability(self.surface_for(key, configured)),
            )
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

    /// The alarm: dials what is configured and not connected, if it is due, and looks again.
    pub(super) fn look_after_deliveries(self: &Rc<Self>) {
        if self.context.quirk(Quirk::X7) {
            return;
        }
        let now = self.context.now();
        let mut wait_ms = self.has_unsettled().then_some(DELIVERY_ALARM_MS);
        for (key, configured) in self.missing() {
            let mut connections = self.connections.borrow_mut();
            let redials = connections.redials.entry(key.clone()).or_default();
            let is_due = redials.is_due(now);
            let next_ms = match is_due {
                true => redials.tried(now, DELIVERY_ALARM_MS, DELIVERY_ALARM_MAX_MS),
                false => redials.remaining_ms(now),
            };
            drop(connections);
            if is_due && self.wants_dial(&key, &configured) {
                self.dial(key, configured);
            }
            wait_ms = Some(wait_ms.map_or(next_ms, |others_ms| others_ms.min(next_ms)));
        }
        if let Some(wait_ms) = wait_ms {
            self.context.ensure_alarm(wait_ms);
        }
    }

    /// What is configured, not connected, and to be dialed some time.
    fn missing(&self) -> Vec<(Arc<str>, Arc<ConfiguredEvent>)> {
        let state = self.state();
        let connections = self.connections.borrow();
        let missing = state.subscriptions_by_key.iter().filter(|(key, _)| {
            !connections.open.contains_key(*key) && !connections.parked.contains_key(*key)
        });
        missing
            .map(|(key, one)| (key.clone(), one.latest_configured_event.clone()))
            .collect()
    }
}
