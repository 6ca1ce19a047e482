//! Objects by name on one thread, with tokio's paused clock: time stands still while anything runs.

use super::{
    disk::{Disk, Handle},
    json_transport,
    stream::Stream,
};
use futures_util::{future::LocalBoxFuture, FutureExt};
use runtime::{
    call::{Argument, CallError, Capability, ObjectName},
    event::{StreamName, Timestamp},
    object::{Class, Context, Incarnation, Object, Receiver},
    platform::{ByteStream, Note, NoteKind, OutboundCall, Platform, Store, Target, Task, WriteId},
    quirk::Quirks,
    stream,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    io,
    panic::AssertUnwindSafe,
    rc::Rc,
    time::Duration,
};
use tokio::{
    io::DuplexStream,
    sync::{oneshot, Notify},
    task::{spawn_local, AbortHandle},
    time::{sleep, Instant},
};
use uuid::Uuid;

/// Builds an object of a test.
pub type Construct = Rc<dyn Fn(Context) -> Rc<dyn Object>>;

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Call {
    pub target: ObjectName,
    pub method: String,
    pub lane: u64,
    /// The write that it follows.
    pub after: WriteId,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Arrives,
    /// Arrives so many milliseconds later.
    Late(u64),
    RequestLost,
    ReplyLost,
}

/// Serves one connection.
type Host = Rc<dyn Fn(DuplexStream) -> LocalBoxFuture<'static, ()>>;

type Decide = Box<dyn FnMut(&Call) -> Fate>;

const STEP_MS: u64 = 100;
const BEGAN_MS: i64 = 1_772_136_258_000;

#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    classes: RefCell<BTreeMap<&'static str, Construct>>,
    residents: RefCell<BTreeMap<ObjectName, Rc<Resident>>>,
    calls: RefCell<Vec<Call>>,
    notes: RefCell<Vec<(NoteKind, String)>>,
    fate: RefCell<Decide>,
    panics: RefCell<Vec<String>>,
    clients: Rc<RefCell<BTreeMap<ObjectName, Context>>>,
    hosts: RefCell<BTreeMap<String, Host>>,
    began: Instant,
    clock_jump_ms: Cell<i64>,
    writes_json: Cell<bool>,
}

struct Resident {
    name: ObjectName,
    disk: Rc<Disk>,
    life: RefCell<Option<Rc<Life>>>,
    incarnations: Cell<u64>,
}

struct Life {
    ports: Rc<Ports>,
    incarnation: Incarnation,
}

thread_local! {
    /// The constructor of the object that is being built: `Class` takes no closures.
    static BUILDING: RefCell<Option<Construct>> = const { RefCell::new(None) };
}

fn construct(context: Context) -> Rc<dyn Object> {
    let build = BUILDING.take().expect("set before the object is built");
    build(context)
}

/// Runs a test in a world with streams.
pub fn run<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let world = World::new();
        test(world.clone()).await;
        world.settle().await;
        assert_eq!(*world.0.panics.borrow(), Vec::<String>::new());
    });
}

impl World {
    fn new() -> Self {
        let world = World(Rc::new(Inner {
            classes: RefCell::default(),
            residents: RefCell::default(),
            calls: RefCell::default(),
            notes: RefCell::default(),
            fate: RefCell::new(Box::new(|_| Fate::Arrives)),
            panics: RefCell::default(),
            clients: Rc::default(),
            hosts: RefCell::default(),
            began: Instant::now(),
            clock_jump_ms: Cell::new(0),
            writes_json: Cell::new(false),
        }));
        world.add_class(stream::BINDING, stream::CLASS.construct);
        world
    }

    pub fn add_class(
        &self,
        binding: &'static str,
        build: impl Fn(Context) -> Rc<dyn Object> + 'static,
    ) {
        let mut classes = self.0.classes.borrow_mut();
        classes.insert(binding, Rc::new(build));
    }

    /// An outside host, at an address such as `example.com:443`.
    pub fn add_host(
        &self,
        address: &str,
        serve: impl Fn(DuplexStream) -> LocalBoxFuture<'static, ()> + 'static,
    ) {
        let mut hosts = self.0.hosts.borrow_mut();
        hosts.insert(address.to_owned(), Rc::new(serve));
    }

