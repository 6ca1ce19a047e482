//! The directory: who exists, who lives, and where; starting, crashing and evicting.

use super::{server, storage::StoredObject};
use crate::{
    activity::{Activity, Pending, PendingKind},
    choice::{Choices, Site, Subject},
    faults,
    trace::Trace,
};
use futures_util::future::LocalBoxFuture;
use madsim::{
    runtime::{Handle, NodeHandle},
    task::NodeId,
    time::{sleep, Duration},
};
use runtime::{
    call::{CallError, ObjectName},
    object::{Class, Context, KV},
    platform::{ByteStream, Key},
    quirk::Quirks,
    stream,
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Arc, Mutex, MutexGuard,
    },
};
use tokio::sync::{mpsc, oneshot, Notify};

/// Serves one accepted connection of a worker.
pub type WorkerHandler = fn(Context, Box<dyn ByteStream>) -> LocalBoxFuture<'static, ()>;

/// The port on which an object's node takes calls.
const CALL_PORT: u16 = 1;

/// How long a crashed worker takes to be back.
const WORKER_RESTART_MS: u64 = 100;

/// A batch that left a stream, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub connection: u64,
    pub key: String,
    /// Offsets of the first and the last event; 0 for none.
    pub first: u64,
    pub last: u64,
}

/// A commit to a stream, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub first: u64,
    pub last: u64,
    /// Simulated time.
    pub at_ms: u64,
}

/// How long an incarnation lived, for the oracles. Simulated time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    pub object: ObjectName,
    pub incarnation: u64,
    pub began_ms: u64,
    /// None if it lived to the end.
    pub ended_ms: Option<u64>,
}

/// A connection that a stream has opened and not closed, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnection {
    pub stream: ObjectName,
    pub incarnation: u64,
    pub connection: u64,
    /// Its subscription key.
    pub key: String,
    pub is_outbound: bool,
}

pub struct Fleet {
    pub choices: Arc<Choices>,
    pub trace: Arc<Trace>,
    pub activity: Arc<Activity>,
    pub quirks: Quirks,
    /// The world's seed, for identifiers.
    pub(super) seed: u64,
    classes: BTreeMap<&'static str, Class>,
    /// Outlives every object: alarms, restarts.
    supervisor: NodeHandle,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    residents: BTreeMap<ObjectName, Arc<Resident>>,
    hosts: BTreeMap<String, SocketAddr>,
    deliveries: Vec<Delivery>,
    commits: Vec<Commit>,
    lifetimes: Vec<Lifetime>,
    connections: Vec<OpenConnection>,
    crashes: u64,
}

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

/// Work that a client does with its own context.
pub type ClientWork = Box<dyn FnOnce(Context) -> LocalBoxFuture<'static, ()> + Send>;

