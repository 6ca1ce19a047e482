//! What the Slack scenarios share: the classes of objects, the services, the reducers, the oracles,
//! and readings of the evidence.

use crate::{
    properties::{
        AcknowledgedInTime, AcknowledgedIsDurable, Forgeries, MessagesReachAgents, ModelCalls,
        Obligations, OneOutput, OneRequest, Presence, Secrets, StaleOutputs, TerminalText,
    },
    readings::count,
};
use processors::{
    agent::{self, contract::OUTPUT_ADDED},
    agent_chat, agent_host, codemode, edge, openai_ws, slack, slack_agent,
};
use runtime::{
    event::{StreamName, StreamPath},
    object::Class,
    processor::Fold,
    stream,
};
use sim::{
    choice::Budget,
    oracles::{
        Announcements, Connections, Deadlocks, DeliveriesIncrease, Evidence, Filter, KeysAreUnique,
        LogIsKept, OffsetsAreDense, Oracle, Quiesces, Recoveries, StateIsFold, Subscriptions,
    },
    scenario::Services,
    world::StreamLog,
};

pub static CLASSES: [Class; 5] = [
    stream::CLASS,
    slack::object::CLASS,
    slack_agent::object::CLASS,
    codemode::object::CLASS,
    agent::object::CLASS,
];

pub static FOLDS: [Fold; 7] = [
    Fold::of::<slack::processor::SlackRouter>(),
    Fold::of::<slack_agent::processor::SlackAgent>(),
    Fold::of::<codemode::CodemodeProcessor>(),
    Fold::of::<agent::AgentProcessor>(),
    Fold::of::<agent_chat::AgentChatProcessor>(),
    Fold::of::<agent_host::AgentHostProcessor>(),
    Fold::of::<openai_ws::OpenAiWsProcessor>(),
];

/// Safety first; of liveness, who owes what before whether the world came to rest.
pub static ORACLES: [&dyn Oracle; 24] = [
    &OffsetsAreDense,
    &KeysAreUnique,
    &DeliveriesIncrease,
    &AcknowledgedIsDurable,
    &AcknowledgedInTime,
    &Forgeries,
    &Secrets,
    &TerminalText,
    &OneRequest,
    &OneOutput,
    &ModelCalls,
    &Deadlocks,
    &Obligations,
    &MessagesReachAgents,
    &StateIsFold,
    &LogIsKept,
    &StaleOutputs,
    &Filter,
    &Subscriptions,
    &Presence,
    &Recoveries,
    &Announcements,
    &Connections,
    &Quiesces,
];

/// An ordinary budget, with room for something that cannot be made good.
pub const fn losing(sites: &'static [(&'static str, u32)]) -> Budget {
    Budget {
        sites,
        ..Budget::ORDINARY
    }
}

pub fn services() -> Services {
    Services {
        worker: |context, stream| Box::pin(edge::serve_connection(context, stream)),
        ..Services::default()
    }
}

/// The stream of the integration.
pub fn integration() -> StreamName {
    let path = StreamPath::parse(slack::object::STREAM_PATH).expect("a path");
    StreamName::new("p1", path)
}

/// The routed stream of a thread in channel `C123`.
pub fn routed(thread_ts: &str) -> StreamName {
    let path = format!("/agents/slack/c123/ts-{}", thread_ts.replace('.', "-"));
    StreamName::new("p1", StreamPath::parse(&path).expect("a path"))
}

/// The logs of routed streams.
pub fn routed_logs(evidence: &Evidence) -> impl Iterator<Item = &StreamLog> {
    evidence
        .logs
        .values()
        .filter(|log| log.name.path.as_str().starts_with("/agents/slack/"))
}

pub fn outputs(log: &StreamLog) -> usize {
    count(log, &OUTPUT_ADDED)
}
