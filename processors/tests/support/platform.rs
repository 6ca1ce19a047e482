//! The ports of one incarnation, on tokio's paused clock.

use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Argument, CallError, Capability},
    event::Timestamp,
    platform::{
        ByteStream, Key, Note, OutboundCall, Platform, Row, Savepoint, StorageError, Store, Table,
        Task, WriteId,
    },
    quirk::Quirks,
};
use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::Duration,
};
use tokio::{io::DuplexStream, task::AbortHandle, time::Instant};
use uuid::Uuid;

/// Answers a connection that a processor opens.
pub type Service = Rc<dyn Fn(DuplexStream) -> LocalBoxFuture<'static, ()>>;

/// Answers a call to another object.
pub type Callee = Rc<dyn Fn(OutboundCall) -> Result<Argument, CallError>>;

pub struct FakePlatform {
    quirks: Quirks,
    service: Option<Service>,
    callee: Option<Callee>,
    tasks: RefCell<Vec<AbortHandle>>,
    began: Instant,
    incarnation: u64,
    ids: Cell<u64>,
}

impl FakePlatform {
    pub fn new(incarnation: u64, quirks: Quirks, service: Option<Service>) -> Self {
        FakePlatform {
            quirks,
            service,
            callee: None,
            tasks: RefCell::default(),
            began: Instant::now(),
            incarnation,
            ids: Cell::new(0),
        }
    }

    pub fn calling(self, callee: Option<Callee>) -> Self {
        FakePlatform { callee, ..self }
    }

    /// The incarnation is gone, with all that it was doing.
    pub fn end(&self) {
        for task in self.tasks.take() {
            task.abort();
        }
    }
}

impl Platform for FakePlatform {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(1_772_136_258_000 + self.began.elapsed().as_millis() as i64)
    }

    fn sleep(&self, _what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(duration_ms)))
    }

    fn spawn(&self, _task: Task, work: LocalBoxFuture<'static, ()>) {
        let task = tokio::task::spawn_local(work);
        self.tasks.borrow_mut().push(task.abort_handle());
    }

    fn store(&self) -> Rc<dyn Store> {
        Rc::new(NoStore)
    }

    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        let callee = self.callee.clone();
        let callee = callee.unwrap_or_else(|| panic!("nobody takes calls: {}", call.method));
        let outcome = callee(call);
        Box::pin(async move {
            tokio::task::yield_now().await;
            outcome
        })
    }

    fn broken(&self, _capability: &Capability) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn connect(
        &self,
        _host: &str,
        _port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        let Some(service) = &self.service else {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let (here, there) = tokio::io::duplex(64 * 1024);
        tokio::task::spawn_local(service(there));
        Box::pin(async move { Ok(Box::new(here) as Box<dyn ByteStream>) })
    }

    fn draw_id(&self) -> Uuid {
        let id = self.ids.get() + 1;
        self.ids.set(id);
        Uuid::from_u64_pair(self.incarnation, id)
    }

    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn abort(&self, reason: &str) {
        panic!("aborted: {reason}")
    }

    fn note(&self, _note: Note<'_>) {}

    fn quirks(&self) -> Quirks {
        self.quirks
    }
}

/// These processors have no storage of their own.
struct NoStore;

impl Store for NoStore {
    fn get(&self, _table: Table, _key: &Key) -> Option<Row> {
        None
    }

    fn range(&self, _table: Table, _from: &Key, _to: &Key, _limit: usize) -> Vec<(Key, Row)> {
        Vec::new()
    }

    fn last(&self, _table: Table) -> Option<(Key, Row)> {
        None
    }

    fn put(&self, _table: Table, _key: Key, _row: Row) -> Result<(), StorageError> {
        Ok(())
    }

    fn delete(&self, _table: Table, _key: &Key) -> Result<(), StorageError> {
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint(0)
    }

    fn roll_back(&self, _to: Savepoint) {}

    fn set_alarm(&self, _at: Option<Timestamp>) {}

    fn alarm(&self) -> Option<Timestamp> {
        None
    }

    fn newest(&self) -> WriteId {
        WriteId::default()
    }

    fn commit(&self) {}

    fn durable(&self, _write: WriteId) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
