//! The directory: who exists, and what the fleet wrote down of them.

use super::{
    published::{Published, PublishedLogs},
    records::{Commit, Delivery, Disturbance, Lifetime, OpenConnection, Still, Wake},
    resident::{ClientWork, Mail, Resident, Role, WorkerHandler},
    storage::{StoredObject, Write},
    ways::Ways,
};
use crate::{
    activity::Activity,
    choice::{Choices, Subject},
    network::Healing,
    trace::Trace,
    waits::Waits,
};
use madsim::runtime::{Handle, NodeHandle};
use runtime::{
    call::{CallError, ObjectName},
    event::Event,
    object::{Class, KV},
    platform::Key,
    quirk::Quirks,
    stream,
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

/// The port on which an object's node takes calls.
const CALL_PORT: u16 = 1;

pub struct Fleet {
    pub choices: Arc<Choices>,
    pub trace: Arc<Trace>,
    pub activity: Arc<Activity>,
    pub waits: Arc<Waits>,
    pub quirks: Quirks,
    /// More of them, in incarnations that run the old revision.
    pub(super) old_revision: Quirks,
    /// The whole fleet, as the subject of choices.
    pub(super) subject: Subject,
    /// Told when the faults are over.
    pub(super) healed: Notify,
    /// The world's seed, for identifiers.
    pub(super) seed: u64,
    classes: BTreeMap<&'static str, Class>,
    /// Outlives every object: alarms, restarts.
    supervisor: NodeHandle,
    pub(super) ways: Ways,
    pub(super) healing: Arc<Healing>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    residents: BTreeMap<ObjectName, Arc<Resident>>,
    hosts: BTreeMap<String, SocketAddr>,
    deliveries: Vec<Delivery>,
    commits: Vec<Commit>,
    lifetimes: Vec<Lifetime>,
    wakes: Vec<Wake>,
    published: PublishedLogs,
    connections: Vec<OpenConnection>,
    closed_connections: u64,
    crashes: u64,
    twins: u32,
}

impl Fleet {
    pub fn new(
        choices: Arc<Choices>,
        trace: Arc<Trace>,
        activity: Arc<Activity>,
        quirks: Quirks,
        old_revision: Quirks,
        seed: u64,
        classes: &[Class],
    ) -> Arc<Self> {
        let healing = Arc::new(Healing::default());
        let supervisor = Handle::current().create_node().name("supervisor").build();
        Arc::new(Fleet {
            waits: Waits::new(trace.clone()),
            choices,
            trace,
            activity,
            quirks,
            old_revision,
            subject: Subject::new("fleet"),
            healed: Notify::new(),
            seed,
            classes: classes
                .iter()
                .map(|class| (class.binding, *class))
                .collect(),
            supervisor,
            ways: Ways::new(healing.clone()),
            healing,
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
            .map(|resident| (resident.name.clone(), resident.stored()))
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
            .map(|resident| (resident.name.clone(), resident.stored()))
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

    pub fn wakes(&self) -> Vec<Wake> {
        self.lock().wakes.clone()
    }

    /// What left streams of the logs that they have now.
    pub fn published(&self) -> Vec<Published> {
        let inner = self.lock();
        inner.published.of_present_logs(|stream| {
            let stored = inner.residents[stream].stored();
            let resets = stored.lock().expect("one thread").resets();
            resets
        })
    }

    /// The connections of streams that live; those of an incarnation end with it.
    pub fn connections(&self) -> Vec<OpenConnection> {
        let inner = self.lock();
        let lives = |connection: &&OpenConnection| {
            let resident = inner.residents.get(&connection.stream);
            resident.is_some_and(|resident| {
                let state = resident.lock();
                state.tenure.is_some() && state.incarnation == connection.incarnation
            })
        };
        inner.connections.iter().filter(lives).cloned().collect()
    }

    /// How many outbound connections their streams closed; those that ended with an incarnation are
    /// not counted.
    pub fn closed_connections(&self) -> u64 {
        self.lock().closed_connections
    }

    /// How many incarnations a fault killed.
    pub fn crashes(&self) -> u64 {
        self.lock().crashes
    }

    /// An address that nobody has had yet, for the successor of an incarnation that goes on.
    pub(super) fn next_twin_address(&self) -> SocketAddr {
        let mut inner = self.lock();
        inner.twins += 1;
        let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 2, 0, 0)) + inner.twins);
        SocketAddr::from((ip, CALL_PORT))
    }

    pub(super) fn count_crash(&self) {
        self.lock().crashes += 1;
    }

    pub(super) fn record_delivery(&self, delivery: Delivery) {
        self.lock().deliveries.push(delivery);
    }

    pub(super) fn record_commit(&self, commit: Commit) {
        self.lock().commits.push(commit);
    }

    pub(super) fn record_wake(&self, wake: Wake) {
        self.lock().wakes.push(wake);
    }

    pub(super) fn record_published(
        &self,
        stream: &ObjectName,
        resets: u64,
        incarnation: u64,
        events: &[Arc<Event>],
    ) {
        let mut inner = self.lock();
        inner.published.record(stream, resets, incarnation, events);
    }

    pub(super) fn record_beginning(&self, object: &ObjectName, incarnation: u64, clock_ms: i64) {
        self.lock().lifetimes.push(Lifetime {
            object: object.clone(),
            incarnation,
            began_ms: crate::time::since_start_ms(),
            ended_ms: None,
            clock_ms,
            stills: Vec::new(),
            disturbances: Vec::new(),
        });
    }

    pub(super) fn record_end(&self, object: &ObjectName, incarnation: u64) {
        let at_ms = crate::time::since_start_ms();
        self.record_of(object, incarnation, |life| life.ended_ms = Some(at_ms));
    }

    pub(super) fn record_pause(&self, object: &ObjectName, incarnation: u64) {
        let still = Still {
            began_ms: crate::time::since_start_ms(),
            ended_ms: None,
        };
        self.record_of(object, incarnation, |life| life.stills.push(still));
    }

    pub(super) fn record_resume(&self, object: &ObjectName, incarnation: u64) {
        let at_ms = crate::time::since_start_ms();
        self.record_of(object, incarnation, |life| {
            let still = life.stills.last_mut();
            still.expect("it stood still").ended_ms = Some(at_ms);
        });
    }

    /// A connection to or from the outside got a fate.
    pub(super) fn record_disturbance(
        &self,
        object: &ObjectName,
        incarnation: u64,
        is_accepted: bool,
    ) {
        let disturbance = Disturbance {
            is_accepted,
            at_ms: crate::time::since_start_ms(),
        };
        self.record_of(object, incarnation, |life| {
            life.disturbances.push(disturbance);
        });
    }

    fn record_of(&self, object: &ObjectName, incarnation: u64, note: impl FnOnce(&mut Lifetime)) {
        let mut inner = self.lock();
        let mut latest = inner.lifetimes.iter_mut().rev();
        let life = latest.find(|life| life.object == *object && life.incarnation == incarnation);
        note(life.expect("it began"));
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
        let mut inner = self.lock();
        let is_it = |open: &OpenConnection| {
            (&open.stream, open.incarnation, open.connection) == (stream, incarnation, connection)
        };
        let ended = inner.connections.iter().position(is_it);
        if let Some(place) = ended {
            let ended = inner.connections.remove(place);
            inner.closed_connections += u64::from(ended.is_outbound);
        }
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
            true => StoredObject::with_cache(KV, Key::from(stream::STATE_KEY))
                .append_only(stream::EVENT_CHUNKS),
            false => StoredObject::default(),
        };
        let resident = Arc::new(Resident::new(name.clone(), role, address, stored));
        inner.residents.insert(name, resident.clone());
        resident
    }

    /// Everybody, by name.
    pub(super) fn residents(&self) -> Vec<Arc<Resident>> {
        self.lock().residents.values().cloned().collect()
    }

    /// Ends every incarnation, so that all of their tasks are dropped. What they leave in storage is in
    /// a trace in full, if it was not before.
    pub fn shut_down(&self) {
        for resident in self.residents() {
            let stored = resident.stored();
            for (table, key, row) in stored.lock().expect("one thread").take_untold() {
                let row = row.as_deref().unwrap_or_default();
                let row = Write::Put(table, &key, row);
                self.trace.record_row(&resident.subject, "row", row);
            }
            resident.shut_down();
        }
        Handle::current().kill(self.supervisor.id());
        self.lock().residents.clear();
    }

    /// Runs work that outlives every object.
    pub(super) fn supervise(&self, work: impl std::future::Future<Output = ()> + Send + 'static) {
        self.supervisor.spawn(work);
    }
}
