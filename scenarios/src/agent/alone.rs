//! One question, and an answer that takes longer than a stream keeps subscribers to whom nothing
//! happens. Somebody kills the agent's object after that, while the model is still at it: the log is
//! delivered to its end, nobody is connected, nobody says a word (B-53). The answer comes all the same.

use super::{
    operator,
    people::{Input, People, Say},
    platform::{self, agent_stream, judged_by, outputs},
};
use crate::readings::{all, count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{Behaviour, OUTPUT_ADDED},
    openai_ws::contract::LLM_REQUEST_ATTEMPT_FAILED,
};
use runtime::{
    object::Class,
    processor::Fold,
    stream::contract::{DisconnectReason, SubscriberDisconnected, SUBSCRIBER_DISCONNECTED},
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::OpenAiConfig,
    scenario::{Goal, Scenario, Services},
    world::World,
};
use std::sync::Arc;

pub struct Alone;

const AGENT: &str = "eve";

/// Shorter than the time in which a silent service is given up.
const TOKEN_MS: u64 = 55_000;
/// When the stream lets go of everybody.
const IDLE_MS: u64 = 300_000;

static KILLED: Site = Site::operation(
    "workload.killed-ms",
    Shape::Below { count: 24_000 },
    "how long after its stream let go of it an agent's object is killed",
);

const LET_GO: Goal = Goal {
    name: "let-go",
    about: "the stream let go of its subscribers before the answer was there",
};
const RECOVERED: Goal = Goal {
    name: "request-recovered",
    about: "the model was asked again after the object had been killed",
};
const ANSWERED: Goal = Goal {
    name: "answered",
    about: "the answer came",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(Say),
    Kill { after_ms: u64 },
}

impl Scenario for Alone {
    fn name(&self) -> &'static str {
        "agent-alone"
    }

    fn about(&self) -> &'static str {
        "an agent dies over an answer that takes minutes, when nobody is connected any more"
    }

    fn goals(&self) -> &'static [Goal] {
        &[LET_GO, RECOVERED, ANSWERED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: TOKEN_MS,
                token_ms: |_| TOKEN_MS,
                ..OpenAiConfig::default()
            },
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let steps = world.operations("somebody", |draws| {
                let asked = Input::new(1, "Why?", Behaviour::AfterCurrentRequest);
                vec![
                    Step::Say(Say {
                        after_ms: 0,
                        to: AGENT.to_owned(),
                        inputs: vec![asked],
                    }),
                    Step::Kill {
                        after_ms: IDLE_MS + 1_000 + draws.draw(&KILLED, "/agents/eve"),
                    },
                ]
            });
            let mut people = People::new(&world);
            for step in steps {
                match step {
                    Step::Say(said) => people.say(said).await,
                    Step::Kill { after_ms } => {
                        world.sleep(after_ms).await;
                        operator::kill(&world, &agent_stream(AGENT));
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let Some(log) = evidence.logs.get(&agent_stream(AGENT)) else {
            return names([crashed(evidence)]);
        };
        let is_idle = |reason| reason == DisconnectReason::Idle;
        let let_go = all(&log.events, SUBSCRIBER_DISCONNECTED)
            .filter_map(|event| Some((event.offset, event.payload().ok()?)))
            .find(|(_, it): &(_, SubscriberDisconnected)| is_idle(it.reason));
        let answer = all(&log.events, OUTPUT_ADDED).next();
        let is_late = let_go
            .zip(answer)
            .is_some_and(|((let_go, _), answer)| let_go < answer.offset);
        names([
            (LET_GO, is_late),
            (RECOVERED, count(log, &LLM_REQUEST_ATTEMPT_FAILED) > 0),
            (ANSWERED, outputs(log) > 0),
            crashed(evidence),
        ])
    }
}
