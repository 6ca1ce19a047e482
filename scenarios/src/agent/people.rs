//! People who talk to agents: they append to their streams, or write to their objects; and who lose
//! patience.

use super::platform::{agent_stream, beginning, input};
use processors::{
    agent::{
        self,
        contract::{
            Behaviour, CancelReason, CancelledRequest, Consumed, CurrentRequest,
            LlmRequestCancelled, State, LLM_REQUEST_CANCELLED,
        },
    },
    agent_chat::contract::Channel,
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, Offset, StreamName},
    stream::{AppendError, StreamClient},
};
use serde::{Deserialize, Serialize};
use sim::world::World;
use std::{collections::BTreeSet, future::Future};

/// How long somebody waits who has heard nothing, before they try again.
const RETRY_MS: u64 = 500;

/// Something that is said to an agent at once, without waiting for an answer.
#[derive(Serialize, Deserialize)]
pub struct Say {
    pub after_ms: u64,
    pub to: String,
    pub inputs: Vec<Input>,
}

/// An input that nobody else says.
#[derive(Serialize, Deserialize)]
pub struct Input {
    pub number: u64,
    pub says: String,
    pub behaviour: Behaviour,
}

impl Input {
    pub fn new(number: u64, says: &str, behaviour: Behaviour) -> Self {
        Input {
            number,
            says: says.to_owned(),
            behaviour,
        }
    }
}

/// Who talks to agents. Whoever is spoken to for the first time begins to be one.
pub struct People<'a> {
    world: &'a World,
    begun: BTreeSet<String>,
}

impl<'a> People<'a> {
    pub fn new(world: &'a World) -> Self {
        People {
            world,
            begun: BTreeSet::new(),
        }
    }

    /// Waits as long as it says, and appends it; nobody waits for the stream's answer.
    pub async fn say(&mut self, said: Say) {
        let Say {
            after_ms,
            to,
            inputs,
        } = said;
        self.world.sleep(after_ms).await;
        let stream = agent_stream(&to);
        let inputs = inputs
            .iter()
            .map(|one| input(&stream, one.number, &one.says, one.behaviour));
        let is_first = self.begun.insert(to);
        let first = is_first.then(|| beginning(&stream));
        let events = first.into_iter().chain(inputs).collect();
        drop(self.world.append(stream, events));
    }
}

/// Writes a message to an agent's object, until that has taken it. It begins at once, whether or not
/// the future is polled.
pub fn chat(
    world: &World,
    agent: &StreamName,
    number: u64,
    says: &str,
    channel: Channel,
) -> impl Future<Output = ()> + Send + 'static {
    let name = agent.to_string();
    let message = Arguments::new()
        .json("content", says)
        .json("channel", channel)
        .json("idempotencyKey", message_key(number));
    world.client(move |context| {
        Box::pin(async move {
            let agent = context.object(agent::object::BINDING, &name);
            while let Err(error) = agent.call("sendMessage", message.clone()).await {
                let is_paused = error.code() == Some(AppendError::PAUSED);
                let may_succeed = is_paused || error.is_transient();
                assert!(may_succeed, "{name} refuses a message: {error}");
                context.sleep("write again", RETRY_MS).await;
            }
        })
    })
}

pub fn message_key(number: u64) -> String {
    format!("workload/message-{number}")
}

/// Stops whatever an agent has scheduled or under way, once: no input is the reason.
pub fn stop(world: &World, agent: &StreamName, number: u64) {
    let agent = agent.clone();
    drop(world.client(move |context| {
        Box::pin(async move {
            let stream = StreamClient::named(&context, &agent);
            while let Err(error) = try_to_stop(&stream, number).await {
                match error.code() {
                    // It was taken, and the answer got lost.
                    Some(AppendError::KEY_CONFLICT) => return,
                    Some(AppendError::OFFSET_CONFLICT) => {}
                    _ => assert!(
                        error.is_transient(),
                        "{agent} is not to be stopped: {error}"
                    ),
                }
                context.sleep("stop again", RETRY_MS).await;
            }
        })
    }));
}

async fn try_to_stop(stream: &StreamClient, number: u64) -> Result<(), CallError> {
    let mut agent = Reader::default();
    agent.read_on(stream).await?;
    let Reader { state, head } = agent;
    let cancelled = match state.current_request {
        None => return Ok(()),
        Some(CurrentRequest::Scheduled { request_id, .. }) => {
            CancelledRequest::Scheduled { request_id }
        }
        Some(CurrentRequest::Requested { llm_request_id }) => {
            CancelledRequest::Requested { llm_request_id }
        }
    };
    let stopped = LlmRequestCancelled {
        cancelled,
        reason: CancelReason::InterruptedByUserInput,
    };
    let stopped = EventInput::new(LLM_REQUEST_CANCELLED, stopped)
        .keyed(format!("workload/stop-{number}"))
        .at(head.next());
    stream.append_batch(None, vec![stopped]).await.map(drop)
}

/// What an agent's stream says of it, as far as it was read.
#[derive(Default)]
pub struct Reader {
    pub state: State,
    /// The last offset that was read.
    pub head: Offset,
}

impl Reader {
    /// Reads what was appended since.
    pub async fn read_on(&mut self, stream: &StreamClient) -> Result<(), CallError> {
        for event in stream.events(self.head, None).await?.iter() {
            if let Ok(Some(consumed)) = Consumed::parse(event) {
                self.state.reduce(event.offset, &consumed);
            }
            self.head = event.offset;
        }
        Ok(())
    }
}
