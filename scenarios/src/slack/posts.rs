//! Two threads whose answers are posted: the model writes a script, codemode runs it, and the Slack
//! integration makes the calls. People also command the app, press its buttons and react.

use super::{
    model::{self, STEP_BY_STEP},
    platform::{self, routed_logs},
    threads::{Message, Threads},
};
use crate::{
    properties::{DeletedThreads, Eyes, OwnMessages, Pace, Posts, PostsEnd, Scripts, Updates},
    readings::{all, crashed, names, CRASHED},
};
use futures_util::future::BoxFuture;
use processors::codemode::contract::{FunctionCallCompleted, Outcome, FUNCTION_CALL_COMPLETED};
use runtime::{object::Class, processor::Fold};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::{
    choice::{Budget, Shape, Site},
    oracles::{Evidence, Oracle},
    peers::{
        openai::OpenAiConfig,
        slack::{Author, SlackConfig, SlackFact},
    },
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct SlackPosts;

const CHANNEL: &str = "C123";

static NEXT_STEP: Site = Site::operation(
    "workload.next-message-ms",
    Shape::Below { count: 9_000 },
    "how long a person waits before the next message in a thread",
);
static ASIDE: Site = Site::operation(
    "workload.aside",
    Shape::Below { count: 4 },
    "what people do beside talking: press a button, react, or command the app in one of two ways",
);

const POSTED: Goal = Goal {
    name: "posted",
    about: "an answer was posted in its thread",
};
const UPDATED: Goal = Goal {
    name: "updated",
    about: "a message that shows steps was updated",
};
const FOUND_AGAIN: Goal = Goal {
    name: "found-again",
    about: "a post whose outcome was unknown was found in its thread, and not made again",
};
const POSTED_AGAIN: Goal = Goal {
    name: "posted-again",
    about: "a post whose outcome was unknown was not there, and was made again",
};
const GAVE_UP: Goal = Goal {
    name: "gave-up",
    about: "a post was given up, and its script was told",
};
const PRESSED: Goal = Goal {
    name: "pressed",
    about: "a button of an answer was pressed, and the app took that",
};
const COMMANDED: Goal = Goal {
    name: "commanded",
    about: "a bang-command posted what it was asked for",
};

/// What people do.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Write(Message),
    /// The button of the newest answer in a thread, if there is one.
    Press {
        after_ms: u64,
        thread: u64,
    },
    /// To the message that opened the thread, or to the newest answer.
    React {
        after_ms: u64,
        thread: u64,
        to_answer: bool,
    },
}

/// What holds of posts.
static OF_POSTS: [&dyn Oracle; 8] = [
    &Posts,
    &OwnMessages,
    &Eyes,
    &Updates,
    &DeletedThreads,
    &Pace,
    &Scripts,
    &PostsEnd,
];

/// That, and then all that holds in any Slack world.
static ORACLES: [&dyn Oracle; OF_POSTS.len() + platform::ORACLES.len()] = {
    let mut oracles = [OF_POSTS[0]; OF_POSTS.len() + platform::ORACLES.len()];
    let mut index = 0;
    while index < oracles.len() {
        oracles[index] = match index < OF_POSTS.len() {
            true => OF_POSTS[index],
            false => platform::ORACLES[index - OF_POSTS.len()],
        };
        index += 1;
    }
    oracles
};

