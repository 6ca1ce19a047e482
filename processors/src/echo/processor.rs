//! The echo processor: for each live example it appends its echo, keyed by the example's offset.
//! Blocking: the checkpoint passes an example when its echo stands.

use super::contract::*;
use runtime::{
    event::{Event, EventInput, PayloadError},
    processor::{Contract, Hook, Processor, Reduced, StreamPort},
};
use std::rc::Rc;

pub struct EchoProcessor {
    stream: Rc<dyn StreamPort>,
}

impl EchoProcessor {
    pub fn new(stream: Rc<dyn StreamPort>) -> Self {
        EchoProcessor { stream }
    }
}

impl Processor for EchoProcessor {
    type State = State;
    type Consumed = Example;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Example, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut State, _event: &Event, example: &Example) {
        state.heard += 1;
        state.last_message.clone_from(&example.message);
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let of = reduced.event.offset;
        let message = reduced.consumed.message.clone();
        let echo =
            EventInput::new(ECHOED, Echoed { of, message }).keyed(CONTRACT.key_at("echoed", of));
        let stream = self.stream.clone();
        hook.block(async move {
            stream.append_batch(None, vec![echo]).await?;
            Ok(())
        });
    }
}
