//! `ingest`, step by step (spec §2.4).
//!
//! Batches run one after the other, each only when the one before completed or failed. A batch
//! reduces its events, runs their side effects, waits for the blocking ones, writes the checkpoint,
//! and only then moves the state in memory, and begins what was to wait for that. If anything fails,
//! nothing has changed. What a batch has begun keeps the object alive, and goes on to its end even if
//! nobody waits for the batch any more.

use super::{Hook, Processor, ProcessorError, Reduced, StoredCheckpoint, Work};
use crate::{
    event::{Event, Offset},
    platform::StorageError,
    processor::Contract,
};
use futures_util::{
    future::{join_all, LocalBoxFuture},
    FutureExt,
};
use serde::{Deserialize, Serialize};
use std::{cell::RefCell, io, rc::Rc, sync::Arc};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The durable checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot<S> {
    pub offset: Offset,
    pub state: S,
}

/// Where a processor's checkpoint and anchor live, and how its work is kept alive.
pub trait Checkpoints {
    /// The stored snapshot's JSON.
    ///
    /// # Errors
    /// The storage cannot be read; the batch fails and the next one tries again.
    fn read(&self) -> Result<Option<String>, String>;

    /// Writes the snapshot; `owes` tells whether its state holds an obligation.
    ///
    /// # Errors
    /// The storage refuses; the batch fails.
    fn write(&self, offset: Offset, json: String, owes: bool) -> Result<(), StorageError>;

    /// Deletes the stored snapshot.
    ///
    /// # Errors
    /// The storage refuses; the load fails and the next one tries again.
    fn discard(&self) -> Result<(), StorageError>;

    /// The anchor (spec §2.5).
    fn side_effects_after(&self) -> Offset;

    /// Gives the end of a batch a name: several wait for it.
    fn track(&self, work: Work) -> Work {
        work
    }

    /// Runs work and keeps the object alive meanwhile.
    fn keep_alive(&self, what: &'static str, work: LocalBoxFuture<'static, ()>);

    /// A failure that nobody else hears of.
    fn log_failure(&self, what: &str, error: &ProcessorError);
}

/// Delivered events.
#[derive(Clone)]
pub struct EventBatch {
    pub events: Arc<Vec<Arc<Event>>>,
    pub stream_max_offset: Offset,
}

/// A processor of any type, as its host drives it.
pub trait Runner {
    fn contract(&self) -> &'static Contract;

    /// Ingests a batch. The first poll takes its place in the queue.
    fn ingest(self: Rc<Self>, batch: EventBatch) -> Work;

    /// The last checkpoint's offset.
    fn checkpoint(self: Rc<Self>) -> LocalBoxFuture<'static, Result<Offset, ProcessorError>>;

    /// The state as of the last checkpoint holds an obligation.
    fn owes(self: Rc<Self>) -> LocalBoxFuture<'static, Result<bool, ProcessorError>>;

    /// Takes up what is owed.
    fn recover(self: Rc<Self>) -> Work;
}

pub struct Engine<P: Processor> {
    processor: Rc<P>,
    checkpoints: Rc<dyn Checkpoints>,
    loaded: RefCell<Option<Loaded<P::State>>>,
    chain: Arc<Mutex<()>>,
}

struct Loaded<S> {
    offset: Offset,
    state: Rc<S>,
}

impl<S> Clone for Loaded<S> {
    fn clone(&self) -> Self {
        Loaded {
            offset: self.offset,
            state: self.state.clone(),
        }
    }
}

impl<P: Processor> Engine<P> {
    /// # Panics
    /// The processor's contract is broken; the message says how.
    pub fn new(processor: P, checkpoints: Rc<dyn Checkpoints>) -> Rc<Self> {
        if let Err(error) = P::contract().check() {
            panic!("{error}");
        }
        Rc::new(Engine {
            processor: Rc::new(processor),
            checkpoints,
            loaded: RefCell::new(None),
            chain: Arc::default(),
        })
    }

