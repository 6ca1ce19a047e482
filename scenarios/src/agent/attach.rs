//! An agent is attached to a conversation that others led: a log of more than a hundred events, all
//! of its requests finished. None of them is asked again, whatever the batches look like in which it
//! is read, and whoever comes to look on; nor is any of their scripts run, or told of again
//! (B-43). Then the conversation goes on.

use super::{
    browser::look_on,
    platform::{self, agent_stream, beginning, input, judged_by, outputs},
};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent::contract::{self as agent, Behaviour, LlmResult},
    openai_ws::contract as openai_ws,
};
use runtime::{
    event::{EventInput, Offset, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::{Direction, SubscriberConnected, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::openai::{OpenAiConfig, OpenAiFact},
    scenario::{Goal, Scenario, Services},
    world::{Draws, StreamLog, World},
};
use std::sync::Arc;

pub struct Attach;

const AGENT: &str = "heir";

/// With what each of them leaves in the log, more than a batch holds.
const OLD_REQUESTS: u64 = 16;

/// So many come while a question is open: each of them hears of all the others.
const BROWSERS_MAX: u64 = 16;

static PREFACE: Site = Site::operation(
    "workload.preface",
    Shape::Below { count: 10 },
    "how many notes precede the old requests, so that batches end now here, now there",
);
static QUESTIONS: Site = Site::operation(
    "workload.questions",
    Shape::Below { count: 3 },
    "how many questions more than one come after the agent was attached",
);
static PAUSE: Site = Site::operation(
    "workload.question-pause-ms",
    Shape::Below { count: 2_500 },
    "how long it is to the next question",
);
static BROWSE: Site = Site::operation(
    "workload.browse-ms",
    Shape::Below { count: 700 },
    "how long it is until the next browser comes, and stays",
);

const OLD_LOG: Goal = Goal {
    name: "old-log-attached",
    about: "the log had more than a batch of events before the agent came to it",
};
const WATCHED: Goal = Goal {
    name: "watched-request",
    about: "a browser came while a model request was under way",
};
const ANSWERED: Goal = Goal {
    name: "answered",
    about: "the model answered what was asked after the agent was attached",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// What others left in the log: notes, and then finished requests.
    Past {
        notes: u64,
        requests: u64,
    },
    Attach,
    Ask {
        number: u64,
    },
    /// A browser comes, and stays.
    LookOn {
        number: u64,
        stays_ms: u64,
    },
}

impl Scenario for Attach {
    fn name(&self) -> &'static str {
        "agent-attach"
    }

    fn about(&self) -> &'static str {
        "an agent takes over a log of finished requests, while browsers come and go"
    }

    fn goals(&self) -> &'static [Goal] {
        &[OLD_LOG, WATCHED, ANSWERED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        Services {
            openai: OpenAiConfig {
                first_token_ms: 300,
                token_ms: |_| 200,
                ..OpenAiConfig::default()
            },
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = agent_stream(AGENT);
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Past { notes, requests } => past(&world, &stream, notes, requests).await,
                    Step::Attach => drop(world.append(stream.clone(), vec![beginning(&stream)])),
                    Step::Ask { number } => {
                        let asked = "And now?";
                        let asked = input(&stream, number, asked, Behaviour::AfterCurrentRequest);
                        drop(world.append(stream.clone(), vec![asked]));
                    }
                    Step::LookOn { number, stays_ms } => {
                        look_on(&world, &stream, number, stays_ms).await;
                        world.sleep(stays_ms).await;
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
        let subscribed = all(&log.events, openai_ws::CONFIG_UPDATED).next();
        let is_old = subscribed.is_some_and(|event| event.offset > Offset(100));
        let is_asked = evidence
            .openai
            .iter()
            .any(|entry| matches!(entry.what, OpenAiFact::Answered { .. }));
        names([
            (OLD_LOG, is_old),
            (WATCHED, is_watched(log)),
            (ANSWERED, is_asked && outputs(log) > OLD_REQUESTS as usize),
            crashed(evidence),
        ])
    }
}

fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let subject = "/agents/heir";
    let mut steps = vec![
        Step::Past {
            notes: 1 + draws.draw(&PREFACE, subject),
            requests: OLD_REQUESTS,
        },
        Step::Attach,
    ];
    let mut browsers = 0;
    for question in 0..=draws.draw(&QUESTIONS, subject) {
        let number = OLD_REQUESTS + 1 + question;
        steps.push(Step::Ask { number });
        let pause_ms = draws.draw(&PAUSE, subject);
        let (mut waited_ms, first) = (0, browsers);
        while waited_ms <= pause_ms && browsers - first < BROWSERS_MAX {
            browsers += 1;
            let stays_ms = 1 + draws.draw(&BROWSE, subject);
            steps.push(Step::LookOn {
                number: browsers,
                stays_ms,
            });
            waited_ms += stays_ms;
        }
    }
    steps
}

async fn past(world: &World, stream: &StreamName, notes: u64, requests: u64) {
    let notes = (0..notes).map(|note| {
        let says = "A note.";
        input(stream, 1_000 + note, says, Behaviour::DontTriggerRequest)
    });
    world.append(stream.clone(), notes.collect()).await;
    for number in 1..=requests {
        converse(world, stream, number).await;
    }
}

/// A request that another host of the same processors brought to its end, before this world's began.
async fn converse(world: &World, stream: &StreamName, number: u64) {
    let asked = input(
        stream,
        number,
        "And before?",
        Behaviour::AfterCurrentRequest,
    );
    let requested = vec![
        asked,
        EventInput::new(
            agent::LLM_REQUEST_SCHEDULED,
            agent::LlmRequestScheduled {
                request_id: format!("req_old_{number}").into(),
                debounce_ms: 200,
                model: openai_ws::DEFAULT_MODEL.into(),
            },
        )
        .keyed(format!("old/scheduled-{number}")),
        EventInput::new(
            agent::LLM_REQUEST_REQUESTED,
            agent::LlmRequestRequested {
                model: openai_ws::DEFAULT_MODEL.into(),
                run_opts: json!({}),
            },
        )
        .keyed(format!("old/requested-{number}")),
    ];
    let committed = world.try_append(stream.clone(), requested).await;
    let committed = committed.expect("nobody refuses history");
    let request = committed.last().expect("three events").offset;
    world.append(stream.clone(), execution(request)).await;
}

fn execution(request: Offset) -> Vec<EventInput> {
    let connection_id: Arc<str> = format!("openai_ws_{request}_old").into();
    let started = openai_ws::LlmRequestStarted {
        connection_id: connection_id.clone(),
        llm_request_id: request,
        model: openai_ws::DEFAULT_MODEL.into(),
    };
    let received = |sequence| openai_ws::WebsocketMessage {
        connection_id: connection_id.clone(),
        llm_request_id: Some(request),
        sequence,
        message: json!({ "type": "response.in_progress" }),
    };
    let output = agent::OutputAdded {
        content: "async () => {\n  return \"That was before.\";\n}".into(),
        llm_request_id: Some(request),
    };
    let executed = openai_ws::ProviderLlmRequestCompleted {
        llm_request_id: request,
        duration_ms: 1_000,
        result: openai_ws::ProviderResult::Success {
            raw_response: None,
            usage: None,
        },
        connection_id: Some(connection_id.clone()),
        response_id: None,
    };
    let completed = agent::LlmRequestCompleted {
        llm_request_id: request,
        provider: openai_ws::SLUG.into(),
        duration_ms: 1_000,
        result: LlmResult::Success {
            raw_response: None,
            usage: None,
            provider_response_id: None,
        },
    };
    let message = openai_ws::WEBSOCKET_MESSAGE_RECEIVED;
    let events = [
        EventInput::new(openai_ws::LLM_REQUEST_STARTED, started),
        EventInput::new(message.clone(), received(0)),
        EventInput::new(message.clone(), received(1)),
        EventInput::new(message, received(2)),
        EventInput::new(agent::OUTPUT_ADDED, output),
        EventInput::new(openai_ws::PROVIDER_LLM_REQUEST_COMPLETED, executed),
        EventInput::new(agent::LLM_REQUEST_COMPLETED, completed),
    ];
    let keyed = |(place, event): (usize, EventInput)| event.keyed(format!("old/{place}@{request}"));
    events.into_iter().enumerate().map(keyed).collect()
}

fn is_watched(log: &StreamLog) -> bool {
    let mut is_under_way = false;
    log.events.iter().any(|event| {
        if event.kind == openai_ws::LLM_REQUEST_STARTED {
            is_under_way = true;
        } else if event.kind == agent::LLM_REQUEST_COMPLETED {
            is_under_way = false;
        }
        let is_browser = || {
            event
                .payload::<SubscriberConnected>()
                .is_ok_and(|connected| connected.direction == Direction::Inbound)
        };
        is_under_way && event.kind == SUBSCRIBER_CONNECTED && is_browser()
    })
}