    pub fn stream(&self, name: &str) -> Stream {
        let name = StreamName::parse(name).expect("a stream's name");
        Stream::new(self.clone(), name, self.client("client"))
    }

    /// Somebody who calls objects and exports capabilities, and may be crashed.
    pub fn client(&self, name: &str) -> Context {
        struct Nobody(Context);
        impl Object for Nobody {
            fn call(
                self: Rc<Self>,
                method: String,
                _: runtime::call::Arguments,
            ) -> runtime::object::Reply {
                let binding = self.0.name().binding.clone();
                Box::pin(async move { Err(runtime::object::unknown_method(&binding, &method)) })
            }
        }
        let name = ObjectName::new("CLIENT", name);
        let contexts = self.0.clients.clone();
        self.add_class("CLIENT", move |context| {
            let name = context.name().clone();
            contexts.borrow_mut().insert(name, context.clone());
            Rc::new(Nobody(context))
        });
        self.start(&name);
        let clients = self.0.clients.borrow();
        clients[&name].clone()
    }

    /// Everything that can run now runs.
    pub async fn settle(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    /// Time goes by, and alarms ring.
    pub async fn pass_ms(&self, duration_ms: u64) {
        let end = self.0.began.elapsed().as_millis() as u64 + duration_ms;
        loop {
            let now = self.0.began.elapsed().as_millis() as u64;
            let residents: Vec<_> = self.0.residents.borrow().values().cloned().collect();
            for resident in residents {
                if resident.disk.alarm().is_some_and(|at| at <= self.now()) {
                    self.ring(&resident.name);
                }
            }
            if now >= end {
                return self.settle().await;
            }
            sleep(Duration::from_millis(STEP_MS.min(end - now))).await;
        }
    }

    pub fn now(&self) -> Timestamp {
        let elapsed_ms = self.0.began.elapsed().as_millis() as i64;
        Timestamp::from_unix_ms(BEGAN_MS + elapsed_ms + self.0.clock_jump_ms.get())
    }

    pub fn jump_clock_ms(&self, by_ms: i64) {
        self.0.clock_jump_ms.set(self.0.clock_jump_ms.get() + by_ms);
    }

    /// Decides the fate of every call from now on.
    pub fn on_call(&self, fate: impl FnMut(&Call) -> Fate + 'static) {
        *self.0.fate.borrow_mut() = Box::new(fate);
    }

    /// From now on the values of calls and replies travel as JSON.
    pub fn write_json(&self) {
        self.0.writes_json.set(true);
    }

    /// How often this method was called.
    pub fn calls(&self, method: &str) -> usize {
        let calls = self.0.calls.borrow();
        calls.iter().filter(|call| call.method == method).count()
    }

    /// The last call of this method.
    pub fn last_call_of(&self, method: &str) -> Call {
        let calls = self.0.calls.borrow();
        let last = calls.iter().rfind(|call| call.method == method);
        last.expect("such a call").clone()
    }

    /// The lanes of the calls to an object by name, in the order of the calls.
    pub fn lanes_to(&self, name: &str) -> Vec<u64> {
        let calls = self.0.calls.borrow();
        let there = calls.iter().filter(|call| *call.target.name == *name);
        there.map(|call| call.lane).collect()
    }

    pub fn notes(&self, wanted: impl Fn(&NoteKind) -> bool) -> Vec<String> {
        let notes = self.0.notes.borrow();
        let wanted = notes.iter().filter(|(kind, _)| wanted(kind));
        wanted.map(|(_, detail)| detail.clone()).collect()
    }

    /// Panics of product code, which the test expects.
    pub fn take_panics(&self) -> Vec<String> {
        self.0.panics.take()
    }

    pub fn disk(&self, name: &ObjectName) -> Rc<Disk> {
        self.resident(name).disk.clone()
    }

    pub fn incarnation(&self, name: &ObjectName) -> u64 {
        self.resident(name).incarnations.get()
    }

    pub fn is_idle(&self, name: &ObjectName) -> bool {
        let life = self.start(name);
        life.incarnation.is_idle()
    }

    /// The incarnation ends without notice.
    pub fn crash(&self, name: &ObjectName) {
        let life = self.resident(name).life.take();
        if let Some(life) = life {
            life.ports.end();
        }
    }

    /// The alarm rings, in whatever incarnation.
    pub fn ring(&self, name: &ObjectName) {
        self.resident(name).disk.take_alarm();
        let life = self.start(name);
        let alarm = life.incarnation.alarm();
        life.ports.run(async move {
            // Retrying is the platform's part.
            let _ = alarm.await;
        });
    }

    /// Runs work. A panic of it fails the test, in the end.
    fn spawn(&self, work: impl Future<Output = ()> + 'static) -> AbortHandle {
        let world = self.clone();
        let task = spawn_local(async move {
            if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
                let message = panic.downcast_ref::<String>().cloned();
                let message = message.unwrap_or_else(|| "a panic".to_owned());
                world.0.panics.borrow_mut().push(message);
            }
        });
        task.abort_handle()
    }

