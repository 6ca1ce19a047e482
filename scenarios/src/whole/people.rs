//! What people do in a project: they write to agents, change their mind about the model, configure presets
//! and rules, take notes that rules react to, pause a stream and resume it, create the project and a repo of
//! it, and kill what stands in their way; in one project they also write in threads of Slack.

use crate::{
    agent::{
        operator,
        people::{chat, message_key},
        platform::input,
        project::COMPUTE,
        providers::selection,
    },
    project::{
        lifecycle::{ask, Thing},
        rules::{Meaning, RULES, STREAMS},
    },
    properties::ACKNOWLEDGED,
    slack::{
        model::STEP_BY_STEP,
        threads::{Message, Threads},
    },
    streams::platform::{self, append, noted},
};
use futures_util::{
    future::{join_all, BoxFuture},
    FutureExt,
};
use processors::{
    agent::{contract::Behaviour, selection::Provider},
    agent_chat::contract::Channel,
    edge,
    jsonata_reactor::{self, contract::RULE_CONFIGURED},
};
use runtime::{
    event::{EventInput, EventType, StreamName, StreamPath},
    object::Context,
    stream::{
        contract::{PAUSED, RESUMED},
        StreamClient,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    world::{Draws, World},
};
use std::sync::Arc;

/// The first is the one that the Slack app is connected to.
pub const PROJECTS: [&str; 3] = [edge::settings::PROJECT, "p2", "p3"];

const CHANNEL: &str = "C123";
const AGENTS: [&str; 2] = ["ada", "bob"];
const PRESET_BASES: [&str; 3] = ["/agents", "/agents/ada", "/agents/slack"];

/// How long somebody waits before he tries again to pause or to resume.
const RETRY_MS: u64 = 500;

static STEPS: Site = Site::operation(
    "workload.steps",
    Shape::Below { count: 3 },
    "how many things more than two happen in a project",
);
static STEP: Site = Site::operation(
    "workload.step",
    Shape::Below { count: 16 },
    "what happens in a project",
);
static WHO: Site = Site::operation(
    "workload.who",
    Shape::Below { count: 6 },
    "which agent, rule or preset it is about",
);
static RULE: Site = Site::operation(
    "workload.rule",
    Shape::Below {
        count: RULES.len() as u64,
    },
    "which rule the notes have from the beginning",
);
static WAIT: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 3_000 },
    "how long it is to the next thing, or how long a stream is paused, times ten",
);

/// Something that is done in a project; the number is its own there.
#[derive(Serialize, Deserialize)]
pub struct Step {
    after_ms: u64,
    number: u64,
    does: Does,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    /// In a thread of Slack.
    Write {
        thread: u64,
        text: String,
    },
    Chat {
        to: String,
        says: String,
    },
    Select {
        to: String,
        provider: Provider,
    },
    Preset {
        base_path: String,
    },
    /// The stream of notes gets a rule.
    Rule {
        slug: String,
        meaning: Meaning,
    },
    /// The stream of notes gets somebody who follows the rules.
    React,
    Note {
        notes: u64,
    },
    Pause {
        path: String,
        for_ms: u64,
    },
    /// Asks for the project, or for a repo of it.
    Create {
        repo: Option<String>,
    },
    /// An input on a stream below an agent's, which no object is told of.
    Delegate {
        to: String,
    },
    Kill {
        to: String,
    },
}

/// All that is done in a project, until everybody has what he waits for.
pub async fn live(world: Arc<World>, project: &'static str) {
    let subject = format!("people of {project}");
    let steps = world.operations(subject.as_str(), |draws| steps(draws, project, &subject));
    let mut threads = Threads::new(&world, CHANNEL);
    let mut awaited: Vec<BoxFuture<'static, ()>> = Vec::new();
    for Step {
        after_ms,
        number,
        does,
    } in steps
    {
        world.sleep(after_ms).await;
        match does {
            Does::Write { thread, text } => {
                let message = Message {
                    after_ms: 0,
                    thread,
                    text,
                };
                drop(threads.write(message).await);
            }
            does => awaited.extend(act(&world, project, number, does)),
        }
    }
    join_all(awaited).await;
}

fn stream(project: &str, path: &str) -> StreamName {
    StreamName::new(project, StreamPath::parse(path).expect("a path"))
}

fn agent(project: &str, name: &str) -> StreamName {
    stream(project, &format!("/agents/{name}"))
}

pub fn notes(project: &str) -> StreamName {
    stream(project, STREAMS[0])
}

