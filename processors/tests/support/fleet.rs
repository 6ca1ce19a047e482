//! Real objects and real streams by name, without faults but crashes: a call reaches the object's
//! incarnation, which is started if there is none, and every write is durable at once.

use futures_util::future::{join_all, AbortHandle, FutureExt, LocalBoxFuture, Shared};
use runtime::{
    call::{Argument, Arguments, CallError, Capability, ObjectName},
    event::{Event, EventInput, Timestamp},
    object::{Class, Incarnation, Receiver},
    platform::{ByteStream, Note, OutboundCall, Platform, Store, Target, Task},
    quirk::Quirks,
    stream,
};
use semantics::{clock::Clock, memory::Memory};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    rc::Rc,
    sync::Arc,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How often alarms are looked for while time goes by.
const STEP_MS: u64 = 100;

#[derive(Clone)]
pub struct Fleet(Rc<Inner>);

struct Inner {
    clock: Clock,
    classes: BTreeMap<&'static str, Class>,
    residents: RefCell<BTreeMap<ObjectName, Resident>>,
}

#[derive(Default)]
struct Resident {
    store: Rc<Memory>,
    incarnations: u64,
    life: Option<Rc<Life>>,
}

struct Life {
    ports: Rc<Ports>,
    incarnation: Incarnation,
}

impl Fleet {
    /// A fleet of streams, and of these.
    pub fn of(classes: &[Class]) -> Self {
        let classes = classes.iter().chain([&stream::CLASS]);
        Fleet(Rc::new(Inner {
            clock: Clock::default(),
            classes: classes.map(|class| (class.binding, *class)).collect(),
            residents: RefCell::default(),
        }))
    }

    /// Calls an object from outside, and waits for what comes of it.
    pub fn call(
        &self,
        binding: &'static str,
        name: &str,
        method: &'static str,
        arguments: Arguments,
    ) -> Result<Argument, CallError> {
        let call = self.begin(binding, name, method, arguments);
        self.0.clock.run(call).expect("the call is answered")
    }

    /// The same for several calls that are made at the same time.
    pub fn call_together(
        &self,
        binding: &'static str,
        name: &str,
        method: &'static str,
        arguments: impl IntoIterator<Item = Arguments>,
    ) -> Vec<Result<Argument, CallError>> {
        let calls = arguments
            .into_iter()
            .map(|arguments| self.begin(binding, name, method, arguments));
        let calls: Vec<_> = calls.collect();
        let answers = self.0.clock.run(join_all(calls));
        answers.expect("the calls are answered")
    }

