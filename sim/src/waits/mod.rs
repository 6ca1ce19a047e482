//! Who waits for whom (design §5): every piece of work of every object, what it waits for, and who
//! could provide it. A stall is told from here as the cycle or the chain that causes it.
//!
//! - replies of calls, lifecycle gates and sockets are seen at the ports; turns and checkpoints of
//!   processors are said by the product ([`runtime::platform::Resource`]);
//! - a cycle is looked for whenever somebody begins to wait for something that is held, so one that a
//!   time-out would break is found as well (B-06);
//! - what nobody will provide is known only at rest: [`Waits::stalls`].
//!
//! Timers, writes, messages and alarms come about by themselves: [`crate::activity`] counts them.

mod chain;
mod tracked;

pub use chain::NOTHING_MOVES;
pub use tracked::{Poller, Tracked, Waiting};

use crate::trace::Trace;
use chain::Chain;
use runtime::{
    call::ObjectName,
    platform::{Resource, Task},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard},
};

/// An incarnation, to whom work belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub object: ObjectName,
    pub incarnation: u64,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.object, self.incarnation)
    }
}

/// The number of a piece of work, a wait, a call: unique in a world, in the order in which they began.
type Number = u64;

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Not yet at the callee: in its lane, or on its way.
    OnItsWay,
    /// At that incarnation of the callee, whose lifecycle gate is closed.
    AtGate(u64),
    /// The callee works on it: that piece of work.
    Handled(Number),
    /// The callee has answered.
    Answered,
}

/// A cycle of waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// Simulated time at which it closed.
    pub at_ms: u64,
    /// Who waits for whom, back to the first.
    pub cycle: String,
}

pub struct Waits {
    inner: Mutex<Inner>,
    trace: Arc<Trace>,
}

#[derive(Default)]
struct Inner {
    last_number: Number,
    /// The work that is being polled.
    current: Option<Number>,
    work: BTreeMap<Number, Work>,
    calls: BTreeMap<Number, Call>,
    held: BTreeMap<(Owner, Held), Number>,
    deadlock: Option<Deadlock>,
    /// How often a cycle was looked for.
    looks: u64,
}

/// A piece of work that has not ended.
struct Work {
    owner: Owner,
    what: Cow<'static, str>,
    place: Option<&'static Location<'static>>,
    waits: Vec<(Number, On)>,
}

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    Reply(Number),
    /// Work that is polled inside this one.
    Work(Number),
    Resource(Resource),
    Socket(Arc<str>),
}

/// A resource that has one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    LifecycleGate,
    IngestTurn(&'static str),
}

struct Call {
    caller: Owner,
    callee: ObjectName,
    method: Cow<'static, str>,
    state: CallState,
}

