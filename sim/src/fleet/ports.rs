//! The runtime's `Platform`, as one incarnation sees it. Every port checks first whether the
//! incarnation still lives; if not, it does nothing, and futures of it never complete.

use super::{
    directory::Fleet,
    link::{Link, ReplySender, Request, DISCONNECT_MS},
    outside,
    records::{Commit, Delivery, OpenConnection, Published, Wake},
    resident::{Life, Mail, Phase, Resident},
    storage::{Refusals, SimStore},
};
use crate::{
    activity::PendingKind,
    choice::{Site, Subject},
    faults,
    network::{Disturbed, Fate, TcpStream},
    waits::{Owner, Waiting, WaitingCall},
};
use futures_util::future::LocalBoxFuture;
use madsim::{
    net::Endpoint,
    task::spawn_local,
    time::{sleep, Duration},
};
use runtime::{
    call::{Argument, CallError, Capability, ObjectName},
    event::{Event, Timestamp},
    platform::{
        ByteStream, Note, NoteKind, OutboundCall, Platform, Registered, Resource, Store, Target,
        Task, Tracker, WriteId,
    },
    quirk::Quirks,
    stream,
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, io,
    rc::{Rc, Weak},
    sync::{atomic::Ordering::Relaxed, Arc},
};
use tokio::sync::{oneshot, Mutex, Notify};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

pub(super) struct SimPorts {
    pub fleet: Arc<Fleet>,
    pub resident: Arc<Resident>,
    pub incarnation: u64,
    pub life: Arc<Life>,
    /// `stream p1:/a@2`, for the trace.
    place: String,
    store: Rc<SimStore>,
    endpoint: RefCell<Option<Endpoint>>,
    endpoint_set: Notify,
    lanes: RefCell<BTreeMap<u64, VecDeque<Outgoing>>>,
    broken_lanes: RefCell<BTreeSet<u64>>,
    links: RefCell<BTreeMap<ObjectName, LinkSlot>>,
    /// The connection that a capability's lane began on, and ends with.
    lane_links: RefCell<BTreeMap<u64, Weak<Link>>>,
    pairs: RefCell<BTreeMap<ObjectName, Subject>>,
    ids_drawn: Cell<u64>,
    this: Weak<SimPorts>,
}

/// How long the platform takes to refuse a call.
const REFUSAL_MS: u64 = 5;

/// The link to one target, while there is one; locked while it is being connected.
type LinkSlot = Rc<Mutex<Option<Rc<Link>>>>;

/// A call that waits for its turn in its lane.
struct Outgoing {
    call: OutboundCall,
    pair: Subject,
    delay_ms: u64,
    reply_lost: bool,
    in_flight: crate::activity::Pending,
    /// None if the caller was told that the call is lost.
    waiting: Option<(ReplySender, WaitingCall)>,
}

impl SimPorts {
    pub fn new(fleet: Arc<Fleet>, resident: Arc<Resident>, life: Arc<Life>) -> Rc<Self> {
        let incarnation = life.incarnation;
        let is_alive = {
            let life = life.clone();
            Rc::new(move || life.phase() != Phase::Dead)
        };
        let place = format!("{}@{incarnation}", resident.name);
        let (choices, subject) = (fleet.choices.clone(), resident.subject.clone());
        let (trace, at) = (fleet.trace.clone(), place.clone());
        let refusals = Refusals {
            draw: Box::new(move || choices.draw(&faults::STORAGE_WRITE_ERROR, &subject)),
            refused: Box::new(move |table| {
                trace.record(&at, "refused", format_args!("a write to {}", table.0));
            }),
        };
        let stored = life.stored.clone();
        let store = SimStore::new(stored, fleet.activity.clone(), is_alive, refusals);
        Rc::new_cyclic(|this| SimPorts {
            place,
            fleet,
            resident,
            incarnation,
            life,
            store: Rc::new(store),
            endpoint: RefCell::default(),
            endpoint_set: Notify::new(),
            lanes: RefCell::default(),
            broken_lanes: RefCell::default(),
            links: RefCell::default(),
            lane_links: RefCell::default(),
            pairs: RefCell::default(),
            ids_drawn: Cell::new(0),
            this: this.clone(),
        })
    }

    /// To whom this incarnation's work belongs.
    pub fn owner(&self) -> Owner {
        Owner {
            object: self.resident.name.clone(),
            incarnation: self.incarnation,
        }
    }

