//! The ports: everything that the product needs of the world it runs in (design §1).
//!
//! One [`Platform`] belongs to one incarnation of one object (or to one worker). When that
//! incarnation ends, its work is dropped and every port of it goes dead: nothing that it still
//! tries reaches the outside. The product never learns who implements these traits.

use crate::{
    call::{Argument, Arguments, CallError, Capability, ObjectName, Wire},
    event::Timestamp,
    quirk::Quirks,
};
use futures_util::future::LocalBoxFuture;
use std::{any::Any, fmt, io, panic::Location, rc::Rc, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

/// A byte stream to an outside service, or from one to a worker.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ByteStream for T {}

/// What a call is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An object by name: its present incarnation, created if there is none.
    Object(ObjectName),
    /// A live capability: breaks with the incarnation that exported it.
    Capability(Capability),
}

impl Target {
    pub fn object(&self) -> &ObjectName {
        match self {
            Target::Object(object) => object,
            Target::Capability(capability) => &capability.object,
        }
    }
}

/// A call on its way out. Calls of one lane arrive in the order in which they were made.
pub struct OutboundCall {
    pub target: Target,
    pub lane: u64,
    pub method: std::borrow::Cow<'static, str>,
    pub arguments: Arguments,
    /// The write that must be durable before this leaves (the output gate).
    pub after: WriteId,
}

/// The number of a transaction of this incarnation, from 1; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// A short sentence about something that the product did, for the trace; `Debug` forms are not
/// used, as their shape is not stable.
#[derive(Clone, Copy)]
pub struct Note<'a> {
    pub kind: NoteKind,
    pub detail: &'a dyn fmt::Display,
}

/// What the product reports of itself. The effects that pass a port are seen without this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Events were committed to a stream; `first` and `last` offset, inclusive.
    Appended { first: u64, last: u64 },
    /// A batch leaves a stream on a connection. `connection` is unique in the incarnation; the
    /// offsets are those of its first and last event, 0 and 0 when it has none.
    Delivered {
        connection: u64,
        first: u64,
        last: u64,
    },
    /// A stream opened a connection; the detail is its subscription key.
    Connected { connection: u64, outbound: bool },
    /// A stream closed a connection.
    Disconnected { connection: u64 },
    /// A checkpoint is about to be written.
    CheckpointWriting { offset: u64 },
    /// A checkpoint was written.
    CheckpointWritten { offset: u64 },
    /// A processor gave up on a batch after repeated failures.
    Poisoned { offset: u64 },
    /// A failure that was handled by logging it.
    Failure,
    /// Anything else worth a line.
    Info,
}

/// A piece of work of an incarnation: its name, and the place in the code that started it.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub what: &'static str,
    pub place: &'static Location<'static>,
}

impl Task {
    /// Started by whoever calls this.
    #[track_caller]
    pub fn here(what: &'static str) -> Self {
        Task {
            what,
            place: Location::caller(),
        }
    }
}

/// Something of an object that one piece of work holds while others wait. Replies, durable writes,
/// timers and sockets pass a port, so the platform knows who waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The lifecycle gate: whatever is delivered queues before it.
    LifecycleGate,
    /// The turn of a processor to take a batch.
    IngestTurn { processor: &'static str },
    /// A checkpoint of a processor, at that offset or above it. Nobody holds it: batches bring it.
    Checkpoint {
        processor: &'static str,
        offset: u64,
    },
}

/// A piece of work that is polled inside others, which wait for it.
pub trait Tracker {
    /// Runs one poll of it.
    fn run(&mut self, poll: &mut dyn FnMut());
}

/// For a platform that does not ask who waits for whom.
struct Untracked;

impl Tracker for Untracked {
    fn run(&mut self, poll: &mut dyn FnMut()) {
        poll();
    }
}

/// Lasts from when it was given to when it is dropped.
pub type Registered = Box<dyn Any>;

/// The world, as one incarnation of an object sees it.
pub trait Platform {
    /// Wall-clock time; may jump.
    fn now(&self) -> Timestamp;

