//! The callee's side: one incarnation on its node: starts the object, takes connections, delivers
//! calls in the order of each stub, sends replies through the output gate, and flushes storage.

use super::{
    directory::Fleet,
    link::{ReplyMessage, Request},
    outside,
    ports::SimPorts,
    resident::{Life, Mail, Resident, Role, WorkerHandler},
};
use crate::{activity::PendingKind, faults, waits::CallState};
use madsim::{
    net::{Endpoint, Receiver as LinkReceiver, Sender as LinkSender, TcpListener},
    task::spawn_local,
    time::{sleep, Duration},
};
use runtime::{
    call::{Argument, Arguments, CallError},
    object::{unknown_method, Class, Context, Incarnation, Object, Receiver, Reply},
    platform::Store,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    future::{poll_fn, Future},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
};
use tokio::sync::mpsc;

/// An ordinary flush to disk.
const FLUSH_MS: u64 = 1;

/// Runs one incarnation until its node is killed.
pub(super) async fn serve(
    fleet: Arc<Fleet>,
    resident: Arc<Resident>,
    life: Arc<Life>,
    inbox: mpsc::UnboundedReceiver<Mail>,
) {
    let ports = SimPorts::new(fleet, resident.clone(), life);
    start_slowly(&ports).await;
    spawn_local(flush(ports.clone()));
    match resident.role {
        Role::Object(class) => serve_object(ports, class, inbox).await,
        Role::Worker { handler, listen } => serve_worker(ports, handler, listen).await,
        Role::Client => serve_client(ports, inbox).await,
    }
}

async fn start_slowly(ports: &SimPorts) {
    if matches!(ports.resident.role, Role::Client) {
        return;
    }
    let (fleet, subject) = (&ports.fleet, &ports.resident.subject);
    let slow_ms = fleet.choices.delay_ms(&faults::SLOW_START, subject);
    if slow_ms > 0 {
        fleet.sleep_while_faulty(slow_ms).await;
    }
}

/// Somebody outside the platform: has no methods, but what it exports can be called.
struct Visitor;

impl Object for Visitor {
    fn call(self: Rc<Self>, method: String, _arguments: Arguments) -> Reply {
        let error = unknown_method("CLIENT", &method);
        Box::pin(async { Err(error) })
    }
}

const VISITOR: Class = Class {
    binding: "CLIENT",
    construct: |_| Rc::new(Visitor),
};

async fn serve_client(ports: Rc<SimPorts>, mut inbox: mpsc::UnboundedReceiver<Mail>) {
    let client = start(&ports, VISITOR).await;
    while let Some(mail) = inbox.recv().await {
        if let Mail::Work(work) = mail {
            let context = client.context();
            context.spawn("client", work(context.clone()));
        }
    }
}

/// Starts an incarnation and takes connections to it.
async fn start(ports: &Rc<SimPorts>, class: Class) -> Rc<Incarnation> {
    let resident = ports.resident.clone();
    let object = Rc::new(Incarnation::start(
        class,
        resident.name.clone(),
        ports.clone(),
    ));
    ports.record_wake();
    let endpoint = Endpoint::bind(ports.life.address)
        .await
        .expect("the address is this node's own");
    ports.set_endpoint(endpoint.clone());
    resident.mark_bound(ports.incarnation);
    let (ports, accepted) = (ports.clone(), object.clone());
    spawn_local(async move {
        while let Ok((sender, receiver, _)) = endpoint.accept1().await {
            let connection = Rc::new(ServerLink {
                ports: ports.clone(),
                object: accepted.clone(),
                sender,
                delayed: RefCell::default(),
            });
            spawn_local(connection.run(receiver));
        }
    });
    object
}

