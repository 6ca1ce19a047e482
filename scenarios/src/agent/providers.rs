//! Two providers stand by one agent, and people change their mind about which one is to answer: before a
//! question, while it waits, and while it is being answered. Each request is executed by the one that was
//! selected when it was made, and by nobody else (B-42), also if an object dies meanwhile.

use super::{
    people::{Input, People, Say},
    platform::{agent_stream, judged_by},
};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::{
        self,
        contract::{
            Behaviour, LlmConfig, LlmRequestCompleted, LLM_CONFIG_UPDATED, LLM_REQUEST_COMPLETED,
        },
        selection::{LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
    },
    agent_chat, agent_host, cloudflare_ai, openai_ws,
};
use runtime::{event::EventInput, object::Class, processor::Fold, stream};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::{openai::OpenAiConfig, workers_ai::WorkersAiConfig},
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Providers;

const AGENT: &str = "fay";
const DEBOUNCE_MS: u64 = 200;

static CLASSES: [Class; 2] = [stream::CLASS, agent::object::CLASS];

static FOLDS: [Fold; 5] = [
    Fold::of::<agent::AgentProcessor>(),
    Fold::of::<agent_chat::AgentChatProcessor>(),
    Fold::of::<agent_host::AgentHostProcessor>(),
    Fold::of::<openai_ws::OpenAiWsProcessor>(),
    Fold::of::<cloudflare_ai::CloudflareAiProcessor>(),
];

static STEPS: Site = Site::operation(
    "workload.steps",
    Shape::Below { count: 6 },
    "how many things more than four people do",
);
static STEP: Site = Site::operation(
    "workload.step",
    Shape::Below { count: 5 },
    "what people do: ask, or select a provider",
);
static PAUSE: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 1_200 },
    "how long it is to the next thing",
);

const FIRST_ANSWERED: Goal = Goal {
    name: "first-answered",
    about: "openai-ws answered what was asked while it was selected",
};
const SECOND_ANSWERED: Goal = Goal {
    name: "second-answered",
    about: "cloudflare-ai answered what was asked while it was selected",
};
const FINISHED_LATER: Goal = Goal {
    name: "finished-later",
    about: "a request was brought to its end by the one that it was made for, when another was selected",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(Say),
    Select {
        after_ms: u64,
        number: u64,
        provider: Provider,
    },
}

impl Scenario for Providers {
    fn name(&self) -> &'static str {
        "agent-providers"
    }

    fn about(&self) -> &'static str {
        "people change their mind about which of two providers is to answer"
    }

    fn goals(&self) -> &'static [Goal] {
        &[FIRST_ANSWERED, SECOND_ANSWERED, FINISHED_LATER, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: 300,
                token_ms: |_| 150,
                ..OpenAiConfig::default()
            },
            workers_ai: Some(WorkersAiConfig {
                first_token_ms: 700,
                ..WorkersAiConfig::default()
            }),
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let agent = agent_stream(AGENT);
            let mut people = People::new(&world);
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Say(said) => people.say(said).await,
                    Step::Select {
                        after_ms,
                        number,
                        provider,
                    } => {
                        world.sleep(after_ms).await;
                        drop(world.append(agent.clone(), selection(number, provider)));
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Selections]
    }

    fn folds(&self) -> &'static [Fold] {
        &FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.log(&agent_stream(AGENT));
        let ended_by = |provider: Provider| {
            all(log, LLM_REQUEST_COMPLETED).filter(move |event| {
                let completed = event.payload::<LlmRequestCompleted>();
                completed.is_ok_and(|it| *it.provider == *provider.slug())
            })
        };
        let is_late = |provider: Provider| {
            ended_by(provider).any(|end| {
                let mut selections = all(log, LLM_PROVIDER_SELECTED).rev();
                let last = selections.find(|event| event.offset < end.offset);
                let last = last.and_then(|event| event.payload::<LlmProviderSelected>().ok());
                last.is_some_and(|last| last.known() != Some(provider))
            })
        };
        names([
            (
                FIRST_ANSWERED,
                ended_by(Provider::OpenAiWs).next().is_some(),
            ),
            (
                SECOND_ANSWERED,
                ended_by(Provider::CloudflareAi).next().is_some(),
            ),
            (FINISHED_LATER, Provider::ALL.into_iter().any(is_late)),
            crashed(evidence),
        ])
    }
}

/// A provider is selected together with a model that it has.
pub(crate) fn selection(number: u64, provider: Provider) -> Vec<EventInput> {
    let model = match provider {
        Provider::OpenAiWs => openai_ws::contract::DEFAULT_MODEL.into(),
        Provider::CloudflareAi => LlmConfig::default().model,
    };
    let config = LlmConfig {
        model,
        debounce_ms: DEBOUNCE_MS,
        ..LlmConfig::default()
    };
    let selected = LlmProviderSelected::new(provider);
    vec![
        EventInput::new(LLM_CONFIG_UPDATED, config).keyed(format!("workload/config-{number}")),
        EventInput::new(LLM_PROVIDER_SELECTED, selected)
            .keyed(format!("workload/selected-{number}")),
    ]
}

fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let subject = "/agents/fay";
    let ask = |after_ms, number| {
        Step::Say(Say {
            after_ms,
            to: AGENT.to_owned(),
            inputs: vec![Input::new(number, "And?", Behaviour::AfterCurrentRequest)],
        })
    };
    let mut steps = vec![ask(0, 0)];
    for number in 1..=4 + draws.draw(&STEPS, subject) {
        let after_ms = 1 + draws.draw(&PAUSE, subject);
        let select = |provider| Step::Select {
            after_ms,
            number,
            provider,
        };
        steps.push(match draws.draw(&STEP, subject) {
            0..=2 => ask(after_ms, number),
            3 => select(Provider::CloudflareAi),
            _ => select(Provider::OpenAiWs),
        });
    }
    steps
}
