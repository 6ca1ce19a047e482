//! What the scenarios of agents share: the classes of objects, the reducers, how an agent comes to
//! be, what clients append, and readings of the evidence.

use crate::readings::count;
use processors::{
    agent::{
        self,
        contract::{Behaviour, InputAdded, INPUT_ADDED, OUTPUT_ADDED},
    },
    agent_chat, agent_host, codemode, openai_ws,
};
use runtime::{
    event::{EventInput, StreamName, StreamPath},
    object::Class,
    processor::Fold,
    stream,
};
use sim::{oracles::Evidence, world::StreamLog};

pub static CLASSES: [Class; 3] = [stream::CLASS, agent::object::CLASS, codemode::object::CLASS];

pub static FOLDS: [Fold; 5] = [
    Fold::of::<agent::AgentProcessor>(),
    Fold::of::<agent_chat::AgentChatProcessor>(),
    Fold::of::<codemode::processor::CodemodeProcessor>(),
    Fold::of::<agent_host::AgentHostProcessor>(),
    Fold::of::<openai_ws::OpenAiWsProcessor>(),
];

/// The oracles of a scenario: those to which every agent gives something to judge, and its own in
/// their midst. Safety first; of liveness, who owes what before whether the world came to rest.
macro_rules! judged_by {
    ($($own:ident),*) => {{
        use $crate::properties::*;
        use sim::oracles::*;
        static ORACLES: &[&dyn Oracle] = &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &OneRequest,
            &OneOutput,
            &Reasons,
            &ModelCalls,
            &Anchors,
            &Deadlocks,
            $(&$own,)*
            &Obligations,
            &StateIsFold,
            &StaleOutputs,
            &Filter,
            &Subscriptions,
            &Presence,
            &Announcements,
            &Connections,
            &Quiesces,
        ];
        ORACLES
    }};
}
pub(super) use judged_by;

/// The stream of an agent.
pub fn agent_stream(name: &str) -> StreamName {
    let path = format!("/agents/{name}");
    StreamName::new("p1", StreamPath::parse(&path).expect("a path"))
}

/// What makes an agent of a stream: the subscription of its object, which sets up the rest.
pub fn beginning(stream: &StreamName) -> EventInput {
    agent::object::subscription(stream, agent_host::contract::SLUG)
}

/// An input that nobody else says.
pub fn input(stream: &StreamName, number: u64, says: &str, behaviour: Behaviour) -> EventInput {
    let content = format!("{}, number {number}: {says}", stream.path);
    EventInput::new(INPUT_ADDED, InputAdded::new(content, behaviour))
        .keyed(format!("workload/input-{number}"))
}

pub fn agent_logs(evidence: &Evidence) -> impl Iterator<Item = &StreamLog> {
    evidence
        .logs
        .values()
        .filter(|log| log.name.path.as_str().starts_with("/agents/"))
}

pub fn outputs(log: &StreamLog) -> usize {
    count(log, &OUTPUT_ADDED)
}
