//! The fold of a log by a processor's reducer, from nothing, without effects.

use super::{contract::WILDCARD, Contract, Processor, ProcessorError};
use crate::event::{Event, EventType, Offset};
use serde_json::Value;
use std::sync::Arc;

/// A processor's reducer, of any type.
#[derive(Clone, Copy)]
pub struct Fold {
    contract: fn() -> &'static Contract,
    run: fn(&[Arc<Event>], Offset) -> Result<Value, ProcessorError>,
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
        (self.run)(events, offset)
    }
}

fn run<P: Processor>(events: &[Arc<Event>], offset: Offset) -> Result<Value, ProcessorError> {
    let mut state = P::State::default();
    let contract = P::contract();
    for event in events.iter().take_while(|event| event.offset <= offset) {
        if contract.consumes(&event.kind) {
            let consumed = P::parse(event)?;
            P::reduce(&mut state, event, &consumed);
        }
    }
    serde_json::to_value(&state).map_err(|error| ProcessorError::Checkpoint(error.to_string()))
}