/// One object or worker, alive or not.
pub(super) struct Resident {
    pub name: ObjectName,
    pub subject: Subject,
    pub role: Role,
    pub address: SocketAddr,
    pub stored: Arc<Mutex<StoredObject>>,
    state: Mutex<ResidentState>,
    bound: Notify,
    /// Held while the alarm rings: one ring after the other.
    pub ringing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct ResidentState {
    node: Option<NodeId>,
    incarnation: u64,
    life: Option<Life>,
    /// Bumped whenever the durable alarm changes; a timer of an older number is void.
    alarm_generation: u64,
    alarm_pending: Option<Pending>,
}

struct Life {
    alive: Arc<AtomicBool>,
    mail: mpsc::UnboundedSender<Mail>,
    is_bound: bool,
}

/// What the platform asks of a living object.
pub(super) enum Mail {
    /// The alarm rings; the answer tells whether its handler succeeded.
    Alarm(oneshot::Sender<bool>),
    /// Evict if idle.
    EvictIfIdle,
    /// Do this; a client only.
    Work(ClientWork),
}

impl Fleet {
    pub fn new(
        choices: Arc<Choices>,
        trace: Arc<Trace>,
        activity: Arc<Activity>,
        quirks: Quirks,
        seed: u64,
        classes: &[Class],
    ) -> Arc<Self> {
        let supervisor = Handle::current().create_node().name("supervisor").build();
        Arc::new(Fleet {
            choices,
            trace,
            activity,
            quirks,
            seed,
            classes: classes
                .iter()
                .map(|class| (class.binding, *class))
                .collect(),
            supervisor,
            inner: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("one thread")
    }

    /// Makes an outside service reachable under a host name.
    pub fn add_host(&self, host: &str, address: SocketAddr) {
        self.lock().hosts.insert(host.to_owned(), address);
    }

    pub(super) fn resolve_host(&self, host: &str) -> Option<SocketAddr> {
        self.lock().hosts.get(host).copied()
    }

    /// Adds a worker that serves connections to `listen`, and starts it.
    pub fn add_worker(
        self: &Arc<Self>,
        name: ObjectName,
        listen: SocketAddr,
        handler: WorkerHandler,
    ) {
        let resident = self.insert(name, Role::Worker { handler, listen }, Some(listen));
        self.ensure_live(&resident);
    }

    /// Does something as a client of the platform, on the client's own node.
    pub fn as_client(self: &Arc<Self>, work: ClientWork) {
        let name = ObjectName::new("CLIENT", "client");
        let existing = self.lock().residents.get(&name).cloned();
        let client = existing.unwrap_or_else(|| self.insert(name, Role::Client, None));
        self.ensure_live(&client);
        if client.send(Mail::Work(work)).is_err() {
            panic!("a client never dies");
        }
    }

    /// The durable storage of every object of a class, by name.
    pub fn stored(&self, binding: &str) -> Vec<(ObjectName, Arc<Mutex<StoredObject>>)> {
        self.lock()
            .residents
            .values()
            .filter(|resident| resident.name.binding == binding)
            .map(|resident| (resident.name.clone(), resident.stored.clone()))
            .collect()
    }

    /// The durable storage of every object that is not of this class, by name.
    pub fn stored_except(&self, binding: &str) -> Vec<(ObjectName, Arc<Mutex<StoredObject>>)> {
        self.lock()
            .residents
            .values()
            .filter(|resident| {
                resident.name.binding != binding && matches!(resident.role, Role::Object(_))
            })
            .map(|resident| (resident.name.clone(), resident.stored.clone()))
            .collect()
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
    }

    pub fn commits(&self) -> Vec<Commit> {
        self.lock().commits.clone()
    }

    /// Of every incarnation there was, in the order in which they began.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        self.lock().lifetimes.clone()
    }

    /// The connections of streams that live; those of an incarnation end with it.
    pub fn connections(&self) -> Vec<OpenConnection> {
        let inner = self.lock();
        let lives = |connection: &&OpenConnection| {
            let resident = inner.residents.get(&connection.stream);
            resident.is_some_and(|resident| {
                let state = resident.lock();
                state.life.is_some() && state.incarnation == connection.incarnation
            })
        };
        inner.connections.iter().filter(lives).cloned().collect()
    }

    /// How many incarnations a fault killed.
    pub fn crashes(&self) -> u64 {
        self.lock().crashes
    }

    pub(super) fn record_delivery(&self, delivery: Delivery) {
        self.lock().deliveries.push(delivery);
    }

    pub(super) fn record_commit(&self, commit: Commit) {
        self.lock().commits.push(commit);
    }

    pub(super) fn has_class(&self, binding: &str) -> bool {
        self.classes.contains_key(binding)
    }

    pub(super) fn record_connected(&self, connection: OpenConnection) {
        self.lock().connections.push(connection);
    }

    pub(super) fn record_disconnected(
        &self,
        stream: &ObjectName,
        incarnation: u64,
        connection: u64,
    ) {
        self.lock().connections.retain(|open| {
            (&open.stream, open.incarnation, open.connection) != (stream, incarnation, connection)
        });
    }

    /// The resident of that name; created, not started, if there is none.
    pub(super) fn resident(
        self: &Arc<Self>,
        name: &ObjectName,
    ) -> Result<Arc<Resident>, CallError> {
        if let Some(resident) = self.lock().residents.get(name) {
            return Ok(resident.clone());
        }
        let class = self.classes.get(name.binding.as_ref()).ok_or_else(|| {
            CallError::Unresolved(format!(
                "there is no durable-object namespace {}",
                name.binding
            ))
        })?;
        Ok(self.insert(name.clone(), Role::Object(*class), None))
    }

    fn insert(
        self: &Arc<Self>,
        name: ObjectName,
        role: Role,
        address: Option<SocketAddr>,
    ) -> Arc<Resident> {
        let mut inner = self.lock();
        let number = inner.residents.len() as u32 + 1;
        let address = address.unwrap_or_else(|| {
            let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 1, 0, 0)) + number);
            SocketAddr::from((ip, CALL_PORT))
        });
        let stored = match name.binding == stream::BINDING {
            true => StoredObject::with_cache(KV, Key::from(stream::STATE_KEY)),
            false => StoredObject::default(),
        };
        let resident = Arc::new(Resident {
            subject: Subject::new(name.to_string()),
            name: name.clone(),
            role,
            address,
            stored: Arc::new(Mutex::new(stored)),
            state: Mutex::default(),
            bound: Notify::new(),
            ringing: tokio::sync::Mutex::default(),
        });
        inner.residents.insert(name, resident.clone());
        resident
    }

    /// Starts an incarnation unless one lives; gives its number.
    pub(super) fn ensure_live(self: &Arc<Self>, resident: &Arc<Resident>) -> u64 {
        let mut state = resident.lock();
        if state.life.is_some() {
            return state.incarnation;
        }
        state.incarnation += 1;
        resident.stored.lock().expect("one thread").begin();
        let incarnation = state.incarnation;
        let alive = Arc::new(AtomicBool::new(true));
        let (mail, inbox) = mpsc::unbounded_channel();
        state.life = Some(Life {
            alive: alive.clone(),
            mail,
            is_bound: false,
        });
        let handle = Handle::current();
        let node = match state.node {
            Some(node) => {
                handle.restart(node);
                handle.get_node(node).expect("it was created")
            }
            None => handle
                .create_node()
                .name(resident.subject.text().to_string())
                .ip(resident.address.ip())
                .build(),
        };
        state.node = Some(node.id());
        drop(state);
        self.lock().lifetimes.push(Lifetime {
            object: resident.name.clone(),
            incarnation,
            began_ms: crate::time::since_start_ms(),
            ended_ms: None,
        });
        self.trace
            .record(&resident.subject, "start", format_args!("@{incarnation}"));
        let (fleet, served) = (self.clone(), resident.clone());
        node.spawn(async move {
            madsim::task::spawn_local(server::serve(fleet, served, incarnation, alive, inbox));
        });
        self.plan_crash(resident, incarnation);
        incarnation
    }

    fn plan_crash(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64) {
        if matches!(resident.role, Role::Client) {
            return;
        }
        let after_ms = self
            .choices
            .delay_ms(&faults::CRASH_AT_TIME, &resident.subject);
        if after_ms > 0 {
            let (fleet, resident) = (self.clone(), resident.clone());
            self.supervise(async move {
                sleep(Duration::from_millis(after_ms)).await;
                if fleet.choices.faults_on() && resident.is_living(incarnation) {
                    fleet.lock().crashes += 1;
                    fleet.crash(&resident, incarnation, "at a time");
                }
            });
        }
    }

    /// Runs work that outlives every object.
    pub(super) fn supervise(&self, work: impl std::future::Future<Output = ()> + Send + 'static) {
        self.supervisor.spawn(work);
    }

    /// Waits until an incarnation takes calls. Given one, waits for that alone.
    pub(super) async fn bound(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        wanted: Option<u64>,
    ) -> Result<u64, CallError> {
        loop {
            let notified = resident.bound.notified();
            let incarnation = match wanted {
                None => self.ensure_live(resident),
                Some(wanted) if resident.is_living(wanted) => wanted,
                Some(wanted) => {
                    return Err(CallError::Broken(format!(
                        "incarnation {wanted} of {} is gone",
                        resident.name
                    )))
                }
            };
            if resident.is_bound() {
                return Ok(incarnation);
            }
            notified.await;
        }
    }

    /// Whether the object dies at this point; if so it is dead when this returns.
    pub(super) fn crash_point(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
        site: &'static Site,
    ) -> bool {
        let can_crash = !matches!(resident.role, Role::Client);
        let crashes = can_crash && self.choices.yes(site, &resident.subject);
        if crashes {
            self.lock().crashes += 1;
            self.crash(resident, incarnation, site.name);
        }
        crashes
    }

    /// Ends an incarnation without notice.
    pub(super) fn crash(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64, why: &str) {
        if !resident.is_living(incarnation) {
            return;
        }
        let volatile = resident.stored.lock().expect("one thread").volatile() as u64;
        let lost = match volatile {
            0 => 0,
            _ => self.choices.below(
                &faults::STORAGE_LOST_SUFFIX,
                &resident.subject,
                volatile + 1,
            ),
        };
        self.end(resident, incarnation, lost as usize, "crash", why);
        let mut stored = resident.stored.lock().expect("one thread");
        if stored.can_be_stale()
            && (self.choices).yes(&faults::STORAGE_STALE_CACHE, &resident.subject)
        {
            stored.make_stale();
        }
    }

    /// Ends an incarnation as the platform does with idle ones: nothing written is lost.
    pub(super) fn evict(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64) {
        self.end(resident, incarnation, 0, "evict", "idle");
    }

    fn end(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
        lost: usize,
        kind: &'static str,
        why: &str,
    ) {
        if !resident.is_living(incarnation) {
            return;
        }
        let node = {
            let mut state = resident.lock();
            let life = state.life.take().expect("it lives");
            life.alive.store(false, Relaxed);
            state.node.expect("it was started")
        };
        self.record_end(&resident.name, incarnation);
        self.trace.record(
            &resident.subject,
            kind,
            format_args!("@{incarnation} {why}; {lost} transactions lost"),
        );
        resident.stored.lock().expect("one thread").crash(lost);
        Handle::current().kill(node);
        resident.bound.notify_waiters();
        self.alarm_changed(resident);
        if matches!(resident.role, Role::Worker { .. }) {
            let (fleet, resident) = (self.clone(), resident.clone());
            let restart = self.activity.begin(PendingKind::Timer);
            self.supervise(async move {
                sleep(Duration::from_millis(WORKER_RESTART_MS)).await;
                drop(restart);
                fleet.ensure_live(&resident);
            });
        }
    }

    fn record_end(&self, object: &ObjectName, incarnation: u64) {
        let mut inner = self.lock();
        let mut lifetimes = inner.lifetimes.iter_mut().rev();
        let ended =
            lifetimes.find(|life| life.object == *object && life.incarnation == incarnation);
        ended.expect("it began").ended_ms = Some(crate::time::since_start_ms());
    }

    /// Ends every incarnation, so that all of their tasks are dropped.
    pub fn shut_down(&self) {
        let residents: Vec<_> = self.lock().residents.values().cloned().collect();
        for resident in residents {
            let mut state = resident.lock();
            state.alarm_pending = None;
            if let Some(life) = state.life.take() {
                life.alive.store(false, Relaxed);
                Handle::current().kill(state.node.expect("it was started"));
            }
        }
        Handle::current().kill(self.supervisor.id());
        self.lock().residents.clear();
    }
}

impl Resident {
    fn lock(&self) -> MutexGuard<'_, ResidentState> {
        self.state.lock().expect("one thread")
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

    pub fn is_living(&self, incarnation: u64) -> bool {
        let state = self.lock();
        state.life.is_some() && state.incarnation == incarnation
    }

    fn is_bound(&self) -> bool {
        self.lock().life.as_ref().is_some_and(|life| life.is_bound)
    }

    pub fn mark_bound(&self, incarnation: u64) {
        let mut state = self.lock();
        if state.incarnation == incarnation {
            if let Some(life) = &mut state.life {
                life.is_bound = true;
            }
        }
        drop(state);
        self.bound.notify_waiters();
    }

    /// Hands mail to the living incarnation; gives the mail back if there is none.
    pub fn send(&self, mail: Mail) -> Result<(), Mail> {
        match &self.lock().life {
            Some(life) => life.mail.send(mail).map_err(|error| error.0),
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
