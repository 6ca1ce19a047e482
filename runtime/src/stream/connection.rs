//! One subscriber's connection and its pump (spec §1.11).
//!
//! The cursor moves before a batch is delivered, and deliveries are not awaited: nothing remembers
//! what was acknowledged. The only resume point is what the subscriber passes when it opens again.

use super::{contract::Direction, object::StreamObject, state::ConfiguredEvent};
use crate::{
    call::{Argument, Arguments, Capability},
    event::{Event, EventType, Offset, Timestamp},
    object::Stub,
    platform::NoteKind,
};
use std::{
    cell::Cell,
    rc::{Rc, Weak},
    sync::Arc,
};

/// The most events of one batch.
pub const BATCH_EVENTS_MAX: usize = 100;

pub struct Connection {
    /// Unique in the incarnation.
    pub id: u64,
    pub key: Arc<str>,
    /// The configuration that was dialed; none for an inbound connection.
    pub dialed: Option<Arc<ConfiguredEvent>>,
    pub callback: Stub,
    /// What the subscriber holds to unsubscribe.
    pub handle: Capability,
    /// `None` takes every type.
    pub filter: Option<Vec<EventType>>,
    pub started_at: Timestamp,
    /// The last offset read for delivery.
    pub cursor: Cell<Offset>,
    pub closed: Cell<bool>,
    /// Deliveries whose outcome is not yet known; outbound connections only.
    pub unsettled: Cell<u32>,
    pub batches_sent: Cell<u64>,
    pub events_sent: Cell<u64>,
    pub last_delivered_at: Cell<Option<Timestamp>>,
    /// The first drain delivers at least one batch, even an empty one.
    pub initial_push_owed: Cell<bool>,
    /// Delivers states without events.
    pub state_only: bool,
    pub draining: Cell<bool>,
}

impl Connection {
    pub fn direction(&self) -> Direction {
        match self.is_outbound() {
            true => Direction::Outbound,
            false => Direction::Inbound,
        }
    }

    pub fn is_outbound(&self) -> bool {
        self.dialed.is_some()
    }

    fn takes(&self, event: &Event) -> bool {
        match &self.filter {
            None => true,
            Some(types) => types.contains(&event.kind),
        }
    }

    /// Starts the pump unless it runs: it re-reads before it stops, so no wake is lost.
    pub fn wake(self: &Rc<Self>, stream: &Rc<StreamObject>) {
        if self.closed.get() || self.draining.replace(true) {
            return;
        }
        let (connection, stream) = (self.clone(), Rc::downgrade(stream));
        let context = stream
            .upgrade()
            .expect("the caller holds it")
            .context
            .clone();
        context.spawn("pump", async move {
            while connection.pump_once(&stream) {
                yield_now().await;
            }
            connection.draining.set(false);
        });
    }

    /// Reads and delivers one batch; false when there is nothing left.
    fn pump_once(self: &Rc<Self>, stream: &Weak<StreamObject>) -> bool {
        let Some(stream) = stream.upgrade() else {
            return false;
        };
        if self.closed.get() {
            return false;
        }
        if self.state_only {
            return self.pump_state(&stream);
        }
        let read = stream.read(self.cursor.get(), Offset(u64::MAX), BATCH_EVENTS_MAX);
        let Some(last) = read.last() else {
            if self.initial_push_owed.get() {
                self.deliver(&stream, Vec::new());
            }
            return false;
        };
        let before = self.cursor.replace(last.offset);
        assert!(
            last.offset > before,
            "a log is read forwards: {} after {before}",
            last.offset
        );
        let taken: Vec<Arc<Event>> = match self.filter {
            None => read,
            Some(_) => read.into_iter().filter(|event| self.takes(event)).collect(),
        };
        if !taken.is_empty() || self.initial_push_owed.get() {
            self.deliver(&stream, taken);
        }
        true
    }

    fn pump_state(self: &Rc<Self>, stream: &Rc<StreamObject>) -> bool {
        let head = stream.head();
        let moved = self.cursor.replace(head) < head;
        if moved || self.initial_push_owed.get() {
            self.deliver(stream, Vec::new());
        }
        moved
    }

    fn deliver(self: &Rc<Self>, stream: &Rc<StreamObject>, events: Vec<Arc<Event>>) {
        self.initial_push_owed.set(false);
        self.batches_sent.set(self.batches_sent.get() + 1);
        self.events_sent
            .set(self.events_sent.get() + events.len() as u64);
        self.last_delivered_at.set(Some(stream.context.now()));
        stream.context.note(
            NoteKind::Delivered {
                connection: self.id,
                first: events.first().map_or(0, |event| event.offset.0),
                last: events.last().map_or(0, |event| event.offset.0),
            },
            &self.key,
        );
        let is_empty = events.is_empty();
        let state = stream.state();
        let batch = Arguments::new()
            .json("namespace", &state.namespace)
            .json("path", &state.path)
            .with("events", Argument::shared(Arc::new(events)))
            .json("streamMaxOffset", state.max_offset)
            .with("state", Argument::shared(state));
        let outcome = self.callback.call("processEventBatch", batch);
        if self.is_outbound() {
            self.unsettled.set(self.unsettled.get() + 1);
            let (connection, stream) = (self.clone(), Rc::downgrade(stream));
            let context = stream
                .upgrade()
                .expect("the caller holds it")
                .context
                .clone();
            context.spawn("delivery outcome", async move {
                let outcome = outcome.await;
                connection.unsettled.set(connection.unsettled.get() - 1);
                if let Some(stream) = stream.upgrade() {
                    match outcome {
                        Ok(_) if is_empty => {}
                        outcome => stream.delivery_settled(&connection, outcome.map(drop)),
                    }
                }
            });
        }
    }
}

/// Lets every other ready task run once.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
