//! The checkpoints of a story. They remember the older ones, so that a crash can lose the newest.

use crate::{
    effect::{Effect, Journal},
    ports::Ports,
};
use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Offset,
    platform::StorageError,
    processor::{Checkpoints, ProcessorError},
};
use std::{cell::RefCell, rc::Rc};

/// What is durable, from one life to the next.
#[derive(Default)]
pub struct Written {
    pub snapshots: RefCell<Vec<(Offset, String)>>,
    pub side_effects_after: Offset,
}

impl Written {
    /// Forgets every checkpoint above an offset.
    pub fn lose_above(&self, offset: Offset) {
        let mut snapshots = self.snapshots.borrow_mut();
        snapshots.retain(|(at, _)| *at <= offset);
    }
}

/// The checkpoints as one life sees them.
pub struct StoryCheckpoints {
    pub written: Rc<Written>,
    pub ports: Rc<Ports>,
    pub journal: Journal,
}

impl Checkpoints for StoryCheckpoints {
    fn read(&self) -> Result<Option<String>, String> {
        let snapshots = self.written.snapshots.borrow();
        Ok(snapshots.last().map(|(_, json)| json.clone()))
    }

    fn write(&self, offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        self.written.snapshots.borrow_mut().push((offset, json));
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        self.written.snapshots.borrow_mut().clear();
        Ok(())
    }

    fn side_effects_after(&self) -> Offset {
        self.written.side_effects_after
    }

    fn keep_alive(&self, _what: &'static str, work: LocalBoxFuture<'static, ()>) {
        self.ports.spawn(work);
    }

    fn log_failure(&self, what: &str, error: &ProcessorError) {
        self.journal
            .note(Effect::Failed(format!("{what}: {error}")));
    }
}