    fn begin(
        &self,
        binding: &'static str,
        name: &str,
        method: &'static str,
        arguments: Arguments,
    ) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let target = Target::Object(ObjectName::new(binding, name));
        self.deliver(target, method.to_owned(), arguments)
    }

    pub fn append(&self, stream: &str, events: Vec<EventInput>) {
        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
        let arguments = Arguments::new().with("events", Argument::shared(Arc::new(events)));
        let appended = self.call(stream::BINDING, stream, "appendBatch", arguments);
        appended.expect("the stream takes them");
    }

    pub fn log(&self, stream: &str) -> Vec<Arc<Event>> {
        let events = self.call(stream::BINDING, stream, "getEvents", Arguments::new());
        let events: Arc<Vec<Arc<Event>>> = events.unwrap().to_shared().unwrap();
        (*events).clone()
    }

    /// The object's incarnation ends without notice.
    pub fn crash(&self, binding: &'static str, name: &str) {
        let name = ObjectName::new(binding, name);
        let life = {
            let mut residents = self.0.residents.borrow_mut();
            residents
                .get_mut(&name)
                .and_then(|resident| resident.life.take())
        };
        life.expect("somebody lives there").ports.end();
        self.0.clock.settle();
    }

    /// Time goes by, and alarms ring.
    pub fn pass_ms(&self, duration_ms: u64) {
        let end_ms = self.0.clock.elapsed_ms() + duration_ms;
        while self.0.clock.elapsed_ms() < end_ms {
            let left_ms = end_ms - self.0.clock.elapsed_ms();
            self.0.clock.pass_ms(left_ms.min(STEP_MS));
            self.ring_alarms();
        }
        self.0.clock.settle();
    }

    fn ring_alarms(&self) {
        let now = self.0.clock.now();
        let due: Vec<ObjectName> = {
            let residents = self.0.residents.borrow();
            let due = residents.iter().filter(|(_, resident)| {
                let alarm = resident.store.alarm();
                alarm.is_some_and(|at| at <= now)
            });
            due.map(|(name, _)| name.clone()).collect()
        };
        for name in due {
            let life = self.life(&name);
            life.ports.store.set_alarm(None);
            let alarm = life.incarnation.alarm();
            life.ports.run(async move { drop(alarm.await) });
        }
    }

    /// The incarnation that lives; a new one, if none does.
    fn life(&self, name: &ObjectName) -> Rc<Life> {
        let ports = {
            let mut residents = self.0.residents.borrow_mut();
            let resident = residents.entry(name.clone()).or_default();
            if let Some(life) = &resident.life {
                return life.clone();
            }
            resident.incarnations += 1;
            let (ended, hears_end) = oneshot::channel();
            Rc::new(Ports {
                fleet: self.clone(),
                store: resident.store.clone(),
                incarnation: resident.incarnations,
                ids: Cell::new(0),
                tasks: RefCell::default(),
                ended: RefCell::new(Some(ended)),
                hears_end: hears_end.shared(),
            })
        };
        let class = self.0.classes[&*name.binding];
        let incarnation = Incarnation::start(class, name.clone(), ports.clone());
        let life = Rc::new(Life { ports, incarnation });
        let mut residents = self.0.residents.borrow_mut();
        let resident = residents.get_mut(name).expect("it was just entered");
        resident.life = Some(life.clone());
        life
    }

    fn receiver(&self, target: &Target) -> Result<(Rc<Life>, Receiver), CallError> {
        match target {
            Target::Object(name) if !self.0.classes.contains_key(&*name.binding) => {
                Err(CallError::Unresolved(format!("no class {}", name.binding)))
            }
            Target::Object(name) => Ok((self.life(name), Receiver::Object)),
            Target::Capability(capability) => match self.exporter(capability) {
                Some(life) => Ok((life, Receiver::Export(capability.export))),
                None => Err(CallError::Broken("its incarnation is gone".to_owned())),
            },
        }
    }

    fn exporter(&self, capability: &Capability) -> Option<Rc<Life>> {
        let residents = self.0.residents.borrow();
        let life = residents.get(&capability.object)?.life.clone()?;
        (life.ports.incarnation == capability.incarnation).then_some(life)
    }

    fn deliver(
        &self,
        target: Target,
        method: String,
        arguments: Arguments,
    ) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let (reply, outcome) = oneshot::channel();
        let fleet = self.clone();
        self.0.clock.spawn(async move {
            match fleet.receiver(&target) {
                // Whoever dropped the call does not miss its reply.
                Err(error) => drop(reply.send(Err(error))),
                Ok((life, receiver)) => life.ports.clone().run(async move {
                    life.incarnation.ready().await;
                    let answer = life.incarnation.deliver(receiver, method, arguments);
                    drop(reply.send(answer.await));
                }),
            }
        });
        Box::pin(async move {
            let died = || Err(CallError::Disconnected("the callee died".to_owned()));
            outcome.await.unwrap_or_else(|_| died())
        })
    }
}

/// The ports of one incarnation.
struct Ports {
    fleet: Fleet,
    store: Rc<Memory>,
    incarnation: u64,
    ids: Cell<u64>,
    tasks: RefCell<Vec<AbortHandle>>,
    ended: RefCell<Option<oneshot::Sender<()>>>,
    hears_end: Shared<oneshot::Receiver<()>>,
}

impl Ports {
    fn run(&self, work: impl std::future::Future<Output = ()> + 'static) {
        let task = self.fleet.0.clock.spawn(work);
        self.tasks.borrow_mut().push(task);
    }

    fn end(&self) {
        for task in self.tasks.take() {
            task.abort();
        }
        drop(self.ended.take());
    }
}

impl Platform for Ports {
    fn now(&self) -> Timestamp {
        self.fleet.0.clock.now()
    }

    fn sleep(&self, _what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        self.fleet.0.clock.sleep(duration_ms)
    }

    fn spawn(&self, _task: Task, work: LocalBoxFuture<'static, ()>) {
        self.run(work);
    }

    fn store(&self) -> Rc<dyn Store> {
        self.store.clone()
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let method = call.method.to_string();
        self.fleet.deliver(call.target, method, call.arguments)
    }

    fn has_namespace(&self, binding: &str) -> bool {
        self.fleet.0.classes.contains_key(binding)
    }

    fn broken(&self, capability: &Capability) -> LocalBoxFuture<'static, ()> {
        let life = self.fleet.exporter(capability);
        Box::pin(async move {
            if let Some(ended) = life.map(|life| life.ports.hears_end.clone()) {
                let _ = ended.await;
            }
        })
    }

    fn connect(
        &self,
        _host: &str,
        _port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn draw_id(&self) -> Uuid {
        self.ids.set(self.ids.get() + 1);
        Uuid::from_u64_pair(self.incarnation, self.ids.get())
    }

    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn abort(&self, reason: &str) {
        panic!("aborted: {reason}")
    }

    fn note(&self, _note: Note<'_>) {}

    fn quirks(&self) -> Quirks {
        Quirks::NONE
    }
}