async fn serve_object(ports: Rc<SimPorts>, class: Class, mut inbox: mpsc::UnboundedReceiver<Mail>) {
    let resident = ports.resident.clone();
    let object = start(&ports, class).await;
    while let Some(mail) = inbox.recv().await {
        match mail {
            Mail::Alarm(done) => {
                let object = object.clone();
                let ports = ports.clone();
                spawn_local(async move {
                    object.ready().await;
                    let waits = &ports.fleet.waits;
                    let handling =
                        waits.handle(ports.owner(), "alarm".into(), None, || object.alarm());
                    let outcome = handling.await;
                    if let Err(error) = &outcome {
                        ports.trace("alarm", format_args!("failed: {error}"));
                    }
                    let store = ports.sim_store();
                    store.durable(store.newest()).await;
                    // The platform may have stopped waiting; the handler ran all the same. If it
                    // died meanwhile, nothing that it did counts.
                    let _ = done.send(outcome.is_ok() && ports.is_alive());
                });
            }
            Mail::Work(_) => panic!("work is for clients"),
            Mail::EvictIfIdle => {
                // Whoever stood still reads it late, maybe when the world has healed.
                if ports.fleet.choices.faults_on() && is_idle(&object, &resident) {
                    ports.fleet.evict(&resident, ports.incarnation);
                }
            }
            Mail::TellIdle(told) => {
                // Who asked waits for it.
                let _ = told.send(is_idle(&object, &resident));
            }
        }
    }
}

/// An eviction would cut nothing off, and lose nothing.
fn is_idle(object: &Incarnation, resident: &Resident) -> bool {
    object.is_idle() && resident.stored().lock().expect("one thread").volatile() == 0
}

async fn serve_worker(ports: Rc<SimPorts>, handler: WorkerHandler, listen: SocketAddr) {
    let endpoint = Endpoint::bind(SocketAddr::from((listen.ip(), 1)))
        .await
        .expect("the address is this node's own");
    ports.set_endpoint(endpoint);
    let context = Context::new(ports.resident.name.clone(), ports.clone());
    let listener = TcpListener::bind(listen)
        .await
        .expect("the address is this node's own");
    ports.resident.mark_bound(ports.incarnation);
    while let Ok((stream, _)) = listener.accept().await {
        let stream = ports.disturbed(stream.into(), &ports.resident.subject);
        let stream = outside::gated(stream, "a client".into(), ports.clone());
        context.spawn("connection", handler(context.clone(), stream));
    }
}

/// Makes closed transactions durable, one after the other.
async fn flush(ports: Rc<SimPorts>) {
    let (fleet, resident) = (ports.fleet.clone(), ports.resident.clone());
    let store = ports.sim_store();
    loop {
        let (write, writes) = store.next_closed().await;
        let slow_ms = fleet
            .choices
            .delay_ms(&faults::STORAGE_SLOW, &resident.subject);
        sleep(Duration::from_millis(FLUSH_MS + slow_ms)).await;
        if !ports.is_present()
            || fleet.crash_point(&resident, ports.incarnation, &faults::CRASH_BEFORE_COMMIT)
        {
            return;
        }
        if (fleet.choices).yes(&faults::STORAGE_FLUSH_FAILS, &resident.subject) {
            fleet.reset(&resident, ports.incarnation);
            return;
        }
        let alarm_changed = store.flush_one();
        ports.trace("commit", format_args!("#{} {writes} writes", write.0));
        if alarm_changed {
            fleet.alarm_changed(&resident);
        }
        if fleet.crash_point(&resident, ports.incarnation, &faults::CRASH_AFTER_COMMIT) {
            return;
        }
    }
}

/// One caller's connection.
struct ServerLink {
    ports: Rc<SimPorts>,
    object: Rc<Incarnation>,
    sender: LinkSender,
    /// Requests that are held back, by lane; the lane's later ones queue behind them.
    delayed: RefCell<BTreeMap<u64, VecDeque<Request>>>,
}

impl ServerLink {
    async fn run(self: Rc<Self>, mut receiver: LinkReceiver) {
        let fleet = self.ports.fleet.clone();
        while let Ok(payload) = receiver.recv().await {
            let request = *payload
                .downcast::<Request>()
                .expect("links carry requests this way");
            let here = &self.ports.resident.name;
            fleet.ways.passage(&request.caller, here).await;
            if request.overtaken {
                spawn_local(self.clone().deliver_overtaken(request));
                continue;
            }
            let is_queued = self.delayed.borrow().contains_key(&request.lane);
            match is_queued || request.delay_ms > 0 {
                false => self.clone().deliver(request).await,
                true => self.hold_back(request),
            }
        }
    }

