//! The agent-host processor (spec §5.3, rule 2): a stream that is created below an agent's becomes
//! an agent. Blocking: a boot that fails is tried again with its batch.
//!
//! Production also boots the agent of the own stream; here the object that hosts this processor is
//! that agent. Script execution belongs to codemode, which is not built.

use super::contract::{State, CONTRACT};
use crate::agent::object::BINDING;
use runtime::{
    call::Arguments,
    event::{Event, PayloadError, StreamName, StreamPath},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, ProcessorError, Reduced},
    stream::contract::ChildStreamCreated,
};
use std::rc::Rc;

/// Streams below a segment of this name are infrastructure: an agent there would create further
/// ones, without end (#1501, B-37).
const INFRASTRUCTURE_SEGMENT: &str = "itx";

pub struct AgentHostProcessor {
    context: Context,
    stream: StreamName,
}

impl AgentHostProcessor {
    pub fn new(dependencies: Dependencies, stream: &StreamName) -> Self {
        AgentHostProcessor {
            context: dependencies.context,
            stream: stream.clone(),
        }
    }
}

impl Processor for AgentHostProcessor {
    type State = State;
    type Consumed = ChildStreamCreated;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<ChildStreamCreated, PayloadError> {
        event.payload()
    }

    fn reduce(_state: &mut State, _event: &Event, _consumed: &ChildStreamCreated) {}

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let Ok(child) = StreamPath::parse(&reduced.consumed.child_path) else {
            return;
        };
        if child.segments().any(|part| part == INFRASTRUCTURE_SEGMENT) {
            return;
        }
        let name = StreamName::new(&self.stream.namespace, child);
        let agent = self.context.object(BINDING, name);
        hook.block(async move {
            let booted = agent.call("initialize", Arguments::new()).await;
            booted.map(drop).map_err(ProcessorError::from)
        });
    }
}
