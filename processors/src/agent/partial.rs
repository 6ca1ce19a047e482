//! What the model has said so far of an answer that it has not finished. The provider writes it, the
//! agent reads it when the request is cancelled, so that the next prompt holds what the user may have
//! seen (#1886, B-61).
//!
//! Both are processors of one object, so they share it in memory. It dies with the incarnation, as does
//! the execution that it is about: what is executed anew is said anew.

use runtime::event::Offset;
use std::{cell::RefCell, rc::Rc};

/// Of the request that is executed now, or was executed last; there is one at a time.
#[derive(Clone, Default)]
pub struct PartialAnswer(Rc<RefCell<Option<(Offset, String)>>>);

impl PartialAnswer {
    /// The model is asked, and has said nothing.
    pub fn begin(&self, request: Offset) {
        self.0.replace(Some((request, String::new())));
    }

    pub fn add(&self, request: Offset, text: &str) {
        if let Some((current, said)) = &mut *self.0.borrow_mut() {
            if *current == request {
                said.push_str(text);
            }
        }
    }

    /// None if the model has said nothing.
    pub fn of(&self, request: Offset) -> Option<String> {
        let current = self.0.borrow();
        let (_, said) = current
            .as_ref()
            .filter(|(current, _)| *current == request)?;
        (!said.is_empty()).then(|| said.clone())
    }
}
