//! What an object may do in one incarnation.

use super::{Gate, Reply, Storage, Stub, Turn};
use crate::{
    call::{Arguments, CallError, Capability, ObjectName},
    event::Timestamp,
    platform::{ByteStream, Note, NoteKind, Platform, Registered, Resource, Store, Target, Task},
    quirk::{Quirk, Quirks},
};
use futures_util::future::LocalBoxFuture;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::{poll_fn, Future},
    io,
    rc::Rc,
    task::Poll,
};
use uuid::Uuid;

/// Answers the calls on an exported capability.
pub type ExportHandler = Rc<dyn Fn(String, Arguments) -> Reply>;

#[derive(Clone)]
pub struct Context(Rc<Inner>);

struct Inner {
    name: ObjectName,
    platform: Rc<dyn Platform>,
    gate: Gate,
    exports: RefCell<BTreeMap<u64, ExportHandler>>,
    next_export: Cell<u64>,
    next_lane: Cell<u64>,
    busy: Cell<u32>,
}

impl Context {
    pub fn new(name: ObjectName, platform: Rc<dyn Platform>) -> Self {
        Context(Rc::new(Inner {
            name,
            platform,
            gate: Gate::default(),
            exports: RefCell::default(),
            next_export: Cell::new(1),
            next_lane: Cell::new(1),
            busy: Cell::new(0),
        }))
    }

    pub fn name(&self) -> &ObjectName {
        &self.0.name
    }

    pub fn now(&self) -> Timestamp {
        self.0.platform.now()
    }

    pub fn sleep(&self, what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        self.0.platform.sleep(what, duration_ms)
    }

    pub fn draw_id(&self) -> Uuid {
        self.0.platform.draw_id()
    }

    pub fn incarnation(&self) -> u64 {
        self.0.platform.incarnation()
    }

    pub fn storage(&self) -> Storage {
        Storage::new(self.0.platform.store())
    }

    pub fn store(&self) -> Rc<dyn Store> {
        self.0.platform.store()
    }

    pub fn quirk(&self, quirk: Quirk) -> bool {
        self.0.platform.quirks().has(quirk)
    }

    pub fn quirks(&self) -> Quirks {
        self.0.platform.quirks()
    }

    pub fn note(&self, kind: NoteKind, detail: impl fmt::Display) {
        self.0.platform.note(Note {
            kind,
            detail: &detail,
        });
    }

    pub fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        self.0.platform.connect(host, port)
    }

    /// Starts work of this incarnation. It does not keep the object from idle eviction.
    #[track_caller]
    pub fn spawn(&self, what: &'static str, work: impl Future<Output = ()> + 'static) {
        let turn = Turn::new(self.store(), Box::pin(work));
        self.0.platform.spawn(Task::here(what), Box::pin(turn));
    }

    /// Starts work that keeps this incarnation from idle eviction, not from a crash.
    #[track_caller]
    pub fn wait_until(&self, what: &'static str, work: impl Future<Output = ()> + 'static) {
        let busy = self.busy();
        self.spawn(what, async move {
            let _busy = busy;
            work.await;
        });
    }

    /// Holds deliveries back until `work` is done; its failure resets the object.
    #[track_caller]
    pub fn block_concurrency_while(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<(), CallError>> + 'static,
    ) {
        let context = self.clone();
        context.0.gate.close();
        self.wait_until(what, async move {
            let _gate = context.holds(Resource::LifecycleGate);
            match work.await {
                Ok(()) => context.0.gate.open(),
                Err(error) => context.0.platform.abort(&format!("{what} failed: {error}")),
            }
        });
    }

    /// Says that the work that runs now holds something; see [`Platform::holds`].
    pub fn holds(&self, resource: Resource) -> Registered {
        self.0.platform.holds(resource)
    }

    /// Says that the work that runs now waits for something; see [`Platform::waits_for`].
    pub fn waits_for(&self, resource: Resource) -> Registered {
        self.0.platform.waits_for(resource)
    }

    /// Gives work a name of its own, though several may poll it; they wait for it.
    #[track_caller]
    pub fn track<T>(
        &self,
        what: &'static str,
        mut work: LocalBoxFuture<'static, T>,
    ) -> impl Future<Output = T> {
        let mut tracker = self.0.platform.track(Task::here(what));
        poll_fn(move |cx| {
            let mut outcome = Poll::Pending;
            tracker.run(&mut || outcome = work.as_mut().poll(cx));
            outcome
        })
    }

    /// Whether the platform has objects of that binding.
    pub fn has_namespace(&self, binding: &str) -> bool {
        self.0.platform.has_namespace(binding)
    }

    /// The lifecycle gate is open. What is delivered waits for that, but for quirk B-08.
    pub fn is_initialized(&self) -> bool {
        self.0.gate.is_open()
    }

    /// A stub to the object of that name, with an order of its own.
    pub fn object(&self, binding: &'static str, name: impl fmt::Display) -> Stub {
        self.stub_to(Target::Object(ObjectName::new(binding, name.to_string())))
    }

    /// A stub to any target, with an order of its own.
    pub fn stub_to(&self, target: Target) -> Stub {
        let lane = self.0.next_lane.replace(self.0.next_lane.get() + 1);
        Stub::new(self.clone(), target, lane)
    }

    /// Exports a capability that others can hold while this incarnation lives.
    pub fn export(&self, handler: ExportHandler) -> Capability {
        let export = self.0.next_export.replace(self.0.next_export.get() + 1);
        self.0.exports.borrow_mut().insert(export, handler);
        Capability {
            object: self.0.name.clone(),
            incarnation: self.incarnation(),
            export,
        }
    }

    /// Takes a capability back: later calls on it fail as broken.
    pub fn revoke(&self, capability: &Capability) {
        self.0.exports.borrow_mut().remove(&capability.export);
    }

    /// Sets or deletes the object's one alarm, durably.
    pub fn set_alarm(&self, at: Option<Timestamp>) {
        self.store().set_alarm(at);
    }

    /// Sets the alarm to ring in `delay_ms`, unless it will ring before that anyway.
    pub fn ensure_alarm(&self, delay_ms: u64) {
        let at = self.now().plus_ms(delay_ms);
        let store = self.store();
        if store.alarm().is_none_or(|set| set > at) {
            store.set_alarm(Some(at));
        }
    }

    /// Ends this incarnation.
    pub fn abort(&self, reason: &str) {
        self.0.platform.abort(reason);
    }

    pub(super) fn platform(&self) -> &Rc<dyn Platform> {
        &self.0.platform
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(super) fn export_handler(&self, export: u64) -> Option<ExportHandler> {
        self.0.exports.borrow().get(&export).cloned()
    }

    pub(super) fn clear_exports(&self) {
        let exports = std::mem::take(&mut *self.0.exports.borrow_mut());
        drop(exports);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.get() > 0
    }

    /// Keeps the object from idle eviction while the guard lives.
    pub(super) fn busy(&self) -> Busy {
        self.0.busy.set(self.0.busy.get() + 1);
        Busy(self.clone())
    }
}

pub(super) struct Busy(Context);

impl Drop for Busy {
    fn drop(&mut self) {
        let busy = &self.0 .0.busy;
        busy.set(busy.get() - 1);
    }
}