    /// Waits; `what` names the timer in traces. Dropping the future cancels it.
    fn sleep(&self, what: &'static str, duration_ms: u64) -> LocalBoxFuture<'static, ()>;

    /// Starts work that belongs to this incarnation and ends with it.
    fn spawn(&self, task: Task, work: LocalBoxFuture<'static, ()>);

    /// This object's durable storage.
    fn store(&self) -> Rc<dyn Store>;

    /// Sends a call at once; the future is its reply. The call is made whether or not the future
    /// is polled.
    fn call(&self, call: OutboundCall) -> LocalBoxFuture<'static, Result<Argument, CallError>>;

    /// Whether there is a class of objects of that binding. A platform that cannot tell says yes; a
    /// call to an object of no class is [`CallError::Unresolved`].
    fn has_namespace(&self, binding: &str) -> bool {
        let _ = binding;
        true
    }

    /// Completes when a capability's incarnation is known to be gone.
    fn broken(&self, capability: &Capability) -> LocalBoxFuture<'static, ()>;

    /// Opens a byte stream to `host:port`. Bytes written wait for `Store::durable` of everything
    /// that was written to storage before them.
    fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> LocalBoxFuture<'static, io::Result<Box<dyn ByteStream>>>;

    /// A fresh random identifier.
    fn draw_id(&self) -> Uuid;

    /// The number of this incarnation; a later one of the same object has a greater one.
    fn incarnation(&self) -> u64;

    /// Ends this incarnation; the object lives on in its storage.
    fn abort(&self, reason: &str);

    /// Says what the product is doing; see [`NoteKind`].
    fn note(&self, note: Note<'_>);

    /// The work that runs now holds a resource of this object, until the registration is dropped.
    fn holds(&self, resource: Resource) -> Registered {
        let _ = resource;
        Box::new(())
    }

    /// The work that runs now waits for a resource of this object, until the registration is
    /// dropped. Nothing depends on it; it is there for whoever asks why nothing moves.
    fn waits_for(&self, resource: Resource) -> Registered {
        let _ = resource;
        Box::new(())
    }

    /// Work that is not started by itself, but polled inside the work of whoever waits for it.
    fn track(&self, task: Task) -> Box<dyn Tracker> {
        let _ = task;
        Box::new(Untracked)
    }

    /// The known bugs that are switched on. None, outside the harness.
    fn quirks(&self) -> Quirks;
}

/// One cell of a row.
#[derive(Clone)]
pub enum Cell {
    Null,
    Integer(i64),
    Text(Arc<str>),
    Blob(Arc<[u8]>),
    /// JSON that the platform writes out later, as text. Until then it is the value itself, and the
    /// same incarnation reads it back as such; a later one reads [`Cell::Text`].
    Json(Arc<dyn Wire>),
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("null"),
            Cell::Integer(number) => write!(f, "{number}"),
            Cell::Text(text) => write!(f, "{text:?}"),
            Cell::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
            Cell::Json(value) => write!(f, "{}", value.to_json()),
        }
    }
}

/// The primary key of a row: ordered, text apart from numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Text(Arc<str>),
    Integer(u64),
    Pair(u64, u64),
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Key::Text(text.into())
    }
}

/// The cells of a row beside its key.
pub type Row = Arc<[Cell]>;

/// A table of one object's storage; every table is `key → row`, in key order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(pub &'static str);

/// The storage refused a write: it had no effect, and the same write may be taken later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage: {0}")]
pub struct StorageError(pub String);

/// How much the open transaction held at some moment of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint(pub usize);

/// Synchronous storage. Reads see every write of this incarnation, durable or not.
///
/// Writes gather in an open transaction. [`Store::commit`] closes it, which the object does at
/// the end of each synchronous turn; it becomes durable later, whole or not at all, and in order.
///
/// A write of rows may be refused. The alarm is not a row: it is set with the turn's transaction,
/// whatever else that holds.
pub trait Store {
    fn get(&self, table: Table, key: &Key) -> Option<Row>;

    /// Rows with `from ≤ key ≤ to`, ascending, at most `limit`.
    fn range(&self, table: Table, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Row)>;

    /// The row with the greatest key.
    fn last(&self, table: Table) -> Option<(Key, Row)>;

    /// # Errors
    /// The write is refused.
    fn put(&self, table: Table, key: Key, row: Row) -> Result<(), StorageError>;

    /// # Errors
    /// The write is refused.
    fn delete(&self, table: Table, key: &Key) -> Result<(), StorageError>;

    /// Deletes every row of every table, and the alarm.
    ///
    /// # Errors
    /// The write is refused.
    fn clear(&self) -> Result<(), StorageError>;

    /// Where the open transaction is now.
    fn savepoint(&self) -> Savepoint;

    /// Takes back what the open transaction has written since a savepoint of this turn.
    fn roll_back(&self, to: Savepoint);

    /// Sets or deletes the object's one alarm, with the open transaction; that is never refused.
    fn set_alarm(&self, at: Option<Timestamp>);

    fn alarm(&self) -> Option<Timestamp>;

    /// The newest write, open or closed.
    fn newest(&self) -> WriteId;

    /// Ends the turn: closes the open transaction, if it has writes.
    fn commit(&self);

    /// Completes when that write, and all before it, are durable.
    fn durable(&self, write: WriteId) -> LocalBoxFuture<'static, ()>;
}

impl dyn Store {
    /// Writes that stand together: if one of them is refused, those before it are taken back.
    ///
    /// # Errors
    /// A write was refused; the storage is as it was.
    pub fn atomically(
        &self,
        writes: impl FnOnce() -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let before = self.savepoint();
        let outcome = writes();
        if outcome.is_err() {
            self.roll_back(before);
        }
        outcome
    }
}