    pub fn is_alive(&self) -> bool {
        self.life.phase() != Phase::Dead
    }

    /// It is the incarnation that lives under its name: what it does can leave it.
    pub fn is_present(&self) -> bool {
        self.life.phase() == Phase::Present
    }

    pub fn sim_store(&self) -> Rc<SimStore> {
        self.store.clone()
    }

    pub fn trace(&self, kind: &'static str, detail: impl fmt::Display) {
        self.fleet.trace.record(&self.place, kind, detail);
    }

    pub fn crash_point(&self, site: &'static Site) -> bool {
        !self.is_alive()
            || self
                .fleet
                .crash_point(&self.resident, self.incarnation, site)
    }

    pub fn set_endpoint(&self, endpoint: Endpoint) {
        *self.endpoint.borrow_mut() = Some(endpoint);
        self.endpoint_set.notify_waiters();
    }

    pub async fn endpoint(&self) -> Endpoint {
        loop {
            if let Some(endpoint) = &*self.endpoint.borrow() {
                return endpoint.clone();
            }
            self.endpoint_set.notified().await;
        }
    }

    /// A call has ended: the object may be idle now, and the platform may evict it.
    pub fn consider_eviction(&self) {
        let after_ms = self
            .fleet
            .choices
            .delay_ms(&faults::EVICT_IDLE, &self.resident.subject);
        if after_ms > 0 {
            let (fleet, resident) = (self.fleet.clone(), self.resident.clone());
            let incarnation = self.incarnation;
            self.fleet.supervise(async move {
                sleep(Duration::from_millis(after_ms)).await;
                if fleet.choices.faults_on() && resident.is_living(incarnation) {
                    // Nobody there to take it: then there is nothing to evict.
                    let _ = resident.send(Mail::EvictIfIdle);
                }
            });
        }
    }

    /// Calls on this stub fail from now on: its connection was lost.
    pub fn break_lane(&self, lane: u64) {
        self.broken_lanes.borrow_mut().insert(lane);
    }

    fn pair(&self, target: &ObjectName) -> Subject {
        if let Some(pair) = self.pairs.borrow().get(target) {
            return pair.clone();
        }
        let pair = Subject::new(format!("{} → {target}", self.resident.name));
        self.pairs.borrow_mut().insert(target.clone(), pair.clone());
        pair
    }

    fn this(&self) -> Rc<SimPorts> {
        self.this.upgrade().expect("it is being used")
    }

    /// The link to a target: the one there is, or a new one.
    async fn link(&self, target: &Target) -> Result<Rc<Link>, CallError> {
        let wanted = match target {
            Target::Object(_) => None,
            Target::Capability(capability) => Some(capability.incarnation),
        };
        let slot = self
            .links
            .borrow_mut()
            .entry(target.object().clone())
            .or_default()
            .clone();
        let mut slot = slot.lock().await;
        let resident = self.fleet.resident(target.object())?;
        if wanted.is_none() && self.fleet.consider_twin(&resident) {
            // What waits on the old link waits until the old incarnation ends.
            *slot = None;
        }
        if let Some(link) = &*slot {
            if !link.is_dead() && wanted.is_none_or(|wanted| wanted == link.incarnation) {
                return Ok(link.clone());
            }
        }
        let link = Link::connect(&self.this(), &resident, wanted).await?;
        *slot = Some(link.clone());
        Ok(link)
    }

    /// Sends the calls of one lane, in order, until there are none.
    async fn run_lane(self: Rc<Self>, lane: u64) {
        loop {
            let next = self
                .lanes
                .borrow_mut()
                .get_mut(&lane)
                .and_then(VecDeque::pop_front);
            let Some(outgoing) = next else {
                self.lanes.borrow_mut().remove(&lane);
                return;
            };
            if !self.store.is_durable(outgoing.call.after) {
                self.store.durable(outgoing.call.after).await;
            }
            self.send(outgoing).await;
        }
    }

