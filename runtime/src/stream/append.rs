//! Append (spec §1.2): fully synchronous from start to commit, so appends serialize by construction.
//!
//! A batch is committed whole or refused whole, also where the storage refuses one of its writes: then
//! rows and memory are as they were. After the commit nothing can fail it: side effects, wake-ups and
//! re-dials come later and only log.

use super::{
    contract::{self, *},
    dial::is_domain,
    object::StreamObject,
    state::{CoreState, ReduceError},
};
use crate::{
    call::CallError,
    event::{Event, EventInput, IdempotencyKey, Offset},
    platform::{NoteKind, StorageError},
    quirk::Quirk,
};
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// Why a batch was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    #[error("expected offset {given}, got {actual}")]
    OffsetConflict { given: Offset, actual: Offset },
    #[error("idempotency hit at offset {hit}, got {given}")]
    KeyConflict { hit: Offset, given: Offset },
    #[error("stream paused: {reason}")]
    Paused { reason: String },
    #[error(transparent)]
    Reduce(#[from] ReduceError),
    /// The same batch may be taken later.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl AppendError {
    /// The precondition did not hold: read again, and decide anew.
    pub const OFFSET_CONFLICT: &'static str = "offset-conflict";
    pub const KEY_CONFLICT: &'static str = "key-conflict";
    /// The stream that was asked is paused.
    pub const PAUSED: &'static str = "stream-paused";
    /// The stream that was asked forwards to another, and that one is paused.
    pub const OTHER_PAUSED: &'static str = "other-stream-paused";
    pub const INVALID: &'static str = "invalid-event";
    /// The log that the caller means is gone: the stream was reset since.
    pub const RESET: &'static str = "stream-reset";

    pub fn code(&self) -> &'static str {
        match self {
            AppendError::OffsetConflict { .. } => AppendError::OFFSET_CONFLICT,
            AppendError::KeyConflict { .. } => AppendError::KEY_CONFLICT,
            AppendError::Paused { .. } => AppendError::PAUSED,
            AppendError::Reduce(_) => AppendError::INVALID,
            AppendError::Storage(_) => CallError::STORAGE,
        }
    }
}

impl From<AppendError> for CallError {
    fn from(error: AppendError) -> Self {
        CallError::remote(error.code(), error.to_string())
    }
}

/// A batch on its way through the rules, before anything is written.
struct Batch {
    working: CoreState,
    result: Vec<Arc<Event>>,
    new: Vec<Arc<Event>>,
    keys: BTreeMap<IdempotencyKey, Arc<Event>>,
}

impl StreamObject {
    /// Appends a batch here. The result is aligned with the input.
    ///
    /// # Errors
    /// The whole batch is refused and nothing is written.
    pub fn append_local(
        self: &Rc<Self>,
        inputs: &[Arc<EventInput>],
    ) -> Result<Vec<Arc<Event>>, AppendError> {
        let mut batch = Batch {
            working: (*self.state()).clone(),
            result: Vec::with_capacity(inputs.len()),
            new: Vec::new(),
            keys: BTreeMap::new(),
        };
        for input in inputs {
            self.admit(&mut batch, input)?;
        }
        if batch.new.is_empty() {
            return Ok(batch.result);
        }
        self.commit(&batch.new, batch.working)?;
        self.after_commit(&batch.new);
        Ok(batch.result)
    }

    fn admit(self: &Rc<Self>, batch: &mut Batch, input: &EventInput) -> Result<(), AppendError> {
        if let Some(key) = &input.idempotency_key {
            let hit = batch.keys.get(key).cloned().or_else(|| self.find(key));
            if let Some(hit) = hit {
                if let Some(given) = input.offset.filter(|given| *given != hit.offset) {
                    let hit = hit.offset;
                    return Err(AppendError::KeyConflict { hit, given });
                }
                batch.result.push(hit);
                return Ok(());
            }
        }
        if batch.working.paused && !ALLOWED_WHILE_PAUSED.contains(&input.kind) {
            let reason = batch.working.pause_reason.as_deref();
            return Err(AppendError::Paused {
                reason: reason.unwrap_or("unknown reason").to_owned(),
            });
        }
        let actual = batch.working.max_offset.next();
        if let Some(given) = input.offset.filter(|given| *given != actual) {
            return Err(AppendError::OffsetConflict { given, actual });
        }
        let event = Arc::new(Event {
            kind: input.kind.clone(),
            payload: input.payload.clone(),
            metadata: input.metadata.clone(),
            source: input.source.clone(),
            idempotency_key: input.idempotency_key.clone(),
            offset: actual,
            created_at: match input.kind == CREATED {
                true => self.may_begin_now(),
                false => self.context.now(),
            },
        });
        batch.working.reduce_with(&event, self.context.quirks())?;
        if event.kind == CREATED && self.context.quirk(Quirk::B07) {
            self.announce();
        }
        if let Some(key) = &event.idempotency_key {
            batch.keys.insert(key.clone(), event.clone());
        }
        batch.result.push(event.clone());
        batch.new.push(event);
        Ok(())
    }

    fn commit(&self, new: &[Arc<Event>], state: CoreState) -> Result<(), StorageError> {
        let (first, last) = (&new[0], &new[new.len() - 1]);
        self.write(new, state)?;
        self.context.note(
            NoteKind::Appended {
                first: first.offset.0,
                last: last.offset.0,
            },
            &last.kind,
        );
        Ok(())
    }

    /// What follows a commit, in the order of the spec; may append again, re-entrantly.
    fn after_commit(self: &Rc<Self>, new: &[Arc<Event>]) {
        for event in new {
            if event.kind == SUBSCRIPTION_CONFIGURED {
                self.forget_troubles(event);
                self.reconcile();
            } else if event.kind == WOKEN {
                self.take_up_announcement();
                self.reconcile();
            } else if event.kind == CREATED {
                self.announce();
            }
        }
        self.wake_pumps();
        let resumed = |event: &Event| event.kind == RESUMED && !self.context.quirk(Quirk::X11);
        let dials = |event: &Arc<Event>| is_domain(event) || resumed(event);
        if new.iter().any(dials) {
            self.reconcile_for_domain_event();
        }
        self.owe_delivery();
        self.rest_later();
    }

    /// Appends a presence fact; its failure is logged, never thrown (spec §1.6).
    pub(super) fn append_presence(self: &Rc<Self>, fact: EventInput) {
        let kind = fact.kind.clone();
        if let Err(error) = self.append_local(&[Arc::new(fact)]) {
            self.context.note(
                NoteKind::Failure,
                format_args!("{kind} was refused: {error}"),
            );
        }
    }
}

/// The event that opens every stream.
pub(super) fn created(namespace: &str, path: &str) -> EventInput {
    EventInput::new(
        contract::CREATED,
        Created {
            namespace: namespace.to_owned(),
            path: path.to_owned(),
        },
    )
}
