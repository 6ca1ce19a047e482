//! The runtime's `Platform`, as one incarnation sees it. Every port checks first whether the
//! incarnation still lives; if not, it does nothing, and futures of it never complete.

use super::{
    calls::Outbox,
    directory::Fleet,
    outside,
    resident::{Life, Mail, Phase, Resident},
    storage::{Listener, Refusals, SimStore},
};
use crate::{
    activity::PendingKind,
    choice::{Site, Subject},
    faults,
    network::{Disturbed, Fate, TcpStream},
    waits::{Owner, Waiting},
};
use futures_util::future::LocalBoxFuture;
use madsim::{
    net::Endpoint,
    task::spawn_local,
    time::{sleep, Duration},
};
use runtime::{
    call::{Argument, CallError, Capability},
    event::Timestamp,
    platform::{
        ByteStream, Note, OutboundCall, Platform, Registered, Resource, Store, Target, Task,
        Tracker, WriteId,
    },
    quirk::Quirks,
};
use std::{
    cell::{Cell, RefCell},
    fmt, io,
    rc::{Rc, Weak},
    sync::{atomic::Ordering::Relaxed, Arc},
};
use tokio::sync::Notify;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

pub(super) struct SimPorts {
    pub fleet: Arc<Fleet>,
    pub resident: Arc<Resident>,
    pub incarnation: u64,
    pub life: Arc<Life>,
    /// `stream p1:/a@2`, for the trace.
    place: String,
    pub(super) store: Rc<SimStore>,
    endpoint: RefCell<Option<Endpoint>>,
    endpoint_set: Notify,
    pub(super) calls: Outbox,
    ids_drawn: Cell<u64>,
    this: Weak<SimPorts>,
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
        let listener = Listener::new(&fleet.trace, &place);
        let store = SimStore::new(stored, fleet.activity.clone(), is_alive, refusals);
        let store = store.heard_by(listener);
        Rc::new_cyclic(|this| SimPorts {
            place,
            fleet,
            resident,
            incarnation,
            life,
            store: Rc::new(store),
            endpoint: RefCell::default(),
            endpoint_set: Notify::new(),
            calls: Outbox::default(),
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

    pub(super) fn this(&self) -> Rc<SimPorts> {
        self.this.upgrade().expect("it is being used")
    }

    /// A connection to or from the outside, with its fate.
    pub fn disturbed(&self, stream: TcpStream, subject: &Subject) -> Disturbed {
        let fate = Fate::draw(&self.fleet.choices, subject);
        if fate != Fate::default() {
            self.trace("disturbed", format_args!("{subject}: {fate}"));
            // What an object or worker does itself has a subject that names both sides.
            let is_accepted = *subject.text() == *self.resident.subject.text();
            let object = &self.resident.name;
            (self.fleet).record_disturbance(object, self.incarnation, is_accepted);
        }
        Disturbed::new(stream, fate, self.fleet.healing.clone())
    }

    pub fn dead<T: 'static>() -> LocalBoxFuture<'static, T> {
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
        self.place(call)
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
        self.take_note(note);
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
