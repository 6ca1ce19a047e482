//! One object or worker of the fleet, and the incarnation of it that lives.

use super::storage::StoredObject;
use crate::{activity::Pending, choice::Subject};
use futures_util::future::LocalBoxFuture;
use madsim::task::NodeId;
use runtime::{
    call::ObjectName,
    event::Timestamp,
    object::{Class, Context},
    platform::ByteStream,
    quirk::Quirks,
};
use std::{
    net::SocketAddr,
    sync::{
        atomic::{AtomicI64, AtomicU8, Ordering::Relaxed},
        Arc, Mutex, MutexGuard,
    },
};
use tokio::sync::{mpsc, oneshot, Notify};

/// Serves one accepted connection of a worker.
pub type WorkerHandler = fn(Context, Box<dyn ByteStream>) -> LocalBoxFuture<'static, ()>;

/// Work that a client does with its own context.
pub type ClientWork = Box<dyn FnOnce(Context) -> LocalBoxFuture<'static, ()> + Send>;

/// What a resident of the fleet is.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Object(Class),
    Worker {
        handler: WorkerHandler,
        listen: SocketAddr,
    },
    /// Somebody outside the platform who calls objects: never crashes.
    Client,
}

/// One object or worker, alive or not.
pub(super) struct Resident {
    pub name: ObjectName,
    pub subject: Subject,
    pub role: Role,
    state: Mutex<ResidentState>,
    /// Told when an incarnation takes calls, and when one ends.
    pub(super) bound: Notify,
    /// Held while the alarm rings: one ring after the other.
    pub ringing: tokio::sync::Mutex<()>,
}

pub(super) struct ResidentState {
    /// Where the present incarnation lives, or the next one will.
    pub address: SocketAddr,
    pub stored: Arc<Mutex<StoredObject>>,
    pub node: Option<NodeId>,
    pub incarnation: u64,
    pub tenure: Option<Tenure>,
    /// Incarnations that go on beside their successors.
    pub twins: Vec<Tenure>,
    pub clock: Clock,
    /// The newest incarnation was started on the scenario's old revision.
    pub is_of_old_revision: bool,
    /// Bumped whenever the durable alarm changes; a timer of an older number is void.
    pub alarm_generation: u64,
    pub alarm_pending: Option<Pending>,
}

/// An incarnation on its node, as the directory keeps it.
pub(super) struct Tenure {
    pub life: Arc<Life>,
    pub node: NodeId,
    pub mail: mpsc::UnboundedSender<Mail>,
    pub is_bound: bool,
    /// Its node stands still, while there is one.
    pub pause: Option<Pending>,
}

/// How far an object's wall clock is from the world's, in milliseconds.
#[derive(Default)]
pub(super) struct Clock {
    /// In every incarnation; none until it was drawn.
    pub skew_ms: Option<i64>,
    /// In the newest incarnation, on top.
    pub jump_ms: i64,
}

impl Clock {
    pub fn offset_ms(&self) -> i64 {
        self.skew_ms.unwrap_or_default() + self.jump_ms
    }
}

/// An incarnation, as the directory and its ports share it.
pub(super) struct Life {
    pub incarnation: u64,
    /// Where it takes calls, or connections.
    pub address: SocketAddr,
    pub stored: Arc<Mutex<StoredObject>>,
    /// The known bugs that it runs with.
    pub quirks: Quirks,
    /// How far its wall clock is from the world's, in milliseconds.
    pub clock_ms: AtomicI64,
    phase: AtomicU8,
}

/// How an incarnation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// It is the one that lives under its name.
    Present,
    /// Another has taken its place, and it does not know: nothing that it does leaves it.
    Superseded,
    /// It is gone: nothing that it still tries has an effect.
    Dead,
}

impl Life {
    pub fn new(
        incarnation: u64,
        address: SocketAddr,
        stored: Arc<Mutex<StoredObject>>,
        quirks: Quirks,
        clock_ms: i64,
    ) -> Arc<Self> {
        Arc::new(Life {
            incarnation,
            address,
            stored,
            quirks,
            clock_ms: AtomicI64::new(clock_ms),
            phase: AtomicU8::new(Phase::Present as u8),
        })
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            phase if phase == Phase::Present as u8 => Phase::Present,
            phase if phase == Phase::Superseded as u8 => Phase::Superseded,
            _ => Phase::Dead,
        }
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }
}