    pub fn processor(&self) -> &Rc<P> {
        &self.processor
    }

    /// The snapshot, loaded if need be. A failed load is tried again by the next caller.
    ///
    /// # Errors
    /// The processor cannot be prepared, or the stored snapshot not be read or parsed.
    pub fn snapshot(&self) -> Result<Snapshot<Rc<P::State>>, ProcessorError> {
        let loaded = self.load()?;
        Ok(Snapshot {
            offset: loaded.offset,
            state: loaded.state,
        })
    }

    fn load(&self) -> Result<Loaded<P::State>, ProcessorError> {
        if let Some(loaded) = &*self.loaded.borrow() {
            return Ok(loaded.clone());
        }
        if self.processor.prepare()? == StoredCheckpoint::Discard {
            self.checkpoints.discard()?;
        }
        let stored = self
            .checkpoints
            .read()
            .map_err(ProcessorError::Checkpoint)?;
        let snapshot: Snapshot<P::State> = match stored {
            None => Snapshot::default(),
            Some(json) => serde_json::from_str(&json).map_err(|error| {
                let slug = P::contract().slug;
                ProcessorError::Checkpoint(format!("checkpoint of {slug}: {error}"))
            })?,
        };
        let loaded = Loaded {
            offset: snapshot.offset,
            state: Rc::new(snapshot.state),
        };
        *self.loaded.borrow_mut() = Some(loaded.clone());
        Ok(loaded)
    }

    async fn ingest_batch(self: Rc<Self>, batch: EventBatch) -> Result<(), ProcessorError> {
        let turn = self.chain.clone().lock_owned().await;
        let before = self.load()?;
        let Some((hook, offset)) = self.reduce(&before, &batch)? else {
            return Ok(());
        };
        for event in &hook.live {
            self.processor.process_event(event, &hook);
        }
        self.processor.process_batch(&hook);
        self.start(&hook.background);
        let is_blocked = !hook.blocking.borrow().is_empty();
        let engine = self.clone();
        let mut finish = engine.finish(turn, hook, offset).boxed_local();
        if is_blocked {
            finish = self.checkpoints.track(finish);
        }
        let finish = finish.shared();
        if is_blocked {
            let finish = finish.clone().map(drop);
            self.checkpoints
                .keep_alive("blocking work", Box::pin(finish));
        }
        finish.await
    }

    /// Waits until all blocking work settled; the first error counts. Then writes the checkpoint.
    async fn finish(
        self: Rc<Self>,
        _turn: OwnedMutexGuard<()>,
        hook: Hook<P>,
        offset: Offset,
    ) -> Result<(), ProcessorError> {
        let outcomes = join_all(hook.blocking.take()).await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        let Hook {
            state,
            once_checkpointed,
            ..
        } = hook;
        let json = serde_json::to_string(&Snapshot {
            offset,
            state: &*state,
        })
        .map_err(|error| ProcessorError::Checkpoint(error.to_string()))?;
        let owes = self.processor.owes(&state);
        self.checkpoints.write(offset, json, owes)?;
        *self.loaded.borrow_mut() = Some(Loaded { offset, state });
        self.start(&once_checkpointed);
        Ok(())
    }

    /// Reduces what is new; `None` if nothing is.
    fn reduce(
        &self,
        before: &Loaded<P::State>,
        batch: &EventBatch,
    ) -> Result<Option<(Hook<P>, Offset)>, ProcessorError> {
        let contract = P::contract();
        let anchor = self.checkpoints.side_effects_after();
        let mut offset = before.offset;
        let mut state = before.state.clone();
        let mut live = Vec::new();
        for event in batch.events.iter() {
            if event.offset <= offset {
                continue;
            }
            offset = event.offset;
            if !contract.consumes(&event.kind) {
                continue;
            }
            let consumed = P::parse(event)?;
            let previous_state = (event.offset > anchor).then(|| state.clone());
            P::reduce(Rc::make_mut(&mut state), event, &consumed);
            if !is_object(&*state) {
                let slug = contract.slug;
                return Err(ProcessorError::StateNotAnObject { slug });
            }
            let Some(previous_state) = previous_state else {
                continue;
            };
            live.push(Reduced {
                event: event.clone(),
                consumed,
                previous_state,
                state: state.clone(),
            });
        }
        if offset == before.offset {
            return Ok(None);
        }
        let hook = Hook {
            live,
            previous_state: before.state.clone(),
            state,
            stream_max_offset: batch.stream_max_offset,
            checkpoint_offset: offset,
            side_effects_after: anchor,
            blocking: RefCell::default(),
            background: RefCell::default(),
            once_checkpointed: RefCell::default(),
        };
        Ok(Some((hook, offset)))
    }