    fn resident(&self, name: &ObjectName) -> Rc<Resident> {
        let mut residents = self.0.residents.borrow_mut();
        let resident = residents.entry(name.clone()).or_insert_with(|| {
            Rc::new(Resident {
                name: name.clone(),
                disk: Rc::default(),
                life: RefCell::default(),
                incarnations: Cell::new(0),
            })
        });
        resident.clone()
    }

    /// The incarnation that lives; a new one, if none does.
    fn start(&self, name: &ObjectName) -> Rc<Life> {
        let resident = self.resident(name);
        if let Some(life) = &*resident.life.borrow() {
            return life.clone();
        }
        let class = name.binding.as_ref();
        let (binding, build) = {
            let classes = self.0.classes.borrow();
            let class = classes.get_key_value(class).expect("checked by the caller");
            (*class.0, class.1.clone())
        };
        resident.incarnations.set(resident.incarnations.get() + 1);
        let ports = Rc::new_cyclic(|this| Ports {
            world: self.clone(),
            name: name.clone(),
            disk: resident.disk.clone(),
            incarnation: resident.incarnations.get(),
            alive: Rc::new(Cell::new(true)),
            tasks: RefCell::default(),
            ended: Notify::new(),
            ids: Cell::new(0),
            this: this.clone(),
        });
        BUILDING.set(Some(build));
        let class = Class { binding, construct };
        let incarnation = Incarnation::start(class, name.clone(), ports.clone());
        let life = Rc::new(Life { ports, incarnation });
        if life.ports.alive.get() {
            *resident.life.borrow_mut() = Some(life.clone());
        }
        life
    }

    fn living(&self, name: &ObjectName, incarnation: u64) -> Option<Rc<Life>> {
        let resident = self.resident(name);
        let life = resident.life.borrow().clone();
        life.filter(|life| life.ports.incarnation == incarnation)
    }

    fn receiver(&self, target: &Target) -> Result<(Rc<Life>, Receiver), CallError> {
        match target {
            Target::Object(name) => match self.0.classes.borrow().get(name.binding.as_ref()) {
                None => Err(CallError::Unresolved(format!("no class {}", name.binding))),
                Some(_) => Ok(()),
            }
            .map(|()| (self.start(name), Receiver::Object)),
            Target::Capability(Capability {
                object,
                incarnation,
                export,
            }) => match self.living(object, *incarnation) {
                Some(life) => Ok((life, Receiver::Export(*export))),
                None => Err(CallError::Broken(format!("{object}@{incarnation} is gone"))),
            },
        }
    }
}

/// The ports of one incarnation.
struct Ports {
    world: World,
    name: ObjectName,
    disk: Rc<Disk>,
    incarnation: u64,
    alive: Rc<Cell<bool>>,
    tasks: RefCell<Vec<AbortHandle>>,
    ended: Notify,
    ids: Cell<u64>,
    this: std::rc::Weak<Ports>,
}

impl Ports {
    fn end(&self) {
        self.alive.set(false);
        self.disk.crash();
        for task in self.tasks.take() {
            task.abort();
        }
        self.ended.notify_waiters();
    }