    async fn send(&self, outgoing: Outgoing) {
        let Outgoing { call, waiting, .. } = outgoing;
        let is_capability = matches!(call.target, Target::Capability(_));
        let link = match self.is_broken(&call) {
            true => Err(CallError::Broken("the connection was lost".to_owned())),
            false => self.link(&call.target).await,
        };
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                // Whoever dropped the call does not miss the reply.
                let _ = waiting.map(|(reply, _)| reply.send(Err(error)));
                return;
            }
        };
        if is_capability {
            let mut lane_links = self.lane_links.borrow_mut();
            let bound = lane_links.entry(call.lane);
            bound.or_insert_with(|| Rc::downgrade(&link));
        }
        if let Some(events) = call.arguments.get("events") {
            self.publish(events);
        }
        let request = Request {
            id: link.next_id(),
            lane: call.lane,
            capability: match &call.target {
                Target::Object(_) => None,
                Target::Capability(capability) => Some((capability.incarnation, capability.export)),
            },
            method: call.method,
            arguments: call.arguments,
            caller: self.resident.name.clone(),
            pair: outgoing.pair,
            delay_ms: outgoing.delay_ms,
            reply_lost: outgoing.reply_lost,
            overtaken: waiting.is_none() && !is_capability,
            is_forwarded: false,
            in_flight: Some(outgoing.in_flight),
            call: waiting.as_ref().map_or(0, |(_, waiting)| waiting.number()),
        };
        if !self.is_present() {
            return std::future::pending().await;
        }
        match waiting {
            Some((reply, waiting)) => link.send(request, reply, waiting).await,
            None => {
                // It is the last one that comes on this connection: what came before it does so
                // still, and what comes after it does not.
                if is_capability {
                    self.break_lane(call.lane);
                }
                link.send_unheard(request).await;
            }
        }
    }

    /// Writes down which events leave this stream, now that they are durable.
    pub(super) fn publish(&self, argument: &Argument) {
        let Argument::Shared(value) = argument else {
            return;
        };
        if self.resident.name.binding != stream::BINDING || !self.is_present() {
            return;
        }
        let value: Arc<dyn Any + Send + Sync> = value.clone();
        let events = match value.downcast::<Vec<Arc<Event>>>() {
            Ok(events) => events,
            Err(value) => match value.downcast::<Event>() {
                Ok(event) => Arc::new(vec![event]),
                Err(_) => return,
            },
        };
        let resets = self.life.stored.lock().expect("one thread").resets();
        self.fleet.record_published(Published {
            stream: self.resident.name.clone(),
            incarnation: self.incarnation,
            resets,
            events,
        });
    }

    /// Writes down what it cost to wake.
    pub(super) fn record_wake(&self) {
        let (rows_read, rows_written) = self.store.rows();
        self.fleet.record_wake(Wake {
            object: self.resident.name.clone(),
            incarnation: self.incarnation,
            rows_read,
            rows_written,
            found_stale: self.life.stored.lock().expect("one thread").found_stale(),
        });
    }

    /// A call that is not sent, and whose caller learns it after a while. What a capability's
    /// connection lost is lost for all later calls on it.
    fn fail(&self, call: &OutboundCall, reply: ReplySender, after_ms: u64, error: CallError) {
        if matches!(call.target, Target::Capability(_)) {
            self.break_lane(call.lane);
        }
        self.tell(reply, after_ms, error);
    }

    fn tell(&self, reply: ReplySender, after_ms: u64, error: CallError) {
        let timer = self.fleet.activity.sleep(after_ms);
        spawn_local(async move {
            timer.await;
            // Whoever dropped the call does not miss the reply.
            let _ = reply.send(Err(error));
        });
    }

    /// A stub on which something was lost stays broken.
    fn is_broken(&self, call: &OutboundCall) -> bool {
        if self.broken_lanes.borrow().contains(&call.lane) {
            return true;
        }
        let lane_links = self.lane_links.borrow();
        let bound = lane_links.get(&call.lane).map(Weak::upgrade);
        bound.is_some_and(|link| link.is_none_or(|link| link.is_dead()))
    }

    /// Faults of the network that begin with this call.
    fn disturb(&self, target: &ObjectName, pair: &Subject) {
        let (choices, ways) = (&self.fleet.choices, &self.fleet.ways);
        let here = &self.resident.name;
        if let Some(variant) = choices.variant(&faults::NET_PARTITION, pair) {
            self.trace("partition", format_args!("{target}: {variant}"));
            ways.part(here, target, variant);
        }
        let held_ms = choices.delay_ms(&faults::NET_HOLD, pair);
        if held_ms > 0 {
            self.trace("hold", format_args!("{target}: {held_ms} ms"));
            ways.hold(here, target, held_ms);
        }
    }

    /// A connection to or from the outside, with its fate.
    pub fn disturbed(&self, stream: TcpStream, subject: &Subject) -> Disturbed {
        let fate = Fate::draw(&self.fleet.choices, subject);
        if fate != Fate::default() {
            self.trace("disturbed", format_args!("{subject}: {fate}"));
        }
        Disturbed::new(stream, fate, self.fleet.healing.clone())
    }

    fn refused(error: CallError) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        Box::pin(async { Err(error) })
    }

    fn dead<T: 'static>() -> LocalBoxFuture<'static, T> {
        Box::pin(std::future::pending())
    }
}