    async fn deliver_overtaken(self: Rc<Self>, request: Request) {
        sleep(Duration::from_millis(request.delay_ms)).await;
        self.deliver(request).await;
    }

    fn hold_back(self: &Rc<Self>, request: Request) {
        let lane = request.lane;
        let mut delayed = self.delayed.borrow_mut();
        let is_new = !delayed.contains_key(&lane);
        delayed.entry(lane).or_default().push_back(request);
        if is_new {
            spawn_local(self.clone().drain(lane));
        }
    }

    async fn drain(self: Rc<Self>, lane: u64) {
        loop {
            let next = self
                .delayed
                .borrow_mut()
                .get_mut(&lane)
                .and_then(VecDeque::pop_front);
            let Some(request) = next else {
                self.delayed.borrow_mut().remove(&lane);
                return;
            };
            if request.delay_ms > 0 {
                sleep(Duration::from_millis(request.delay_ms)).await;
            }
            self.clone().deliver(request).await;
        }
    }

    /// Waits for the input gate, runs the call's first turn, and lets the rest go on by itself.
    async fn deliver(self: Rc<Self>, mut request: Request) {
        let ports = &self.ports;
        if (ports.fleet).consider_pause(&ports.resident, ports.incarnation) {
            sleep(Duration::from_millis(1)).await;
        }
        let waits = &ports.fleet.waits;
        if !self.object.is_ready() {
            waits.call_is(request.call, CallState::AtGate(self.ports.incarnation));
            self.object.ready().await;
        }
        let in_flight = request.in_flight.take();
        let receiver = match request.capability {
            None => Receiver::Object,
            Some((incarnation, _)) if incarnation != self.ports.incarnation => {
                let error = format!("incarnation {incarnation} is gone");
                self.reply(&request, Err(CallError::Broken(error))).await;
                return;
            }
            Some((_, export)) => Receiver::Export(export),
        };
        self.ports.trace(
            "deliver",
            format_args!("{} from {}", request.method, request.caller),
        );
        let arguments = std::mem::take(&mut request.arguments);
        // A stream that is asked to append to another one answers with the events of that.
        request.is_forwarded = arguments.get("streamPath").is_some();
        let method = request.method.to_string();
        let owner = self.ports.owner();
        let mut call = waits.handle(owner, request.method.clone(), Some(request.call), || {
            self.object.deliver(receiver, method, arguments)
        });
        let first = poll_fn(|cx| match Pin::new(&mut call).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        drop(in_flight);
        spawn_local(async move {
            let outcome = match first {
                Some(outcome) => outcome,
                None => call.await,
            };
            self.reply(&request, outcome).await;
            self.ports.consider_eviction();
        });
    }

    async fn reply(&self, request: &Request, outcome: Result<Argument, CallError>) {
        let ports = &self.ports;
        let (fleet, resident) = (&ports.fleet, &ports.resident);
        fleet.waits.call_is(request.call, CallState::Answered);
        let in_flight = fleet.activity.begin(PendingKind::Message);
        let store = ports.sim_store();
        let gate = store.newest();
        if !store.is_durable(gate) {
            store.durable(gate).await;
        }
        if ports.crash_point(&faults::CRASH_BEFORE_REPLY) {
            return;
        }
        if let (Ok(answer), false) = (&outcome, request.is_forwarded) {
            ports.publish(answer);
        }
        let delay_ms = fleet
            .choices
            .delay_ms(&faults::RPC_REPLY_DELAY, &request.pair);
        let is_cut = fleet.ways.is_cut(&resident.name, &request.caller);
        let is_lost = request.reply_lost || is_cut;
        let message = ReplyMessage {
            id: request.id,
            outcome: match is_lost {
                false => outcome,
                true => Err(CallError::Disconnected("the reply was lost".to_owned())),
            },
            delay_ms,
            is_lost,
            _in_flight: in_flight,
        };
        // A caller that is gone does not miss it.
        let _ = self.sender.send(Box::new(message)).await;
        fleet.crash_point(resident, ports.incarnation, &faults::CRASH_AFTER_REPLY);
    }
}
