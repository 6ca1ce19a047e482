//! Two agents whose people do not wait: inputs in bursts, inputs while the model answers, inputs that
//! stop it. Some answers take minutes, and what becomes of them must not need anybody's next word.

use super::platform::{self, agent_logs, agent_stream, beginning, draw, input, judged_by, outputs};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{
        Behaviour, CancelledRequest, LlmRequestCancelled, LLM_REQUEST_CANCELLED, LLM_REQUEST_QUEUED,
    },
    openai_ws::contract::LLM_REQUEST_ATTEMPT_FAILED,
};
use runtime::{event::StreamName, object::Class, processor::Fold};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::{OpenAiConfig, OpenAiFact},
    scenario::{Goal, Scenario, Services},
    world::{StreamLog, World},
};
use std::sync::Arc;

pub struct Interrupts;

const AGENTS: [&str; 2] = ["ada", "bob"];

/// Says that the answer may take its time.
const AT_LENGTH: &str = "Think it over at length.";
const TOKEN_OF_A_LONG_ANSWER_MS: u64 = 40_000;
const TOKEN_MS: u64 = 150;

static STEPS: Site = Site::draw(
    "workload.steps",
    Shape::Below { count: 4 },
    "how many things more than two somebody says to an agent",
);
static STEP: Site = Site::draw(
    "workload.step",
    Shape::Below { count: 8 },
    "what somebody says to an agent",
);
static THINK: Site = Site::draw(
    "workload.think-ms",
    Shape::Below { count: 1_500 },
    "how long somebody thinks before the next word",
);

const CUT_OFF: Goal = Goal {
    name: "call-cut-off",
    about: "an input interrupted a request while the model worked on it, and the call ended there",
};
const QUEUED: Goal = Goal {
    name: "queued",
    about: "an input was queued behind the request under way",
};
const UNSCHEDULED: Goal = Goal {
    name: "unscheduled",
    about: "an input interrupted a request that was not yet handed off",
};
const RECOVERED: Goal = Goal {
    name: "request-recovered",
    about: "a model request was taken up again after its object had died",
};
const ALL_ANSWERED: Goal = Goal {
    name: "all-answered",
    about: "the model answered both agents",
};

impl Scenario for Interrupts {
    fn name(&self) -> &'static str {
        "agent-interrupts"
    }

    fn about(&self) -> &'static str {
        "bursts of inputs, and interrupts, while a model answers for seconds or for minutes"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            ALL_ANSWERED,
            CUT_OFF,
            UNSCHEDULED,
            QUEUED,
            RECOVERED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: 400,
                token_ms: |asked| match asked.ends_with(AT_LENGTH) {
                    true => TOKEN_OF_A_LONG_ANSWER_MS,
                    false => TOKEN_MS,
                },
                ..OpenAiConfig::default()
            },
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let streams = AGENTS.map(agent_stream);
            for stream in &streams {
                let first = input(stream, 0, "Hello.", Behaviour::AfterCurrentRequest);
                drop(world.append(stream.clone(), vec![beginning(stream), first]));
            }
            for stream in &streams {
                let steps = 2 + draw(&world, &STEPS, stream);
                for number in 1..=steps {
                    world.sleep(1 + draw(&world, &THINK, stream)).await;
                    say(&world, stream, number * 10);
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Interrupts]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let any = |holds: fn(&StreamLog) -> bool| agent_logs(evidence).any(holds);
        let answered = agent_logs(evidence).filter(|log| outputs(log) > 0).count();
        let abandoned = |fact: &OpenAiFact| matches!(fact, OpenAiFact::Abandoned { .. });
        let is_abandoned = evidence.openai.iter().any(|entry| abandoned(&entry.what));
        names([
            (ALL_ANSWERED, answered == AGENTS.len()),
            (CUT_OFF, is_abandoned && any(|log| cancels(log, false))),
            (UNSCHEDULED, any(|log| cancels(log, true))),
            (QUEUED, any(|log| count(log, &LLM_REQUEST_QUEUED) > 0)),
            (
                RECOVERED,
                any(|log| count(log, &LLM_REQUEST_ATTEMPT_FAILED) > 0),
            ),
            crashed(evidence),
        ])
    }
}

/// Appends what was drawn; nobody waits for it.
fn say(world: &World, stream: &StreamName, number: u64) {
    use Behaviour::*;
    let one = |says, behaviour| vec![input(stream, number, says, behaviour)];
    let said = match draw(world, &STEP, stream) {
        0 | 1 => one("And then?", AfterCurrentRequest),
        2 => one(AT_LENGTH, AfterCurrentRequest),
        3 => one("By the way.", DontTriggerRequest),
        4 => vec![
            input(stream, number, "One thing.", AfterCurrentRequest),
            input(stream, number + 1, "And another.", AfterCurrentRequest),
        ],
        5 => one("Stop.", InterruptCurrentRequest),
        6 => one(&format!("Stop. {AT_LENGTH}"), InterruptCurrentRequest),
        _ => vec![
            input(stream, number, "No, wait.", AfterCurrentRequest),
            input(stream, number + 1, "Stop that.", InterruptCurrentRequest),
        ],
    };
    drop(world.append(stream.clone(), said));
}

/// A request was cancelled, in that phase.
fn cancels(log: &StreamLog, is_scheduled: bool) -> bool {
    let cancelled = log
        .events
        .iter()
        .filter(|event| event.kind == LLM_REQUEST_CANCELLED)
        .filter_map(|event| event.payload::<LlmRequestCancelled>().ok());
    let mut phases = cancelled.map(|it| matches!(it.cancelled, CancelledRequest::Scheduled { .. }));
    phases.any(|phase| phase == is_scheduled)
}
