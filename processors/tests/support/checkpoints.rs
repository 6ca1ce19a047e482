//! Checkpoints in memory that remember the older ones, so that a crash can lose the newest.

use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Offset,
    platform::StorageError,
    processor::{Checkpoints, ProcessorError},
};
use std::cell::RefCell;
use tokio::task::AbortHandle;

#[derive(Default)]
pub struct FakeCheckpoints {
    written: RefCell<Vec<String>>,
    side_effects_after: Offset,
    kept_alive: RefCell<Vec<AbortHandle>>,
}

impl FakeCheckpoints {
    pub fn anchored(side_effects_after: Offset) -> Self {
        FakeCheckpoints {
            side_effects_after,
            ..FakeCheckpoints::default()
        }
    }

    /// The incarnation is gone, with what it kept alive.
    pub fn end(&self) {
        for work in self.kept_alive.take() {
            work.abort();
        }
    }

    pub fn lose(&self, count: usize) {
        let mut written = self.written.borrow_mut();
        let kept = written.len().saturating_sub(count);
        written.truncate(kept);
    }
}

impl Checkpoints for FakeCheckpoints {
    fn read(&self) -> Result<Option<String>, String> {
        Ok(self.written.borrow().last().cloned())
    }

    fn write(&self, _offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        self.written.borrow_mut().push(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        self.written.borrow_mut().clear();
        Ok(())
    }

    fn side_effects_after(&self) -> Offset {
        self.side_effects_after
    }

    fn keep_alive(&self, _what: &'static str, work: LocalBoxFuture<'static, ()>) {
        let work = tokio::task::spawn_local(work);
        self.kept_alive.borrow_mut().push(work.abort_handle());
    }

    fn log_failure(&self, _what: &str, _error: &ProcessorError) {}
}
