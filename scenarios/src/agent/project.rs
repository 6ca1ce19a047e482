//! A project with agents of every kind: one that people write to through its object, one of an older
//! revision, one on a path of Slack's, and those below the first. Presets are configured before and after
//! they come to be. What they answer is now and then a script, which is run, and whose end they are told.
//! There are streams of infrastructure below them, too, which must not become agents.

use super::{
    operator,
    people::{chat, message_key},
    platform::{self, agent_logs, agent_stream, input, judged_by, outputs},
};
use crate::{
    properties::ACKNOWLEDGED,
    readings::{all, crashed, first, names, CRASHED},
};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{Behaviour, LLM_CONFIG_UPDATED, OUTPUT_ADDED, SYSTEM_PROMPT_UPDATED},
    agent_chat::contract::{AssistantResponseAdded, Channel, ASSISTANT_RESPONSE_ADDED},
    codemode::contract::SCRIPT_EXECUTION_COMPLETED,
};
use runtime::{
    event::{Event, EventInput, EventType, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::{OpenAiConfig, Script},
    scenario::{Goal, Scenario, Services},
    world::{Draws, StreamLog, World},
};
use std::sync::Arc;

pub struct Project;

/// People write to these.
const AGENTS: [&str; 3] = ["ada", OLD, "slack/c1/ts-1"];
/// It has the subscriptions of an older revision.
const OLD: &str = "old";
const CHILD: &str = "ada/helper";
const BASES: [&str; 4] = ["/agents", "/agents/ada", "/agents/slack", "/agents/adam"];

/// What a message says to be answered with a script that returns, throws, or does neither.
pub(crate) const COMPUTE: &str = "Compute";
const FAIL: &str = "Fail";
const DO: &str = "Do";

/// Something that a stream is created by.
const USED: EventType = EventType::of("events.iterate.com/workload/used");

static ROOT: Site = Site::operation(
    "workload.root",
    Shape::Below { count: 3 },
    "whether the stream above all agents is hosted: one of three is",
);
static STEPS: Site = Site::operation(
    "workload.steps",
    Shape::Below { count: 6 },
    "how many things more than five happen in a project",
);
static STEP: Site = Site::operation(
    "workload.step",
    Shape::Below { count: 14 },
    "what happens in a project",
);
static WHO: Site = Site::operation(
    "workload.who",
    Shape::Below { count: 4 },
    "which agent it happens to, or which preset is configured",
);
static PAUSE: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 2_000 },
    "how long it is to the next thing",
);

const SCRIPT_TOLD: Goal = Goal {
    name: "script-told",
    about: "a script was run, its result told to the model, and that answered",
};
const SCRIPT_FAILED: Goal = Goal {
    name: "script-failed",
    about: "a script threw, and the model was told",
};
const CHILD_ANSWERED: Goal = Goal {
    name: "child-answered",
    about: "an agent that nobody called but its parent answered",
};
const SPARED: Goal = Goal {
    name: "infrastructure-spared",
    about: "a stream of infrastructure was created below an agent's, and became none",
};
const LEGACY_SERVED: Goal = Goal {
    name: "legacy-served",
    about: "an agent with the subscriptions of an older revision answered",
};
const PRESET_FIRST: Goal = Goal {
    name: "preset-first",
    about: "an agent began with a preset",
};
const PRESET_LATER: Goal = Goal {
    name: "preset-later",
    about: "an agent that had begun got a preset when it woke again",
};
const ROOT_BOOTED: Goal = Goal {
    name: "root-booted",
    about: "the stream above all agents was hosted, and booted one",
};

#[derive(Serialize, Deserialize)]
struct Step {
    after_ms: u64,
    does: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The root's object is called.
    WakeRoot,
    /// A stream gets the subscriptions of an older revision.
    Age {
        to: String,
    },
    Preset {
        base_path: String,
        number: u64,
    },
    Chat {
        to: String,
        number: u64,
        says: String,
        channel: Channel,
    },
    /// The user is shown a response.
    Respond {
        to: String,
        number: u64,
    },
    /// A stream comes to be.
    Use {
        path: String,
        number: u64,
    },
    /// An input that no object is told of.
    Task {
        to: String,
        number: u64,
    },
    Kill {
        to: String,
    },
}

