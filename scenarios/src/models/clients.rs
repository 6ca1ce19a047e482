//! Two clients put questions to the models, one to OpenAI, one to Workers AI, in all the ways that there
//! are over HTTP, and do not give up easily.

use super::client::{ask, Asked, Outcome, Question, Service, Way, ASKED};
use crate::{properties::ModelAnswers, readings::names};
use futures_util::future::{join, BoxFuture};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle, Quiesces},
    peers::workers_ai::WorkersAiConfig,
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct ModelClients;

static PAUSE: Site = Site::operation(
    "workload.question-ms",
    Shape::Below { count: 3_000 },
    "how long a client waits before its next question",
);
static WAY: Site = Site::operation(
    "workload.question-way",
    Shape::Below { count: 4 },
    "in which way a client puts its question",
);

const QUESTIONS: u64 = 6;

const WHOLE: Goal = Goal {
    name: "whole",
    about: "a whole reply was an answer",
};
const STREAMED: Goal = Goal {
    name: "streamed",
    about: "a stream came to its answer",
};
const RESUMED: Goal = Goal {
    name: "resumed",
    about: "a background response was answered at a second try",
};
const ASKED_AGAIN: Goal = Goal {
    name: "asked-again",
    about: "a question was answered after a try that came to nothing",
};
const REFUSED: Goal = Goal {
    name: "refused",
    about: "a question was refused for good",
};

#[derive(Serialize, Deserialize)]
struct Step {
    after_ms: u64,
    question: Question,
}

impl Scenario for ModelClients {
    fn name(&self) -> &'static str {
        "model-clients"
    }

    fn about(&self) -> &'static str {
        "clients ask OpenAI and Workers AI over HTTP, whole, streamed and resumed, until they are answered"
    }

    fn goals(&self) -> &'static [Goal] {
        &[WHOLE, STREAMED, RESUMED, ASKED_AGAIN, REFUSED]
    }

    fn services(&self) -> Services {
        Services {
            workers_ai: Some(WorkersAiConfig::default()),
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            join(
                put_questions(&world, "at OpenAI", Service::OpenAi),
                put_questions(&world, "at Workers AI", Service::WorkersAi),
            )
            .await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        static ORACLES: &[&dyn Oracle] = &[&ModelAnswers, &Quiesces];
        ORACLES
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let asked: Vec<Asked> = evidence
            .observed(ASKED)
            .filter_map(|seen| serde_json::from_value(seen.value.clone()).ok())
            .collect();
        let answered = |is: &dyn Fn(&Asked) -> bool| {
            let answered = |one: &&Asked| matches!(one.outcome, Outcome::Answered { .. });
            asked.iter().filter(answered).any(is)
        };
        let way = |way: Way| move |one: &Asked| one.question.way == way;
        let refused = |one: &Asked| matches!(one.outcome, Outcome::Refused { .. });
        let resumed = |one: &Asked| {
            let is_background = one.question.way == Way::Background;
            is_background && one.question.of == Service::OpenAi && one.tries > 1
        };
        names([
            (WHOLE, answered(&way(Way::Whole))),
            (STREAMED, answered(&way(Way::Stream))),
            (RESUMED, answered(&resumed)),
            (ASKED_AGAIN, answered(&|one| one.tries > 1)),
            (REFUSED, asked.iter().any(refused)),
        ])
    }
}

async fn put_questions(world: &Arc<World>, client: &'static str, of: Service) {
    for step in world.operations(client, |draws| steps(draws, client, of)) {
        world.sleep(step.after_ms).await;
        let question = step.question;
        let asked =
            world.client(move |context| Box::pin(async move { ask(&context, question).await }));
        let asked = asked.await;
        world.observe(ASKED, serde_json::to_value(&asked).expect("plain data"));
    }
}

fn steps(draws: &Draws<'_>, client: &'static str, of: Service) -> Vec<Step> {
    let ways = match of {
        Service::OpenAi => [Way::Whole, Way::Stream, Way::Tool, Way::Background],
        Service::WorkersAi => [Way::Whole, Way::Stream, Way::Gateway, Way::Stream],
    };
    let step = |number| Step {
        after_ms: 1 + draws.draw(&PAUSE, client),
        question: Question {
            of,
            way: ways[draws.draw(&WAY, client) as usize],
            text: format!("Question {number} {client}"),
        },
    };
    (1..=QUESTIONS).map(step).collect()
}