impl Platform for SimPorts {
    fn now(&self) -> Timestamp {
        let offset_ms = self.life.clock_ms.load(Relaxed);
        Timestamp::from_unix_ms(crate::time::now().unix_ms + offset_ms)
    }

    fn sleep(&self, what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        if !self.is_alive() {
            return SimPorts::dead();
        }
        let whose = self.resident.subject.text();
        Box::pin(self.fleet.activity.sleep_named(whose, what, duration_ms))
    }

    fn spawn(&self, task: Task, work: LocalBoxFuture<'static, ()>) {
        if self.is_alive() {
            spawn_local(self.fleet.waits.start(self.owner(), task, work));
        }
    }

    fn store(&self) -> Rc<dyn Store> {
        self.store.clone()
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        if !self.is_present() || self.crash_point(&faults::CRASH_BEFORE_CALL) {
            return SimPorts::dead();
        }
        if self.is_broken(&call) {
            return SimPorts::refused(CallError::Broken("the connection was lost".to_owned()));
        }
        let choices = &self.fleet.choices;
        let pair = self.pair(call.target.object());
        let is_capability = matches!(call.target, Target::Capability(_));
        if is_capability && choices.yes(&faults::STUB_BROKEN, &pair) {
            self.break_lane(call.lane);
            return SimPorts::refused(CallError::Broken("the stub broke".to_owned()));
        }
        self.trace(
            "call",
            format_args!("{} on {}", call.method, call.target.object()),
        );
        self.disturb(call.target.object(), &pair);
        let here = &self.resident.name;
        let is_cut = self.fleet.ways.is_cut(here, call.target.object());
        let lost = || CallError::Disconnected("the request was lost".to_owned());
        let late_ms = choices.delay_ms(&faults::RPC_REQUEST_LATE, &pair);
        let (reply, outcome) = oneshot::channel();
        let waits = self.fleet.waits.clone();
        let mut number = None;
        if is_cut || choices.yes(&faults::RPC_REQUEST_LOST, &pair) {
            self.fail(&call, reply, DISCONNECT_MS, lost());
        } else if choices.yes(&faults::RPC_CALLEE_ERROR, &pair) {
            let error = CallError::Overloaded("too many calls".to_owned());
            self.fail(&call, reply, REFUSAL_MS, error);
        } else {
            let lane = call.lane;
            let callee = call.target.object().clone();
            let waiting = match late_ms {
                0 => {
                    let waiting = waits.begin_call(self.owner(), callee, call.method.clone());
                    number = Some(waiting.number());
                    Some((reply, waiting))
                }
                _ => {
                    self.tell(reply, DISCONNECT_MS, lost());
                    None
                }
            };
            let outgoing = Outgoing {
                delay_ms: choices.delay_ms(&faults::RPC_DELAY, &pair) + late_ms,
                reply_lost: choices.yes(&faults::RPC_REPLY_LOST, &pair),
                in_flight: (self.fleet.activity).begin_named(
                    PendingKind::Message,
                    pair.text(),
                    "call",
                ),
                call,
                pair,
                waiting,
            };
            let mut lanes = self.lanes.borrow_mut();
            let is_new = !lanes.contains_key(&lane);
            lanes.entry(lane).or_default().push_back(outgoing);
            if is_new {
                spawn_local(self.this().run_lane(lane));
            }
        }
        Box::pin(async move {
            let _waiting = number.and_then(|number| waits.for_reply(number));
            outcome
                .await
                .unwrap_or_else(|_| Err(CallError::Disconnected("the link ended".to_owned())))
        })
    }