/// Begins it. Somebody waits for what is given.
fn act(
    world: &Arc<World>,
    project: &'static str,
    number: u64,
    does: Does,
) -> Option<BoxFuture<'static, ()>> {
    let key = |what: &str| format!("workload/{what}-{number}");
    let append = |stream: &StreamName, events| {
        let answered = append(world, stream, events);
        Some(answered.map(drop).boxed())
    };
    match does {
        Does::Write { .. } => unreachable!("that takes the threads"),
        Does::Chat { to, says } => {
            let (world, agent) = (world.clone(), agent(project, &to));
            let taken = chat(&world, &agent, number, &says, Channel::Web);
            Some(Box::pin(async move {
                taken.await;
                let message = json!({ "stream": agent.to_string(), "key": message_key(number) });
                world.observe(ACKNOWLEDGED, message);
            }))
        }
        Does::Select { to, provider } => append(&agent(project, &to), selection(number, provider)),
        Does::Preset { base_path } => {
            let root = stream(project, operator::root().path.as_str());
            append(&root, vec![operator::preset(&base_path, number)])
        }
        Does::Rule { slug, meaning } => {
            let notes = notes(project);
            let rule = EventInput::new(RULE_CONFIGURED, meaning.rule(&slug, &notes));
            append(&notes, vec![rule.keyed(key("rule"))])
        }
        Does::React => {
            let notes = notes(project);
            let binding = jsonata_reactor::object::BINDING;
            let slug = jsonata_reactor::contract::SLUG;
            append(&notes, vec![platform::subscription(binding, &notes, slug)])
        }
        Does::Note { notes: count } => {
            let numbers = 10 * number..10 * number + count;
            append(&notes(project), numbers.map(noted).collect())
        }
        Does::Pause { path, for_ms } => Some(pause(world, stream(project, &path), number, for_ms)),
        Does::Create { repo } => {
            let world = world.clone();
            Some(Box::pin(async move {
                let called = if repo.is_some() { "main" } else { "acme" };
                let project = project.to_owned();
                let thing = Thing { project, repo };
                ask(&world, &thing, Some(thing.called(called))).await;
            }))
        }
        Does::Delegate { to } => {
            let helper = stream(project, &format!("/agents/{to}/helper"));
            let task = "Look into it.";
            let task = input(&helper, number, task, Behaviour::AfterCurrentRequest);
            append(&helper, vec![task])
        }
        Does::Kill { to } => {
            operator::kill(world, &agent(project, &to));
            None
        }
    }
}

/// Pauses a stream for a while. Who has done that also ends it, however long it takes.
fn pause(world: &World, stream: StreamName, number: u64, for_ms: u64) -> BoxFuture<'static, ()> {
    Box::pin(world.client(move |context| {
        Box::pin(async move {
            let stream = StreamClient::named(&context, &stream);
            let key = |what: &str| format!("workload/{what}-{number}");
            change(&context, &stream, PAUSED, key("paused")).await;
            context.sleep("resume", for_ms).await;
            change(&context, &stream, RESUMED, key("resumed")).await;
        })
    }))
}

async fn change(context: &Context, stream: &StreamClient, kind: EventType, key: String) {
    let event = EventInput::new(kind, json!({})).keyed(key);
    while let Err(error) = stream.append_batch(None, vec![event.clone()]).await {
        // Who is paused already is paused by somebody else, and that is as good.
        if !error.is_transient() {
            return;
        }
        context.sleep("pause or resume again", RETRY_MS).await;
    }
}

fn steps(draws: &Draws<'_>, project: &str, subject: &str) -> Vec<Step> {
    let is_in_slack = project == PROJECTS[0];
    let at_once = |number, does| Step {
        after_ms: 0,
        number,
        does,
    };
    let mut steps = match is_in_slack {
        true => {
            let text = "<@U0000BOT> what is on today?".to_owned();
            vec![at_once(0, Does::Write { thread: 1, text })]
        }
        false => {
            let (slug, [meaning, _]) = RULES[draws.draw(&RULE, subject) as usize];
            let slug = slug.to_owned();
            let rule = at_once(0, Does::Rule { slug, meaning });
            let mut steps = vec![rule, at_once(0, Does::React)];
            if project == PROJECTS[2] {
                let to = AGENTS[0].to_owned();
                let provider = Provider::CloudflareAi;
                steps.push(at_once(0, Does::Select { to, provider }));
            }
            steps
        }
    };
    for number in 1..=2 + draws.draw(&STEPS, subject) {
        let who = draws.draw(&WHO, subject) as usize;
        let after_ms = 1 + draws.draw(&WAIT, subject);
        let does = match draws.draw(&STEP, subject) {
            12 => Does::Pause {
                path: [STREAMS[0], "/agents/ada", "/agents/bob"][who % 3].to_owned(),
                for_ms: 10 * draws.draw(&WAIT, subject),
            },
            step => drawn(step, who, number, is_in_slack),
        };
        steps.push(Step {
            after_ms,
            number,
            does,
        });
    }
    steps
}

fn drawn(step: u64, who: usize, number: u64, is_in_slack: bool) -> Does {
    let to = AGENTS[who % AGENTS.len()].to_owned();
    match step {
        0..=2 if is_in_slack => Does::Write {
            thread: 1 + who as u64 % 2,
            text: match who {
                0 => format!("<@U0000BOT> and then, {STEP_BY_STEP}? (number {number})"),
                _ => format!("<@U0000BOT> and then? (number {number})"),
            },
        },
        0..=3 => Does::Chat {
            to,
            says: format!("{COMPUTE} {number}."),
        },
        4 | 5 => Does::Chat {
            to,
            says: format!("Number {number}: how are you?"),
        },
        6 => Does::Select {
            to,
            provider: Provider::CloudflareAi,
        },
        7 => Does::Select {
            to,
            provider: Provider::OpenAiWs,
        },
        8 => Does::Preset {
            base_path: PRESET_BASES[who % PRESET_BASES.len()].to_owned(),
        },
        9 => {
            let (slug, [meaning, _]) = RULES[who % RULES.len()];
            Does::Rule {
                slug: slug.to_owned(),
                meaning,
            }
        }
        10 | 11 => Does::Note {
            notes: 1 + who as u64,
        },
        13 => Does::Create {
            repo: who.is_multiple_of(2).then(|| "config".to_owned()),
        },
        14 => Does::Delegate { to },
        _ => Does::Kill { to },
    }
}