    /// Work whose failure is only logged.
    fn start(&self, works: &RefCell<Vec<(&'static str, Work)>>) {
        for (what, work) in works.take() {
            let checkpoints = self.checkpoints.clone();
            let logged = async move {
                if let Err(error) = work.await {
                    checkpoints.log_failure(what, &error);
                }
            };
            self.checkpoints.keep_alive(what, Box::pin(logged));
        }
    }
}

/// The JSON form of a state is an object: it opens with a brace, and is written no further.
fn is_object(state: &impl Serialize) -> bool {
    struct FirstByte(Option<u8>);
    impl io::Write for FirstByte {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = bytes.first().copied();
            Err(io::ErrorKind::WriteZero.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut first = FirstByte(None);
    // It always fails: nothing is taken beyond the first byte.
    let _ = serde_json::to_writer(&mut first, state);
    first.0 == Some(b'{')
}

impl<P: Processor> Runner for Engine<P> {
    fn contract(&self) -> &'static Contract {
        P::contract()
    }

    fn ingest(self: Rc<Self>, batch: EventBatch) -> Work {
        Box::pin(self.ingest_batch(batch))
    }

    fn checkpoint(self: Rc<Self>) -> LocalBoxFuture<'static, Result<Offset, ProcessorError>> {
        Box::pin(async move { Ok(self.load()?.offset) })
    }

    fn owes(self: Rc<Self>) -> LocalBoxFuture<'static, Result<bool, ProcessorError>> {
        Box::pin(async move {
            let loaded = self.load()?;
            Ok(self.processor.owes(&loaded.state))
        })
    }

    fn recover(self: Rc<Self>) -> Work {
        Box::pin(async move {
            let loaded = self.load()?;
            let anchor = self.checkpoints.side_effects_after();
            self.processor.recover(loaded.state, anchor).await
        })
    }
}

/// Checkpoints in memory, for a processor outside any object.
#[derive(Default)]
pub struct MemoryCheckpoints {
    snapshot: RefCell<Option<String>>,
    side_effects_after: Offset,
    kept_alive: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    failures: RefCell<Vec<String>>,
}

impl MemoryCheckpoints {
    pub fn anchored(side_effects_after: Offset) -> Self {
        MemoryCheckpoints {
            side_effects_after,
            ..MemoryCheckpoints::default()
        }
    }

    /// Runs the work that was started so far, to its end.
    pub async fn run_background(&self) {
        let work = self.kept_alive.take();
        join_all(work).await;
    }

    pub fn failures(&self) -> Vec<String> {
        self.failures.borrow().clone()
    }
}

impl Checkpoints for MemoryCheckpoints {
    fn read(&self) -> Result<Option<String>, String> {
        Ok(self.snapshot.borrow().clone())
    }

    fn write(&self, _offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        *self.snapshot.borrow_mut() = Some(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        *self.snapshot.borrow_mut() = None;
        Ok(())
    }

    fn side_effects_after(&self) -> Offset {
        self.side_effects_after
    }

    fn keep_alive(&self, _what: &'static str, work: LocalBoxFuture<'static, ()>) {
        self.kept_alive.borrow_mut().push(work);
    }

    fn log_failure(&self, what: &str, error: &ProcessorError) {
        self.failures.borrow_mut().push(format!("{what}: {error}"));
    }
}