    fn broken(&self, capability: &Capability) -> LocalBoxFuture<'static, ()> {
        if !self.is_present() {
            return SimPorts::dead();
        }
        let ports = self.this();
        let target = Target::Capability(capability.clone());
        Box::pin(async move {
            if let Ok(link) = ports.link(&target).await {
                link.died().await;
            }
        })
    }

    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        if !self.is_present() {
            return SimPorts::dead();
        }
        let Some(address) = self.fleet.resolve_host(host) else {
            let error = format!("no such host: {host}:{port}");
            return Box::pin(async { Err(io::Error::new(io::ErrorKind::NotFound, error)) });
        };
        self.trace("connect", format_args!("{host}:{port}"));
        let (ports, peer) = (self.this(), Arc::from(host));
        let subject = Subject::new(format!("{} → {host}", self.resident.name));
        let in_flight = self.fleet.activity.begin(PendingKind::Message);
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            drop(in_flight);
            let stream = ports.disturbed(stream, &subject);
            Ok(outside::gated(stream, peer, ports))
        })
    }

    fn has_namespace(&self, binding: &str) -> bool {
        self.fleet.has_class(binding)
    }

    fn draw_id(&self) -> Uuid {
        let drawn = self.ids_drawn.replace(self.ids_drawn.get() + 1);
        let name = format!("{}#{drawn}", self.place);
        let number = xxh3_128_with_seed(name.as_bytes(), self.fleet.seed);
        uuid::Builder::from_random_bytes(number.to_le_bytes()).into_uuid()
    }

    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn abort(&self, reason: &str) {
        self.fleet.crash(&self.resident, self.incarnation, reason);
    }

    fn note(&self, note: Note<'_>) {
        if !self.is_alive() {
            return;
        }
        let detail = note.detail;
        if !self.is_present() {
            return self.trace("in vain", detail);
        }
        match note.kind {
            NoteKind::Appended { first, last } => {
                self.trace("append", format_args!("{first}..={last} {detail}"));
                self.fleet.record_commit(Commit {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    first,
                    last,
                    at_ms: crate::time::since_start_ms(),
                });
            }
            NoteKind::Delivered {
                connection,
                first,
                last,
            } => {
                self.trace(
                    "batch",
                    format_args!("{first}..={last} to {detail} on {connection}"),
                );
                self.fleet.record_delivery(Delivery {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    connection,
                    key: detail.to_string(),
                    first,
                    last,
                });
            }
            NoteKind::Connected {
                connection,
                outbound,
            } => {
                let way = if outbound { "outbound" } else { "inbound" };
                self.trace(
                    "connected",
                    format_args!("{way} to {detail} on {connection}"),
                );
                self.fleet.record_connected(OpenConnection {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    connection,
                    key: detail.to_string(),
                    is_outbound: outbound,
                });
            }
            NoteKind::Disconnected { connection } => {
                self.trace("disconnected", format_args!("{detail} on {connection}"));
                let stream = &self.resident.name;
                self.fleet
                    .record_disconnected(stream, self.incarnation, connection);
            }
            NoteKind::CheckpointWriting { .. } => {
                self.crash_point(&faults::CRASH_BEFORE_CHECKPOINT);
            }
            NoteKind::CheckpointWritten { offset } => {
                self.trace("checkpoint", format_args!("{detail} at {offset}"));
                self.crash_point(&faults::CRASH_AFTER_CHECKPOINT);
            }
            NoteKind::Poisoned { offset } => {
                self.trace("poison", format_args!("{detail} at {offset}"));
            }
            NoteKind::Failure => self.trace("failure", detail),
            NoteKind::Info => self.trace("info", detail),
        }
    }

    fn holds(&self, resource: Resource) -> Registered {
        Box::new(self.fleet.waits.hold(resource))
    }

    fn waits_for(&self, resource: Resource) -> Registered {
        Box::new(self.fleet.waits.for_resource(resource))
    }

    fn track(&self, task: Task) -> Box<dyn Tracker> {
        Box::new(self.fleet.waits.track(self.owner(), task))
    }

    fn quirks(&self) -> Quirks {
        self.life.quirks
    }
}

/// What [`outside`] needs of an incarnation.
impl outside::OutputGate for SimPorts {
    fn newest_write(&self) -> WriteId {
        self.store.newest()
    }

    fn is_durable(&self, write: WriteId) -> bool {
        self.store.is_durable(write)
    }

    fn durable(&self, write: WriteId) -> LocalBoxFuture<'static, ()> {
        self.store.durable(write)
    }

    fn is_alive(&self) -> bool {
        SimPorts::is_alive(self)
    }

    fn is_present(&self) -> bool {
        SimPorts::is_present(self)
    }

    fn dies_at(&self, site: &'static Site) -> bool {
        self.crash_point(site)
    }

    fn waits_for_bytes(&self, peer: &Arc<str>) -> Option<Waiting> {
        self.fleet.waits.for_socket(peer)
    }
}
