//! Compare-and-append: a decision about a stream, taken and appended against the same head.
//!
//! Production reads the stream, decides, then appends; whatever lands in between is what,
//! X-4 and B-50 are made of. Here the first event of a decision carries the offset that it must get.
//! If somebody was faster the stream refuses the whole batch, and the decision is taken anew.
//!
//! A try that was committed but whose reply got lost shows on the next read; a decision that looks
//! at what it reads therefore never happens twice. Its error is passed on: who asked knows when to
//! ask again.
//!
//! The head's fold is kept in memory, so a read fetches only what is new since the last one.

use runtime::{
    call::CallError,
    event::{Event, EventInput, Offset, PayloadError},
    processor::{ProcessorError, StreamPort},
    stream::AppendError,
};
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// How often one decision is taken anew because somebody else was faster.
const ATTEMPTS_MAX: u32 = 64;

/// A pure fold over a stream's events; types that it does not know leave it as it is.
pub trait Fold: Clone + Default {
    /// # Errors
    /// The payload of a type that it knows does not fit.
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError>;
}

/// A stream as far as it is known.
pub struct Head<F> {
    pub offset: Offset,
    pub fold: Rc<F>,
}

impl<F> Clone for Head<F> {
    fn clone(&self) -> Self {
        Head {
            offset: self.offset,
            fold: self.fold.clone(),
        }
    }
}

pub struct Transactions<F> {
    stream: Rc<dyn StreamPort>,
    known: RefCell<Head<F>>,
}

impl<F: Fold> Transactions<F> {
    pub fn new(stream: Rc<dyn StreamPort>) -> Self {
        Transactions {
            stream,
            known: RefCell::new(Head {
                offset: Offset::ZERO,
                fold: Rc::default(),
            }),
        }
    }

    /// Takes over a fold that somebody else made of the same stream, if it is further on.
    pub fn advance(&self, offset: Offset, fold: &Rc<F>) {
        let mut known = self.known.borrow_mut();
        if offset > known.offset {
            *known = Head {
                offset,
                fold: fold.clone(),
            };
        }
    }

    /// The head of the stream now.
    ///
    /// # Errors
    /// The stream cannot be reached, or an event does not parse.
    pub async fn read(&self) -> Result<Head<F>, ProcessorError> {
        let after = self.known.borrow().offset;
        let events = self.stream.events(after, None).await?;
        self.absorb(&events)?;
        Ok(self.known.borrow().clone())
    }

    /// Appends what `decide` makes of the head, which is what it holds when the append commits.
    /// Returns the head after it. A decision for nothing appends nothing.
    ///
    /// # Errors
    /// The stream cannot be reached or refuses the events. If the outcome is unknown, ask again.
    pub async fn append(
        &self,
        decide: impl Fn(&Head<F>) -> Vec<EventInput>,
    ) -> Result<Head<F>, ProcessorError> {
        let mut attempt = 1;
        loop {
            let head = self.read().await?;
            let mut decision = decide(&head);
            let Some(first) = decision.first_mut() else {
                return Ok(head);
            };
            first.offset = Some(head.offset.next());
            // Nobody else holds the fold while it moves on: it is changed in place, not copied.
            drop(head);
            match self.stream.append_batch(None, decision).await {
                Ok(events) => {
                    self.absorb(&events)?;
                    return Ok(self.known.borrow().clone());
                }
                Err(error) if was_outrun(&error) && attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Folds events that follow what is known; leaves a gap to the next read.
    fn absorb(&self, events: &[Arc<Event>]) -> Result<(), PayloadError> {
        let mut known = self.known.borrow_mut();
        let known = &mut *known;
        for event in events {
            if event.offset == known.offset.next() {
                Rc::make_mut(&mut known.fold).apply(event)?;
                known.offset = event.offset;
            }
        }
        Ok(())
    }
}

/// Somebody appended first, or this decision is in the stream already.
fn was_outrun(error: &CallError) -> bool {
    matches!(
        error.code(),
        Some(AppendError::OFFSET_CONFLICT | AppendError::KEY_CONFLICT)
    )
}
