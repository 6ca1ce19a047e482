//! The fold of a log by a processor's reducer, from nothing or from a checkpoint, without effects.

use super::{contract::WILDCARD, Contract, Processor, ProcessorError};
use crate::event::{Event, EventType, Offset};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Where a fold begins; none: at the first event.
type Checkpoint<'a> = Option<(Offset, &'a Value)>;

/// From a checkpoint, over a log, up to and including an offset.
type Run = fn(Checkpoint<'_>, &[Arc<Event>], Offset) -> Result<Value, ProcessorError>;

/// A processor's reducer, of any type.
#[derive(Clone, Copy)]
pub struct Fold {
    contract: fn() -> &'static Contract,
    run: Run,
}

impl Fold {
    pub const fn of<P: Processor>() -> Self {
        Fold {
            contract: P::contract,
            run: run::<P>,
        }
    }

    pub fn slug(&self) -> &'static str {
        (self.contract)().slug
    }

    pub fn consumes(&self, kind: &EventType) -> bool {
        (self.contract)().consumes(kind)
    }

    /// It named no types: every event is for it.
    pub fn consumes_everything(&self) -> bool {
        (self.contract)().consumes.contains(&WILDCARD)
    }

    /// The state after the events up to and including `offset`, as JSON.
    ///
    /// # Errors
    /// A consumed event does not parse.
    pub fn run(&self, events: &[Arc<Event>], offset: Offset) -> Result<Value, ProcessorError> {
        (self.run)(None, events, offset)
    }

    /// The same from a checkpoint: a stored state, and the offset at which it was stored.
    ///
    /// # Errors
    /// The state, or a consumed event behind it, does not parse.
    pub fn resume(
        &self,
        checkpoint: (Offset, &Value),
        events: &[Arc<Event>],
        offset: Offset,
    ) -> Result<Value, ProcessorError> {
        (self.run)(Some(checkpoint), events, offset)
    }
}

fn run<P: Processor>(
    checkpoint: Checkpoint<'_>,
    events: &[Arc<Event>],
    offset: Offset,
) -> Result<Value, ProcessorError> {
    let unreadable = |error: serde_json::Error| {
        ProcessorError::Checkpoint(format!("{}: {error}", P::contract().slug))
    };
    let (after, mut state) = match checkpoint {
        None => (Offset::ZERO, P::State::default()),
        Some((after, state)) => (after, P::State::deserialize(state).map_err(unreadable)?),
    };
    let contract = P::contract();
    let from = events.partition_point(|event| event.offset <= after);
    for event in events[from..]
        .iter()
        .take_while(|event| event.offset <= offset)
    {
        if contract.consumes(&event.kind) {
            let consumed = P::parse(event)?;
            P::reduce(&mut state, event, &consumed);
        }
    }
    serde_json::to_value(&state).map_err(unreadable)
}