/// What the platform asks of a living object.
pub(super) enum Mail {
    /// The alarm rings; the answer tells whether its handler succeeded.
    Alarm(oneshot::Sender<bool>),
    /// Evict if idle.
    EvictIfIdle,
    /// Tell whether it is idle.
    TellIdle(oneshot::Sender<bool>),
    /// Do this; a client only.
    Work(ClientWork),
}

impl Resident {
    pub fn new(name: ObjectName, role: Role, address: SocketAddr, stored: StoredObject) -> Self {
        Resident {
            subject: Subject::new(name.to_string()),
            name,
            role,
            state: Mutex::new(ResidentState {
                address,
                stored: Arc::new(Mutex::new(stored)),
                node: None,
                incarnation: 0,
                tenure: None,
                twins: Vec::new(),
                clock: Clock::default(),
                is_of_old_revision: false,
                alarm_generation: 0,
                alarm_pending: None,
            }),
            bound: Notify::new(),
            ringing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ResidentState> {
        self.state.lock().expect("one thread")
    }

    /// The durable storage of the incarnation that lives under the name, and of the next one.
    pub fn stored(&self) -> Arc<Mutex<StoredObject>> {
        self.lock().stored.clone()
    }

    /// Where the incarnation that lives takes calls.
    pub fn address(&self) -> SocketAddr {
        self.lock().address
    }

    /// Completes when that incarnation does not live any more.
    pub async fn ended(&self, incarnation: u64) {
        loop {
            let changed = self.bound.notified();
            if !self.is_living(incarnation) {
                return;
            }
            changed.await;
        }
    }

    /// It lives, takes calls, and does not stand still.
    pub fn is_responsive(&self) -> bool {
        let state = self.lock();
        let tenure = state.tenure.as_ref();
        tenure.is_some_and(|tenure| tenure.is_bound && tenure.pause.is_none())
    }

    pub fn is_living(&self, incarnation: u64) -> bool {
        let state = self.lock();
        state.tenure.is_some() && state.incarnation == incarnation
    }

    /// The incarnation that lives, or goes on beside its successor, by number.
    pub fn phase(&self, incarnation: u64) -> Phase {
        let state = self.lock();
        let mut tenures = state.tenure.iter().chain(&state.twins);
        let tenure = tenures.find(|tenure| tenure.life.incarnation == incarnation);
        tenure.map_or(Phase::Dead, |tenure| tenure.life.phase())
    }

    /// The wall clock as the object reads it.
    pub fn now(&self) -> Timestamp {
        let world = crate::time::now();
        Timestamp::from_unix_ms(world.unix_ms + self.lock().clock.offset_ms())
    }

    pub fn is_bound(&self) -> bool {
        let state = self.lock();
        state.tenure.as_ref().is_some_and(|tenure| tenure.is_bound)
    }

    pub fn mark_bound(&self, incarnation: u64) {
        let mut state = self.lock();
        if state.incarnation == incarnation {
            if let Some(tenure) = &mut state.tenure {
                tenure.is_bound = true;
            }
        }
        drop(state);
        self.bound.notify_waiters();
    }

    /// Hands mail to the living incarnation; gives the mail back if there is none.
    pub fn send(&self, mail: Mail) -> Result<(), Mail> {
        match &self.lock().tenure {
            Some(tenure) => tenure.mail.send(mail).map_err(|error| error.0),
            None => Err(mail),
        }
    }

    /// Starts a new alarm generation; `pending` stands while it waits.
    pub fn next_alarm_generation(&self, pending: Option<Pending>) -> u64 {
        let mut state = self.lock();
        state.alarm_generation += 1;
        state.alarm_pending = pending;
        state.alarm_generation
    }

    pub fn is_alarm_generation(&self, generation: u64) -> bool {
        self.lock().alarm_generation == generation
    }
}