impl Scenario for Project {
    fn name(&self) -> &'static str {
        "agent-project"
    }

    fn about(&self) -> &'static str {
        "agents of every kind: chats, presets, children, scripts, and an older revision"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            SCRIPT_TOLD,
            SCRIPT_FAILED,
            CHILD_ANSWERED,
            SPARED,
            LEGACY_SERVED,
            PRESET_FIRST,
            PRESET_LATER,
            ROOT_BOOTED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: 100,
                token_ms: |_| 30,
                script: Script::ByInput(Arc::new(answer)),
                ..OpenAiConfig::default()
            },
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut sent = Vec::new();
            for Step { after_ms, does } in world.operations("somebody", steps) {
                world.sleep(after_ms).await;
                if let What::Chat {
                    to,
                    number,
                    says,
                    channel,
                } = does
                {
                    let agent = agent_stream(&to);
                    let taken = chat(&world, &agent, number, &says, channel);
                    sent.push((agent, number, taken));
                } else {
                    act(&world, does);
                }
            }
            for (agent, number, taken) in sent {
                taken.await;
                let key = message_key(number);
                let message = json!({ "stream": agent.to_string(), "key": key });
                world.observe(ACKNOWLEDGED, message);
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Chats, Presets, Children, AnsweredScripts]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let any = |holds: fn(&StreamLog) -> bool| agent_logs(evidence).any(holds);
        let answers = |name: &str| {
            let log = evidence.logs.get(&agent_stream(name));
            log.is_some_and(|log| outputs(log) > 0)
        };
        let is_hosted = all(evidence.log(&operator::root()), SUBSCRIPTION_CONFIGURED)
            .next()
            .is_some();
        let is_between = |log: &StreamLog| log.name.path.as_str() == "/agents/slack";
        names([
            (SCRIPT_TOLD, any(is_told_and_answered)),
            (SCRIPT_FAILED, any(|log| tells(log, "script-error"))),
            (CHILD_ANSWERED, answers(CHILD)),
            (
                SPARED,
                any(|log| log.name.path.segments().any(|it| it == "itx")),
            ),
            (LEGACY_SERVED, answers(OLD)),
            (PRESET_FIRST, any(begins_with_preset)),
            (PRESET_LATER, any(got_preset_later)),
            (
                ROOT_BOOTED,
                is_hosted && agent_logs(evidence).any(|log| is_between(log) && is_set_up(log)),
            ),
            crashed(evidence),
        ])
    }
}

fn act(world: &World, does: What) {
    match does {
        What::WakeRoot => operator::wake(world, &operator::root()),
        What::Age { to } => {
            let agent = agent_stream(&to);
            drop(world.append(agent.clone(), legacy(&agent)));
        }
        What::Preset { base_path, number } => {
            let preset = operator::preset(&base_path, number);
            drop(world.append(operator::root(), vec![preset]));
        }
        What::Chat { .. } => unreachable!("somebody waits for that"),
        What::Respond { to, number } => {
            let response = AssistantResponseAdded {
                channel: Channel::Tui,
                message: format!("Response {number}:\nthat is so.").into(),
            };
            let response = EventInput::new(ASSISTANT_RESPONSE_ADDED, response)
                .keyed(format!("workload/response-{number}"));
            drop(world.append(agent_stream(&to), vec![response]));
        }
        What::Use { path, number } => {
            let used = EventInput::new(USED, json!({})).keyed(format!("workload/used-{number}"));
            drop(world.append(agent_stream(&path), vec![used]));
        }
        What::Task { to, number } => {
            let agent = agent_stream(&to);
            let task = input(
                &agent,
                number,
                "Look into it.",
                Behaviour::AfterCurrentRequest,
            );
            drop(world.append(agent, vec![task]));
        }
        What::Kill { to } => operator::kill(world, &agent_stream(&to)),
    }
}

/// What the first revision left: nobody dials it.
fn legacy(agent: &StreamName) -> Vec<EventInput> {
    let configured = |slug: &str| {
        let subscriber = json!({
            "type": "built-in", "transport": "workers-rpc", "processorSlug": slug,
        });
        let payload = json!({
            "subscriptionKey": format!("agent:{agent}:{slug}"), "subscriber": subscriber,
        });
        EventInput::new(SUBSCRIPTION_CONFIGURED, payload).keyed(format!(
            "agent-processor-subscription:{agent}:{slug}:workers-rpc"
        ))
    };
    let slugs = ["agent-chat", "agent", "openai-ws", "agent-host"];
    slugs.into_iter().map(configured).collect()
}