impl Waits {
    pub fn new(trace: Arc<Trace>) -> Arc<Self> {
        Arc::new(Waits {
            inner: Mutex::default(),
            trace,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("one thread")
    }

    /// Work that an object started itself.
    pub fn start<F>(self: &Arc<Self>, owner: Owner, task: Task, work: F) -> Tracked<F> {
        let number = self.lock().begin(owner, task.what.into(), Some(task.place));
        Tracked::new(self.clone(), number, work)
    }

    /// Work that is polled inside other work.
    pub fn track(self: &Arc<Self>, owner: Owner, task: Task) -> Poller {
        let number = self.lock().begin(owner, task.what.into(), Some(task.place));
        Poller::new(self.clone(), number)
    }

    /// Work that came from outside: the handling of a call, or of an alarm. `work` may run a first
    /// part of it at once.
    pub fn handle<F>(
        self: &Arc<Self>,
        owner: Owner,
        what: Cow<'static, str>,
        call: Option<Number>,
        work: impl FnOnce() -> F,
    ) -> Tracked<F> {
        let number = {
            let mut inner = self.lock();
            let number = inner.begin(owner, what, None);
            if let Some(call) = call.and_then(|call| inner.calls.get_mut(&call)) {
                call.state = CallState::Handled(number);
            }
            number
        };
        let before = self.enter(Some(number));
        let work = work();
        self.enter(before);
        Tracked::new(self.clone(), number, work)
    }

    /// Work is polled inside other work, which waits for it if it is not done.
    fn waits_for_work(&self, outer: Number, inner: Number) {
        let mut registry = self.lock();
        let number = registry.next();
        let Some(outer) = registry.work.get_mut(&outer) else {
            return;
        };
        if !outer.waits.iter().any(|(_, on)| *on == On::Work(inner)) {
            outer.waits.push((number, On::Work(inner)));
        }
    }

    /// From here on that work runs; gives who ran before.
    fn enter(&self, work: Option<Number>) -> Option<Number> {
        std::mem::replace(&mut self.lock().current, work)
    }

    fn end(&self, work: Number) {
        let mut inner = self.lock();
        inner.work.remove(&work);
    }

    /// A call was made.
    pub fn begin_call(
        self: &Arc<Self>,
        caller: Owner,
        callee: ObjectName,
        method: Cow<'static, str>,
    ) -> WaitingCall {
        let mut inner = self.lock();
        let number = inner.next();
        inner.calls.insert(
            number,
            Call {
                caller,
                callee,
                method,
                state: CallState::OnItsWay,
            },
        );
        let waits = self.clone();
        WaitingCall { waits, number }
    }

    pub fn call_is(&self, call: u64, state: CallState) {
        let mut inner = self.lock();
        if let Some(call) = inner.calls.get_mut(&call) {
            call.state = state;
        }
        if let CallState::AtGate(incarnation) = state {
            let object = inner.calls.get(&call).map(|call| call.callee.clone());
            let callee = object.map(|object| Owner {
                object,
                incarnation,
            });
            let holder = callee.and_then(|callee| inner.holder(&callee, Held::LifecycleGate));
            if let Some(holder) = holder {
                self.look_for_cycle(&mut inner, holder);
            }
        }
    }

    /// The work that runs now waits for the reply of a call.
    pub fn for_reply(self: &Arc<Self>, call: u64) -> Option<Waiting> {
        self.wait(On::Reply(call))
    }

    /// The work that runs now waits for bytes of an outside service.
    pub fn for_socket(self: &Arc<Self>, host: &Arc<str>) -> Option<Waiting> {
        self.wait(On::Socket(host.clone()))
    }

    pub fn for_resource(self: &Arc<Self>, resource: Resource) -> Option<Waiting> {
        self.wait(On::Resource(resource))
    }

    fn wait(self: &Arc<Self>, on: On) -> Option<Waiting> {
        let mut inner = self.lock();
        let work = inner.current?;
        let number = inner.next();
        let can_close_cycle = matches!(on, On::Resource(_));
        inner.work.get_mut(&work)?.waits.push((number, on));
        if can_close_cycle {
            self.look_for_cycle(&mut inner, work);
        }
        drop(inner);
        Some(Waiting::new(self.clone(), work, number))
    }

    fn end_wait(&self, work: Number, wait: Number) {
        let mut inner = self.lock();
        if let Some(work) = inner.work.get_mut(&work) {
            work.waits.retain(|(number, _)| *number != wait);
        }
    }

    /// The work that runs now holds a resource of its object.
    pub fn hold(self: &Arc<Self>, resource: Resource) -> Option<Holding> {
        let mut inner = self.lock();
        let work = inner.current?;
        let held = match resource {
            Resource::LifecycleGate => Held::LifecycleGate,
            Resource::IngestTurn { processor } => Held::IngestTurn(processor),
            // Nobody holds it.
            Resource::Checkpoint { .. } => return None,
        };
        let owner = inner.work.get(&work)?.owner.clone();
        inner.held.insert((owner.clone(), held), work);
        Some(Holding {
            waits: self.clone(),
            owner,
            held,
            work,
        })
    }

    /// An incarnation has ended: its work is gone, whenever it will be dropped, and nobody waits for
    /// what it called.
    pub fn end_incarnation(&self, owner: &Owner) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.work.retain(|_, work| work.owner != *owner);
        inner.calls.retain(|_, call| call.caller != *owner);
        let work = &inner.work;
        inner.held.retain(|_, holder| work.contains_key(holder));
    }

    fn look_for_cycle(&self, inner: &mut Inner, from: Number) {
        inner.looks += 1;
        if inner.deadlock.is_some() {
            return;
        }
        let Some(cycle) = Chain::cycle(inner, from) else {
            return;
        };
        let owner = &inner.work[&from].owner;
        self.trace.record(owner, "deadlock", &cycle);
        let at_ms = crate::time::since_start_ms();
        inner.deadlock = Some(Deadlock { at_ms, cycle });
    }

    /// The first cycle, if there was one.
    pub fn deadlock(&self) -> Option<Deadlock> {
        self.lock().deadlock.clone()
    }

    /// How often somebody began to wait for something that can be held back.
    pub fn looks(&self) -> u64 {
        self.lock().looks
    }

    /// At rest: what the callers wait for that are still there, one chain for each, the oldest first.
    pub fn stalls(&self) -> Vec<String> {
        let inner = self.lock();
        let mut chains: Vec<String> = Vec::new();
        for call in inner.calls.keys() {
            let chain = Chain::stall(&inner, *call);
            // A chain that is the end of another one says nothing new.
            if !chains.iter().any(|longer| longer.ends_with(&chain)) {
                chains.push(chain);
            }
        }
        chains
    }
}

impl Inner {
    fn next(&mut self) -> Number {
        self.last_number += 1;
        self.last_number
    }

    fn begin(
        &mut self,
        owner: Owner,
        what: Cow<'static, str>,
        place: Option<&'static Location<'static>>,
    ) -> Number {
        let number = self.next();
        let work = Work {
            owner,
            what,
            place,
            waits: Vec::new(),
        };
        self.work.insert(number, work);
        number
    }

    fn holder(&self, owner: &Owner, held: Held) -> Option<Number> {
        self.held.get(&(owner.clone(), held)).copied()
    }
}

/// A call that has neither its reply nor a failure, while this lives.
pub struct WaitingCall {
    waits: Arc<Waits>,
    number: Number,
}

impl WaitingCall {
    pub fn number(&self) -> Number {
        self.number
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.waits.lock().calls.remove(&self.number);
    }
}

/// Work holds a resource while this lives.
pub struct Holding {
    waits: Arc<Waits>,
    owner: Owner,
    held: Held,
    work: Number,
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut inner = self.waits.lock();
        let key = (self.owner.clone(), self.held);
        if inner.held.get(&key) == Some(&self.work) {
            inner.held.remove(&key);
        }
    }
}