impl Scenario for SlackPosts {
    fn name(&self) -> &'static str {
        "slack-posts"
    }

    fn about(&self) -> &'static str {
        "two Slack threads that mention the app; each answer is posted in its thread, at most once"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            POSTED,
            UPDATED,
            FOUND_AGAIN,
            POSTED_AGAIN,
            GAVE_UP,
            PRESSED,
            COMMANDED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        let services = platform::services();
        Services {
            openai: OpenAiConfig {
                script: model::script(),
                ..services.openai
            },
            slack: SlackConfig {
                app_mentions: true,
                echo_reactions: true,
                ..services.slack
            },
            ..services
        }
    }

    /// A post may be confirmed and never shown: that is no debt of who posted it.
    fn budget(&self) -> Budget {
        platform::losing(&[("crash.*", 60), ("peer.slack.not-shown", 2)])
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let steps = world.operations("people", steps);
            let mut threads = Threads::new(&world, CHANNEL);
            for step in steps {
                match step {
                    Step::Write(message) => drop(threads.write(message).await),
                    Step::Press { after_ms, thread } => {
                        world.sleep(after_ms).await;
                        if let Some(ts) = newest_answer(&world, threads.ts(thread)) {
                            world.slack.press(CHANNEL, &ts, "U123", "more");
                        }
                    }
                    Step::React {
                        after_ms,
                        thread,
                        to_answer,
                    } => {
                        world.sleep(after_ms).await;
                        let opening = threads.ts(thread);
                        let target = match to_answer {
                            true => newest_answer(&world, opening),
                            false => opening.map(str::to_owned),
                        };
                        if let Some(ts) = target {
                            world.slack.react(CHANNEL, &ts, "U123", "thumbsup");
                        }
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &ORACLES
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let applied = |wanted: &str| {
            evidence.slack.iter().any(|entry| {
                matches!(&entry.what, SlackFact::Applied { method, .. } if *method == wanted)
            })
        };
        let posts: Vec<FunctionCallCompleted> = ends_of_posts(evidence).collect();
        let has = |is: fn(&FunctionCallCompleted) -> bool| posts.iter().any(is);
        let was_pressed = routed_logs(evidence).any(|log| {
            let mut payloads = log.events.iter().filter_map(|it| it.payload.as_deref());
            payloads.any(|payload| payload["body"]["type"] == "block_actions")
        });
        let commands = |id: &str| id.starts_with("slack-bang-command-");
        let was_commanded = posts.iter().any(|end| {
            let by = end.call.script_execution_id.as_deref();
            by.is_some_and(commands) && was_returned(end)
        });
        names([
            (POSTED, has(was_returned) && applied("chat.postMessage")),
            (UPDATED, applied("chat.update")),
            (FOUND_AGAIN, has(was_found)),
            (POSTED_AGAIN, has(was_made_again)),
            (GAVE_UP, has(|end| !was_returned(end))),
            (PRESSED, was_pressed),
            (COMMANDED, was_commanded),
            crashed(evidence),
        ])
    }
}

/// The newest answer of the app in a thread.
fn newest_answer(world: &World, thread_ts: Option<&str>) -> Option<String> {
    let thread_ts = thread_ts?;
    let messages = world.slack.messages().into_iter();
    let mut answers = messages.filter(|message| {
        message.author == Author::App && message.thread_ts.as_deref() == Some(thread_ts)
    });
    answers.next_back().map(|message| message.ts)
}

/// How the calls ended that were to post something.
fn ends_of_posts(evidence: &Evidence) -> impl Iterator<Item = FunctionCallCompleted> + '_ {
    let ends = routed_logs(evidence).flat_map(|log| all(&log.events, FUNCTION_CALL_COMPLETED));
    ends.filter_map(|end| end.payload::<FunctionCallCompleted>().ok())
        .filter(|end| end.call.path.to_string() == "slack.chat.postMessage")
}

fn value(end: &FunctionCallCompleted) -> Option<&Value> {
    match &end.outcome {
        Outcome::Returned { value } => value.as_ref(),
        Outcome::Threw { .. } => None,
    }
}

fn was_returned(end: &FunctionCallCompleted) -> bool {
    value(end).is_some()
}

/// Slack's reply to a post leaves out its metadata; who looks for it sees that.
fn was_found(end: &FunctionCallCompleted) -> bool {
    value(end).is_some_and(|value| value["message"]["metadata"].is_object())
}

/// It took as long as a post takes to show, and is Slack's own reply.
fn was_made_again(end: &FunctionCallCompleted) -> bool {
    let took_long = end.duration_ms.is_some_and(|ms| ms >= 15_000);
    was_returned(end) && took_long && !was_found(end)
}

/// Two threads are opened at once, and then spoken in by turns; people do other things in between.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let write = |after_ms, thread, text: String| {
        Step::Write(Message {
            after_ms,
            thread,
            text,
        })
    };
    let after_ms = |thread: u64| 1 + draws.draw(&NEXT_STEP, format!("thread {thread}"));
    let aside = |thread: u64| {
        let after_ms = after_ms(thread);
        match draws.draw(&ASIDE, format!("thread {thread}")) {
            0 => Step::Press { after_ms, thread },
            1 => Step::React {
                after_ms,
                thread,
                to_answer: thread == 1,
            },
            2 => write(after_ms, thread, "!debug".to_owned()),
            _ => write(
                after_ms,
                thread,
                "<@U0000BOT> !slack.agent.threadInfo".to_owned(),
            ),
        }
    };
    let opening = |thread| {
        let text = format!("<@U0000BOT> thread {thread}: what is on today?");
        write(0, thread, text)
    };
    let mut steps: Vec<Step> = (1..=2).map(opening).collect();
    let last = format!("<@U0000BOT> and the day after, {STEP_BY_STEP}?");
    for text in ["And tomorrow?", &last] {
        for thread in 1..=2 {
            steps.push(write(after_ms(thread), thread, text.to_owned()));
        }
        for thread in 1..=2 {
            steps.push(aside(thread));
        }
    }
    steps
}
