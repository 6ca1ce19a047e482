//! The project lifecycle (spec §5.6): a pure projection. The other events of a project are checked, and
//! change nothing.

use super::contract::*;
use runtime::{
    event::{Event, PayloadError},
    processor::{Contract, Processor},
};

pub struct ProjectLifecycle;

pub enum Consumed {
    Created(Project),
    Other,
}

impl Processor for ProjectLifecycle {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        match &event.kind {
            kind if *kind == CONFIG_WORKER_BUILT => {
                event.payload::<ConfigWorkerBuilt>()?;
            }
            kind if *kind == CNAME_RECORD_CREATED => {
                event.payload::<CnameRecordCreated>()?;
            }
            kind if *kind == CNAME_RECORD_CREATION_FAILED => {
                event.payload::<CnameRecordCreationFailed>()?;
            }
            _ => return event.payload().map(Consumed::Created),
        }
        Ok(Consumed::Other)
    }

    fn reduce(state: &mut State, _event: &Event, consumed: &Consumed) {
        if let Consumed::Created(project) = consumed {
            state.project = Some(project.clone());
        }
    }
}
