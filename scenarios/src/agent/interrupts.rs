//! Two agents whose people do not wait: inputs in bursts, inputs while the model answers, inputs that
//! interrupt it, at once or when it has said something, and people who stop it without a word. Some
//! answers take minutes, and what becomes of them must not need anybody's next word.

use super::{
    operator,
    people::{stop, Input, People, Say},
    platform::{self, agent_logs, agent_stream, judged_by, outputs},
};
use crate::readings::{all, count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{
        Behaviour, CancelledRequest, InputAdded, LlmRequestCancelled, INPUT_ADDED,
        LLM_REQUEST_CANCELLED, LLM_REQUEST_QUEUED,
    },
    openai_ws::contract::LLM_REQUEST_ATTEMPT_FAILED,
};
use runtime::{event::Event, object::Class, processor::Fold};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::{OpenAiConfig, OpenAiFact},
    scenario::{Goal, Scenario, Services},
    world::{Draws, StreamLog, World},
};
use std::sync::Arc;

pub struct Interrupts;

const AGENTS: [&str; 2] = ["ada", "bob"];

/// Says that the answer may take its time.
const AT_LENGTH: &str = "Think it over at length.";
const TOKEN_OF_A_LONG_ANSWER_MS: u64 = 40_000;
const TOKEN_MS: u64 = 150;
/// Longer than a first word takes to be heard.
const ON_THE_WAY_MS: u64 = 21_000;

static STEPS: Site = Site::operation(
    "workload.steps",
    Shape::Below { count: 4 },
    "how many things more than two somebody says to an agent",
);
static STEP: Site = Site::operation(
    "workload.step",
    Shape::Below { count: 12 },
    "what somebody says to an agent, or does to it",
);
static THINK: Site = Site::operation(
    "workload.think-ms",
    Shape::Below { count: 1_500 },
    "how long somebody thinks before the next word",
);
static PATIENCE: Site = Site::operation(
    "workload.patience-ms",
    Shape::Below { count: 50_000 },
    "how long, beyond a long answer's first words, somebody listens before they interrupt it",
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
const STOPPED: Goal = Goal {
    name: "stopped",
    about: "somebody stopped a request that was not yet handed off, and nothing took its place",
};
const HEARD: Goal = Goal {
    name: "partial-answer-told",
    about: "the model was told what it had said when it was interrupted",
};
const RECOVERED: Goal = Goal {
    name: "request-recovered",
    about: "a model request was taken up again after its object had died",
};
const ALL_ANSWERED: Goal = Goal {
    name: "all-answered",
    about: "the model answered both agents",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(Say),
    /// Whatever the agent has scheduled or under way is stopped.
    Stop {
        after_ms: u64,
        to: String,
        number: u64,
    },
    /// Its object is killed.
    Kill {
        after_ms: u64,
        to: String,
    },
}

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
            STOPPED,
            HEARD,
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
            let mut people = People::new(&world);
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Say(said) => people.say(said).await,
                    Step::Stop {
                        after_ms,
                        to,
                        number,
                    } => {
                        world.sleep(after_ms).await;
                        stop(&world, &agent_stream(&to), number);
                    }
                    Step::Kill { after_ms, to } => {
                        world.sleep(after_ms).await;
                        operator::kill(&world, &agent_stream(&to));
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![PartialAnswers, Interrupts]
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
            (STOPPED, any(is_stopped)),
            (HEARD, any(tells_of_partial_answer)),
            (
                RECOVERED,
                any(|log| count(log, &LLM_REQUEST_ATTEMPT_FAILED) > 0),
            ),
            crashed(evidence),
        ])
    }
}

/// Both agents are greeted, and then spoken to, the one after the other.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let greet = |agent| {
        let hello = Input::new(0, "Hello.", Behaviour::AfterCurrentRequest);
        say(0, agent, vec![hello])
    };
    let mut steps = Vec::from(AGENTS.map(greet));
    for agent in AGENTS {
        let subject = format!("/agents/{agent}");
        for number in 1..=2 + draws.draw(&STEPS, subject.as_str()) {
            let after_ms = 1 + draws.draw(&THINK, subject.as_str());
            let step = draws.draw(&STEP, subject.as_str());
            let listens_ms = || draws.draw(&PATIENCE, subject.as_str());
            steps.extend(drawn(step, after_ms, agent, number * 10, listens_ms));
        }
    }
    steps
}

fn say(after_ms: u64, agent: &str, inputs: Vec<Input>) -> Step {
    Step::Say(Say {
        after_ms,
        to: agent.to_owned(),
        inputs,
    })
}

fn drawn(
    step: u64,
    after_ms: u64,
    agent: &str,
    number: u64,
    listens_ms: impl Fn() -> u64,
) -> Vec<Step> {
    let to = agent.to_owned();
    match step {
        8 => vec![Step::Stop {
            after_ms,
            to,
            number,
        }],
        // Who comes back finds the request stopped that it had left.
        9 => vec![
            Step::Kill {
                after_ms,
                to: to.clone(),
            },
            Step::Stop {
                after_ms: 1,
                to,
                number,
            },
        ],
        10 | 11 => {
            use Behaviour::*;
            let at_length = Input::new(number, AT_LENGTH, InterruptCurrentRequest);
            let enough = Input::new(number + 1, "Enough.", InterruptCurrentRequest);
            let said_ms = TOKEN_OF_A_LONG_ANSWER_MS + ON_THE_WAY_MS;
            vec![
                say(after_ms, agent, vec![at_length]),
                say(said_ms + listens_ms(), agent, vec![enough]),
            ]
        }
        step => vec![say(after_ms, agent, inputs(step, number))],
    }
}

fn inputs(step: u64, number: u64) -> Vec<Input> {
    use Behaviour::*;
    let one = |says: &str, behaviour| vec![Input::new(number, says, behaviour)];
    match step {
        0 | 1 => one("And then?", AfterCurrentRequest),
        2 => one(AT_LENGTH, AfterCurrentRequest),
        3 => one("By the way.", DontTriggerRequest),
        4 => vec![
            Input::new(number, "One thing.", AfterCurrentRequest),
            Input::new(number + 1, "And another.", AfterCurrentRequest),
        ],
        5 => one("Stop.", InterruptCurrentRequest),
        6 => one(&format!("Stop. {AT_LENGTH}"), InterruptCurrentRequest),
        _ => vec![
            Input::new(number, "No, wait.", AfterCurrentRequest),
            Input::new(number + 1, "Stop that.", InterruptCurrentRequest),
        ],
    }
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

/// Somebody stopped a request that was scheduled, and no input was the reason.
fn is_stopped(log: &StreamLog) -> bool {
    let stops = |event: &Arc<Event>| {
        let own = event.idempotency_key.as_ref();
        let cancelled = event.payload::<LlmRequestCancelled>();
        own.is_some_and(|own| own.as_str().starts_with("workload/stop-"))
            && cancelled.is_ok_and(|it| matches!(it.cancelled, CancelledRequest::Scheduled { .. }))
    };
    all(&log.events, LLM_REQUEST_CANCELLED).any(stops)
}

fn tells_of_partial_answer(log: &StreamLog) -> bool {
    let mut inputs = all(&log.events, INPUT_ADDED);
    inputs.any(|event| {
        let input = event.payload::<InputAdded>();
        input.is_ok_and(|input| input.content.contains("  partialAnswer: |-"))
    })
}