    /// Runs work of this incarnation. A panic of it is the test's.
    fn run(&self, work: impl Future<Output = ()> + 'static) {
        if !self.alive.get() {
            return;
        }
        let task = self.world.spawn(work);
        self.tasks.borrow_mut().push(task);
    }
}

impl Platform for Ports {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn sleep(&self, _what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(sleep(Duration::from_millis(duration_ms)))
    }

    fn spawn(&self, _task: Task, work: LocalBoxFuture<'static, ()>) {
        self.run(work);
    }

    fn store(&self) -> Rc<dyn Store> {
        Rc::new(Handle {
            disk: self.disk.clone(),
            alive: self.alive.clone(),
        })
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        if !self.alive.get() {
            return Box::pin(std::future::pending());
        }
        let seen = Call {
            target: call.target.object().clone(),
            method: call.method.to_string(),
            after: call.after,
            lane: call.lane,
        };
        let fate = (self.world.0.fate.borrow_mut())(&seen);
        self.world.0.calls.borrow_mut().push(seen);
        let (reply, outcome) = oneshot::channel();
        let world = self.world.clone();
        let writes_json = world.0.writes_json.get();
        self.world.spawn(async move {
            let lost = || Err(CallError::Disconnected("the test lost it".to_owned()));
            if let Fate::Late(late_ms) = fate {
                sleep(Duration::from_millis(late_ms)).await;
            }
            // Whoever dropped the call does not miss its reply.
            let _ = match world.receiver(&call.target) {
                _ if fate == Fate::RequestLost => reply.send(lost()),
                Err(error) => reply.send(Err(error)),
                Ok((life, receiver)) => {
                    let ports = life.ports.clone();
                    ports.run(async move {
                        life.incarnation.ready().await;
                        let method = call.method.to_string();
                        let arguments = match writes_json {
                            true => json_transport::arguments(&call.arguments),
                            false => call.arguments,
                        };
                        let answer = life.incarnation.deliver(receiver, method, arguments);
                        let outcome = match answer.await {
                            Ok(reply) if writes_json => Ok(json_transport::argument(&reply)),
                            outcome => outcome,
                        };
                        if !life.ports.alive.get() {
                            return;
                        }
                        let _ = reply.send(match fate {
                            Fate::ReplyLost => lost(),
                            _ => outcome,
                        });
                    });
                    Ok(())
                }
            };
        });
        Box::pin(async move {
            let died = || Err(CallError::Disconnected("the callee died".to_owned()));
            outcome.await.unwrap_or_else(|_| died())
        })
    }

    fn broken(&self, capability: &Capability) -> LocalBoxFuture<'static, ()> {
        let (world, capability) = (self.world.clone(), capability.clone());
        Box::pin(async move {
            let life = world.living(&capability.object, capability.incarnation);
            let Some(ports) = life.map(|life| life.ports.clone()) else {
                return;
            };
            let ended = ports.ended.notified();
            if ports.alive.get() {
                ended.await;
            }
        })
    }

    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        let hosts = self.world.0.hosts.borrow();
        let Some(host) = hosts.get(&format!("{host}:{port}")) else {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let (here, there) = tokio::io::duplex(64 * 1024);
        self.world.spawn(host(there));
        Box::pin(async move { Ok(Box::new(here) as Box<dyn ByteStream>) })
    }

    fn has_namespace(&self, binding: &str) -> bool {
        self.world.0.classes.borrow().contains_key(binding)
    }

    fn draw_id(&self) -> Uuid {
        self.ids.set(self.ids.get() + 1);
        Uuid::from_u64_pair(self.incarnation, self.ids.get())
    }

    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn abort(&self, _reason: &str) {
        let this = self.this.upgrade().expect("it is being used");
        let is_current = self
            .world
            .living(&self.name, self.incarnation)
            .is_some_and(|life| Rc::ptr_eq(&life.ports, &this));
        match is_current {
            true => self.world.crash(&self.name),
            // Its constructor gives up.
            false if self.alive.get() => self.end(),
            false => {}
        }
    }

    fn note(&self, note: Note<'_>) {
        let mut notes = self.world.0.notes.borrow_mut();
        notes.push((note.kind, note.detail.to_string()));
    }

    fn quirks(&self) -> Quirks {
        Quirks::NONE
    }
}
