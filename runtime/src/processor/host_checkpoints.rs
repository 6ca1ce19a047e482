//! A hosted processor's durable values, in the key-value storage of its object: checkpoint, anchor,
//! and the key of its subscription (spec §3.1). A checkpoint that owes something sets the object's
//! alarm in the same transaction.

use super::{Checkpoints, ProcessorError, Work};
use crate::{
    event::Offset,
    object::{Context, Storage},
    platform::{NoteKind, StorageError},
    quirk::Quirk,
};
use futures_util::future::LocalBoxFuture;

/// How long an obligation may stand before the alarm looks after it, the first time.
pub(super) const OBLIGATION_ALARM_MS: u64 = 15_000;

pub(super) struct HostCheckpoints {
    context: Context,
    storage: Storage,
    snapshot_key: String,
    anchor_key: String,
    subscription_key_key: String,
    name: &'static str,
}

impl HostCheckpoints {
    pub fn new(name: &'static str, context: Context) -> Self {
        HostCheckpoints {
            storage: context.storage(),
            context,
            snapshot_key: format!("stream-processor:{name}:snapshot"),
            anchor_key: format!("stream-processor:{name}:side-effects-after-offset"),
            subscription_key_key: format!("stream-processor:{name}:subscription-key"),
            name,
        }
    }

    /// Sets the anchor at the first ever handshake; it never moves.
    ///
    /// # Errors
    /// The write is refused.
    pub fn anchor_at(&self, offset: Offset) -> Result<(), StorageError> {
        match self.storage.get::<Offset>(&self.anchor_key) {
            Ok(None) => self.storage.put(&self.anchor_key, &offset),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// A write is refused; those before it stand.
    pub fn forget(&self) -> Result<(), StorageError> {
        self.storage.delete(&self.snapshot_key)?;
        self.storage.delete(&self.anchor_key)?;
        self.storage.delete(&self.subscription_key_key)
    }

    /// # Errors
    /// The write is refused.
    pub fn put_subscription_key(&self, key: &str) -> Result<(), StorageError> {
        match self.subscription_key() {
            Some(stored) if stored == key => Ok(()),
            _ => self.storage.put(&self.subscription_key_key, &key),
        }
    }

    pub fn subscription_key(&self) -> Option<String> {
        self.storage
            .get(&self.subscription_key_key)
            .unwrap_or_default()
    }
}

impl Checkpoints for HostCheckpoints {
    fn read(&self) -> Result<Option<String>, String> {
        Ok(self.storage.get_json(&self.snapshot_key))
    }

    fn write(&self, offset: Offset, json: String, owes: bool) -> Result<(), StorageError> {
        let offset = offset.0;
        self.context
            .note(NoteKind::CheckpointWriting { offset }, self.name);
        self.storage.put_json(&self.snapshot_key, json)?;
        if owes && !self.context.quirk(Quirk::B53) {
            self.context.ensure_alarm(OBLIGATION_ALARM_MS);
        }
        self.context
            .note(NoteKind::CheckpointWritten { offset }, self.name);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        self.storage.delete(&self.snapshot_key)
    }

    /// Quirk B-43: there is none, and side effects run from the beginning (#1524).
    fn side_effects_after(&self) -> Offset {
        if self.context.quirk(Quirk::B43) {
            return Offset::ZERO;
        }
        self.storage
            .get(&self.anchor_key)
            .unwrap_or_default()
            .unwrap_or_default()
    }

    fn track(&self, work: Work) -> Work {
        Box::pin(self.context.track("effects of a batch", work))
    }

    fn keep_alive(&self, what: &'static str, work: LocalBoxFuture<'static, ()>) {
        self.context.wait_until(what, work);
    }

    fn log_failure(&self, what: &str, error: &ProcessorError) {
        self.context.note(
            NoteKind::Failure,
            format_args!("{} {what}: {error}", self.name),
        );
    }
}
