//! The processor model (spec §2, §3): a pure reducer, side effects that follow it, one checkpoint.
//!
//! - [`contract`]: what a processor says of itself.
//! - [`Processor`]: what an author writes.
//! - [`engine`]: `ingest`, step by step: reduce, effects, then checkpoint.
//! - [`host`]: owns processors inside a durable object: subscriptions, recovery, poison.
//!
//! Effects happen at least once: an author keys appends by the event that caused them. What must
//! happen is registered with [`Hook::block`], or derivable from the reduced state and said so in
//! [`Processor::owes`]; what is registered with [`Hook::background`] may be lost. What must not happen
//! twice is registered with [`Hook::once_checkpointed`], and may be lost, too.

mod catch_up;
pub mod contract;
mod engine;
mod fold;
mod host;
mod host_checkpoints;
mod stream_port;

pub use catch_up::CatchUp;
pub use contract::{Catalogue, Contract, ContractError, EventDefinition, WILDCARD};
pub use engine::{Checkpoints, Engine, EventBatch, MemoryCheckpoints, Runner, Snapshot};
pub use fold::Fold;
pub use host::{Dependencies, ProcessorHost, LOG_CREATED_AT_KEY, MAX_CONSECUTIVE_INGEST_FAILURES};
pub use stream_port::{LateStream, StreamPort};

use crate::{
    call::CallError,
    event::{Event, Offset, PayloadError},
    platform::StorageError,
    stream::AppendError,
};
use futures_util::future::LocalBoxFuture;
use serde::{de::DeserializeOwned, Serialize};
use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc};

/// Why a batch failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProcessorError {
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Call(#[from] CallError),
    /// The stored checkpoint cannot be read.
    #[error("{0}")]
    Checkpoint(String),
    /// The checkpoint could not be written, this time.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A reducer left a state that is no JSON object.
    #[error("Processor {slug:?} state must be an object.")]
    StateNotAnObject { slug: &'static str },
    /// The processor's own complaint.
    #[error("{0}")]
    Failed(String),
}

impl ProcessorError {
    /// The way to somebody else failed, or a storage: the same batch may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            ProcessorError::Call(error) => error.is_transient(),
            ProcessorError::Storage(_) => true,
            _ => false,
        }
    }

    /// The processor's own stream is paused: the same batch may succeed when it is resumed. Another's
    /// pause is [`AppendError::OTHER_PAUSED`]: this stream does not learn when that one is resumed.
    pub fn is_paused(&self) -> bool {
        matches!(self, ProcessorError::Call(error) if error.code() == Some(AppendError::PAUSED))
    }

    /// The stream was reset: what this processor knows comes from a log that is gone.
    pub fn is_reset(&self) -> bool {
        matches!(self, ProcessorError::Call(error) if error.code() == Some(AppendError::RESET))
    }
}

/// Work that an effect started.
pub type Work = LocalBoxFuture<'static, Result<(), ProcessorError>>;

/// A stream processor.
///
/// States are immutable once handed to hooks. What reads events has no `self`: a reducer is pure, and
/// has no clock, no randomness and no port to reach for.
pub trait Processor: 'static {
    /// A JSON object; `Default` is the initial state, and fills fields that an older checkpoint
    /// lacks (`#[serde(default)]` on the struct).
    type State: Clone + Default + Serialize + DeserializeOwned + 'static;
    /// A consumed event, parsed.
    type Consumed: 'static;

    fn contract() -> &'static Contract;

    /// Runs once in an instance, before its checkpoint is loaded; if that fails, before the next try.
    ///
    /// # Errors
    /// The load fails.
    fn prepare(&self) -> Result<StoredCheckpoint, ProcessorError> {
        Ok(StoredCheckpoint::Keep)
    }

    /// Parses an event of a consumed type.
    ///
    /// # Errors
    /// The payload does not fit: the batch fails.
    fn parse(event: &Event) -> Result<Self::Consumed, PayloadError>;

    fn reduce(state: &mut Self::State, event: &Event, consumed: &Self::Consumed);

    /// Side effects of one live event (above the anchor). Synchronous: work is registered.
    fn process_event(self: &Rc<Self>, _event: &Reduced<Self>, _hook: &Hook<Self>) {}

    /// Side effects of a whole batch, after those of its events.
    fn process_batch(self: &Rc<Self>, _hook: &Hook<Self>) {}

    /// The state holds an obligation that this processor must bring to an end. While it does, the
    /// host keeps a durable alarm, which calls [`Processor::recover`], ever less often while that
    /// leads to nothing.
    fn owes(&self, _state: &Self::State) -> bool {
        false
    }

    /// Takes up what is owed, from durable state alone. Called when the alarm rings, with the
    /// stream within reach.
    fn recover(self: &Rc<Self>, _state: Rc<Self::State>, _side_effects_after: Offset) -> Work {
        Box::pin(async { Ok(()) })
    }
}

/// What becomes of the stored checkpoint when a processor is about to load it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredCheckpoint {
    Keep,
    /// It is deleted: the processor begins with its initial state, at offset 0.
    Discard,
}

/// One consumed event of a batch, with the state before and after it.
pub struct Reduced<P: Processor + ?Sized> {
    pub event: Arc<Event>,
    pub consumed: P::Consumed,
    pub previous_state: Rc<P::State>,
    pub state: Rc<P::State>,
}

/// What a hook knows of its batch, and where it registers work.
pub struct Hook<P: Processor + ?Sized> {
    /// Consumed events of the batch that are above the anchor.
    pub live: Vec<Reduced<P>>,
    /// The state before the batch.
    pub previous_state: Rc<P::State>,
    /// The state after the batch.
    pub state: Rc<P::State>,
    /// The head of the stream when the batch was delivered.
    pub stream_max_offset: Offset,
    /// The last offset of the batch.
    pub checkpoint_offset: Offset,
    /// The anchor: events at or below it have no side effects.
    pub side_effects_after: Offset,
    blocking: RefCell<Vec<Work>>,
    background: RefCell<Vec<(&'static str, Work)>>,
    once_checkpointed: RefCell<Vec<(&'static str, Work)>>,
}

impl<P: Processor> Hook<P> {
    /// Work that holds the checkpoint: if it fails, the batch fails and is delivered again.
    pub fn block(&self, work: impl Future<Output = Result<(), ProcessorError>> + 'static) {
        self.blocking.borrow_mut().push(Box::pin(work));
    }

    /// Work that does not hold the checkpoint; a failure is only logged.
    pub fn background(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<(), ProcessorError>> + 'static,
    ) {
        self.background.borrow_mut().push((what, Box::pin(work)));
    }

    /// Work that must not begin twice for the same events. It begins when the checkpoint is written, and
    /// what it sends waits for that write to be durable; should the batch fail, it is dropped, and comes
    /// again with the batch. Cut off by a crash, it does not: what is then owed must be in the state.
    pub fn once_checkpointed(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<(), ProcessorError>> + 'static,
    ) {
        let mut works = self.once_checkpointed.borrow_mut();
        works.push((what, Box::pin(work)));
    }
}
