//! The agent-chat processor (spec §5.2): each message and each response of a chat becomes an input, once,
//! after an explainer for its type. A message asks for an answer; a response, which the user has been
//! shown, asks for nothing.
//!
//! The inputs of a batch are appended together, in order, each keyed by its event: a batch that is
//! delivered again adds nothing.

use super::contract::{Consumed, State, ASSISTANT_RESPONSE_ADDED, CONTRACT, USER_MESSAGE_ADDED};
use crate::agent::{
    block::{explainer, note, Block},
    contract::{Behaviour, InputAdded, INPUT_ADDED},
};
use runtime::{
    event::{Event, EventInput, PayloadError},
    processor::{Contract, Dependencies, Hook, Processor, Reduced, StreamPort},
};
use std::rc::Rc;

pub struct AgentChatProcessor {
    stream: Rc<dyn StreamPort>,
}

impl AgentChatProcessor {
    pub fn new(dependencies: Dependencies) -> Self {
        AgentChatProcessor {
            stream: dependencies.stream,
        }
    }
}

impl Processor for AgentChatProcessor {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(match event.kind == USER_MESSAGE_ADDED {
            true => Consumed::UserMessage(event.payload()?),
            false => Consumed::AssistantResponse(event.payload()?),
        })
    }

    fn reduce(_state: &mut State, _event: &Event, _consumed: &Consumed) {}

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let inputs: Vec<EventInput> = hook.live.iter().flat_map(rendered).collect();
        if !inputs.is_empty() {
            let stream = self.stream.clone();
            hook.block(async move {
                stream.append_batch(None, inputs).await?;
                Ok(())
            });
        }
    }
}

/// The inputs that tell of an event.
fn rendered(reduced: &Reduced<AgentChatProcessor>) -> [EventInput; 2] {
    let (offset, kind) = (reduced.event.offset, &reduced.event.kind);
    let block = Block::of(offset, kind);
    match &reduced.consumed {
        Consumed::UserMessage(message) => {
            let content = block
                .field("channel", message.channel.name())
                .body("content", &message.content)
                .end();
            let input = InputAdded::new(content, Behaviour::default());
            [
                explainer(
                    &CONTRACT,
                    &USER_MESSAGE_ADDED,
                    "the user wrote to you, through the channel that is named.",
                ),
                EventInput::new(INPUT_ADDED, input)
                    .keyed(CONTRACT.key_at("render-message", offset)),
            ]
        }
        Consumed::AssistantResponse(response) => {
            let content = block
                .field("channel", response.channel.name())
                .body("message", &response.message)
                .end();
            [
                explainer(
                    &CONTRACT,
                    &ASSISTANT_RESPONSE_ADDED,
                    "the user was shown this as a response of yours.",
                ),
                note(content).keyed(CONTRACT.key_at("render-response", offset)),
            ]
        }
    }
}
