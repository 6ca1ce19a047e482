//! Somebody deploys while a person waits for an answer: the agent's object is killed again and again, each
//! time in the midst of the model's answer. The service is well, and so is the way to it. The person is
//! answered: a death is no failure of the model, and uses up none of its repetitions (B-60).

use super::{
    operator,
    people::{Input, People, Reader, Say},
    platform::{self, agent_stream, judged_by, outputs},
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{Behaviour, CurrentRequest},
    openai_ws::contract::{LLM_REQUEST_ATTEMPT_FAILED, LLM_REQUEST_STARTED},
};
use runtime::{event::StreamName, object::Class, processor::Fold, stream::StreamClient};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Budget, Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::OpenAiConfig,
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Restarts;

const AGENT: &str = "dan";

const FIRST_TOKEN_MS: u64 = 4_000;

/// Longer than a request waits that was repeated three times.
const WAITS_MS_MAX: u64 = 120_000;
const LOOKS_MS: u64 = 400;

static DEPLOYS: Site = Site::operation(
    "workload.deploys",
    Shape::Below { count: 4 },
    "how many times more than three an agent's object is killed over an answer",
);
static INTO: Site = Site::operation(
    "workload.into-answer-ms",
    Shape::Below { count: 3_000 },
    "how long after a request was begun its agent's object is killed",
);

const KILLED_FOUR_TIMES: Goal = Goal {
    name: "killed-four-times",
    about: "a request was taken up four times, more often than one that fails is repeated",
};
const ANSWERED: Goal = Goal {
    name: "answered",
    about: "the answer came",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(Say),
    /// The agent's object is killed, that long after a request of it was seen to be under way.
    Deploy {
        into_ms: u64,
    },
}

impl Scenario for Restarts {
    fn name(&self) -> &'static str {
        "agent-restarts"
    }

    fn about(&self) -> &'static str {
        "an agent dies over every answer, and in the end the person is answered"
    }

    fn goals(&self) -> &'static [Goal] {
        &[KILLED_FOUR_TIMES, ANSWERED, CRASHED]
    }

    /// Nothing befalls the service, or the way to it: who is not answered has an agent that gave up.
    fn budget(&self) -> Budget {
        Budget {
            sites: &[
                ("crash.*", 60),
                ("peer.openai.*", 0),
                ("tcp.*", 0),
                ("object.pause", 0),
            ],
            ..Budget::ORDINARY
        }
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: FIRST_TOKEN_MS,
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
                    Step::Deploy { into_ms } => {
                        let agent = agent_stream(AGENT);
                        until_under_way(&world, &agent).await;
                        world.sleep(into_ms).await;
                        operator::kill(&world, &agent);
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Answers]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let Some(log) = evidence.logs.get(&agent_stream(AGENT)) else {
            return names([crashed(evidence)]);
        };
        let is_one_request = count(log, &LLM_REQUEST_STARTED) == 1;
        let taken_up = count(log, &LLM_REQUEST_ATTEMPT_FAILED);
        names([
            (KILLED_FOUR_TIMES, is_one_request && taken_up >= 4),
            (ANSWERED, outputs(log) > 0),
            crashed(evidence),
        ])
    }
}

fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let subject = "/agents/dan";
    let asked = Say {
        after_ms: 0,
        to: AGENT.to_owned(),
        inputs: vec![Input::new(1, "Why?", Behaviour::AfterCurrentRequest)],
    };
    let deploys = (0..4 + draws.draw(&DEPLOYS, subject)).map(|_| Step::Deploy {
        into_ms: 1 + draws.draw(&INTO, subject),
    });
    [Step::Say(asked)].into_iter().chain(deploys).collect()
}

/// Looks at the stream until it shows a request under way; for so long at most.
async fn until_under_way(world: &World, agent: &StreamName) {
    let agent = agent.clone();
    let looked = world.client(move |context| {
        Box::pin(async move {
            let stream = StreamClient::named(&context, &agent);
            let mut agent = Reader::default();
            for _ in 0..WAITS_MS_MAX / LOOKS_MS {
                // A look that fails shows nothing new.
                let _ = agent.read_on(&stream).await;
                if let Some(CurrentRequest::Requested { .. }) = agent.state.current_request {
                    return;
                }
                context.sleep("look again", LOOKS_MS).await;
            }
        })
    });
    looked.await;
}