/// An agent of an older revision is there from the beginning; then things happen.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let subject = "project";
    let at_once = |does| Step { after_ms: 0, does };
    let mut steps = vec![at_once(What::Age { to: OLD.to_owned() })];
    if draws.draw(&ROOT, subject) == 0 {
        steps.push(at_once(What::WakeRoot));
    }
    for number in 1..=5 + draws.draw(&STEPS, subject) {
        let who = draws.draw(&WHO, subject) as usize;
        steps.push(Step {
            after_ms: draws.draw(&PAUSE, subject),
            does: drawn(draws.draw(&STEP, subject), who, number),
        });
    }
    steps
}

fn drawn(step: u64, who: usize, number: u64) -> What {
    let to = AGENTS[who % AGENTS.len()].to_owned();
    let channel = match number % 2 {
        0 => Channel::Web,
        _ => Channel::Tui,
    };
    let chat = |says: String| What::Chat {
        to: to.clone(),
        number,
        says,
        channel,
    };
    match step {
        0 | 1 => chat(format!("Number {number}:\nhow are you?")),
        2 | 3 => chat(format!("{COMPUTE} {number}.")),
        4 => chat(format!("{FAIL} {number}.")),
        5 => chat(format!("{DO} {number}.")),
        6 | 7 => What::Use {
            path: CHILD.to_owned(),
            number,
        },
        8 => What::Task {
            to: CHILD.to_owned(),
            number,
        },
        9 => What::Use {
            path: format!("ada/itx/run-{number}"),
            number,
        },
        10 => What::Respond { to, number },
        11 | 12 => What::Preset {
            base_path: BASES[who].to_owned(),
            number,
        },
        _ => What::Kill { to },
    }
}

/// The model writes a script if it is asked to do something; its end is told, and needs none.
pub(crate) fn answer(asked: &str) -> Option<String> {
    let number = |what: &str| {
        let (_, rest) = asked.rsplit_once(&format!("{what} "))?;
        let number = rest.split_once('.')?.0;
        number.parse::<u64>().ok()
    };
    if let Some(number) = number(COMPUTE) {
        let code = format!("async (ctx) => {{\n  return {{ computed: {number} * 2 }};\n}}");
        return Some(format!("```js\n{code}\n```"));
    }
    if let Some(number) = number(FAIL) {
        let code = format!("throw new Error(\"there is no {number}\");");
        return Some(format!("async () => {{\n  {code}\n}}"));
    }
    let number = number(DO)?;
    Some(format!(
        "async (ctx) => {{\n  ctx.console.log({number});\n}}"
    ))
}

pub(crate) fn tells(log: &StreamLog, what: &str) -> bool {
    let beginning = format!("agent-codemode-{what}:");
    log.events.iter().any(|event| has_key(event, &beginning))
}

fn has_key(event: &Event, beginning: &str) -> bool {
    let own = event.idempotency_key.as_ref();
    own.is_some_and(|own| own.as_str().starts_with(beginning))
}

fn is_told_and_answered(log: &StreamLog) -> bool {
    let mut ends = all(&log.events, SCRIPT_EXECUTION_COMPLETED);
    let answered_after = |end: &Arc<Event>| {
        let mut outputs = all(&log.events, OUTPUT_ADDED);
        outputs.any(|output| output.offset > end.offset)
    };
    tells(log, "script-result") && ends.any(answered_after)
}

fn is_set_up(log: &StreamLog) -> bool {
    let mut events = log.events.iter();
    events.any(|event| has_key(event, "os-agent-setup:"))
}

fn begins_with_preset(log: &StreamLog) -> bool {
    let mut setup = log
        .events
        .iter()
        .filter(|it| has_key(it, "os-agent-setup:"));
    setup
        .next()
        .is_some_and(|event| !has_key(event, "os-agent-setup:default:"))
}

fn got_preset_later(log: &StreamLog) -> bool {
    let begun = first(log, &LLM_CONFIG_UPDATED).map(|event| event.offset);
    let mut prompts = all(&log.events, SYSTEM_PROMPT_UPDATED);
    begun.is_some() && prompts.any(|event| has_key(event, "os-agent-setup:/"))
}
