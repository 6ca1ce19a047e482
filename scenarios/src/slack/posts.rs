//! Two threads whose answers are posted, by [`super::poster`], through Slack's Web API.

use super::{
    platform::{self, outputs, routed, routed_logs},
    poster::{self, Attempted, Ended, Outcome, Poster, ATTEMPTED, ENDED},
    threads::{Message, Threads},
};
use crate::{
    properties::{DeletedThreads, OwnMessages, Pace, Posts, PostsEnd, Updates},
    readings::{all, crashed, names, CRASHED},
};
use futures_util::future::BoxFuture;
use processors::{agent, agent_chat, agent_host, openai_ws, slack, slack_agent};
use runtime::{object::Class, processor::Fold, stream};
use sim::{
    choice::{Budget, Shape, Site},
    oracles::{Evidence, Oracle},
    peers::slack::{SlackConfig, SlackFact},
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct SlackPosts;

const CHANNEL: &str = "C123";

static NEXT_MESSAGE: Site = Site::operation(
    "workload.next-message-ms",
    Shape::Below { count: 9_000 },
    "how long a person waits before the next message in a thread",
);

const POSTED: Goal = Goal {
    name: "posted",
    about: "an answer was posted in its thread",
};
const UPDATED: Goal = Goal {
    name: "updated",
    about: "the message that counts the answers was updated",
};
const FOUND_AGAIN: Goal = Goal {
    name: "found-again",
    about: "a post whose outcome was unknown was found in its thread, and not posted again",
};
const POSTED_AGAIN: Goal = Goal {
    name: "posted-again",
    about: "a post whose outcome was unknown was not there, and was posted again",
};
const GAVE_UP: Goal = Goal {
    name: "gave-up",
    about: "the poster gave a post up, and wrote that down",
};
const NOTED: Goal = Goal {
    name: "failure-noted",
    about: "a note of a failed request was posted",
};

static CLASSES: [Class; 5] = [
    stream::CLASS,
    slack::object::CLASS,
    slack_agent::object::CLASS,
    agent::object::CLASS,
    poster::CLASS,
];

static FOLDS: [Fold; 7] = [
    Fold::of::<slack::processor::SlackRouter>(),
    Fold::of::<slack_agent::processor::SlackAgent>(),
    Fold::of::<agent::AgentProcessor>(),
    Fold::of::<agent_chat::AgentChatProcessor>(),
    Fold::of::<agent_host::AgentHostProcessor>(),
    Fold::of::<openai_ws::OpenAiWsProcessor>(),
    Fold::of::<Poster>(),
];

/// What holds of posts.
static OF_POSTS: [&dyn Oracle; 6] = [
    &Posts,
    &OwnMessages,
    &Updates,
    &DeletedThreads,
    &Pace,
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
            NOTED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn services(&self) -> Services {
        let services = platform::services();
        let slack = SlackConfig {
            app_mentions: true,
            ..services.slack
        };
        Services { slack, ..services }
    }

    /// A post may be confirmed and never shown: that is no debt of who posted it.
    fn budget(&self) -> Budget {
        platform::losing(&[("crash.*", 60), ("peer.slack.not-shown", 2)])
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let messages = world.operations("people", messages);
            let mut threads = Threads::new(&world, CHANNEL);
            for message in messages {
                if let Some(ts) = threads.write(message).await {
                    let stream = routed(&ts);
                    let subscription = poster::subscription(&stream);
                    drop(world.append(stream, vec![subscription]));
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &ORACLES
    }

    fn folds(&self) -> &'static [Fold] {
        &FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let ended: Vec<Ended> = routed_logs(evidence)
            .flat_map(|log| all(&log.events, ENDED))
            .filter_map(|event| event.payload().ok())
            .collect();
        let attempted: Vec<Attempted> = routed_logs(evidence)
            .flat_map(|log| all(&log.events, ATTEMPTED))
            .filter_map(|event| event.payload().ok())
            .collect();
        let tries_of_posts = (attempted.iter())
            .filter(|attempted| attempted.attempt > 1 && !attempted.subject.starts_with("count"));
        let applied = |wanted: &str| {
            let facts = evidence.slack.iter().filter(|entry| {
                matches!(&entry.what, SlackFact::Applied { method, .. } if *method == wanted)
            });
            facts.count()
        };
        let is_lost = |what: &SlackFact, wanted: bool| match what {
            SlackFact::ReplyLost { method } => wanted && *method == "chat.postMessage",
            SlackFact::RequestLost { method } => !wanted && *method == "chat.postMessage",
            _ => false,
        };
        let lost = |wanted| {
            evidence
                .slack
                .iter()
                .any(|entry| is_lost(&entry.what, wanted))
        };
        let was_tried_again = tries_of_posts.count() > 0;
        let notes = evidence.slack.iter().any(|entry| {
            matches!(&entry.what, SlackFact::Applied { text: Some(text), .. }
                if text.starts_with("Sorry"))
        });
        let answered = routed_logs(evidence).any(|log| outputs(log) > 0);
        names([
            (POSTED, answered && applied("chat.postMessage") > 0),
            (UPDATED, applied("chat.update") > 0),
            (FOUND_AGAIN, was_tried_again && lost(true)),
            (POSTED_AGAIN, was_tried_again && lost(false)),
            (
                GAVE_UP,
                ended
                    .iter()
                    .any(|ended| matches!(ended.outcome, Outcome::GaveUp { .. })),
            ),
            (NOTED, notes),
            crashed(evidence),
        ])
    }
}

/// Two threads are opened at once, and then spoken in by turns.
fn messages(draws: &Draws<'_>) -> Vec<Message> {
    let message = |after_ms, thread, text: String| Message {
        after_ms,
        thread,
        text,
    };
    let opening = |thread| {
        let text = format!("<@U0000BOT> thread {thread}: what is on today?");
        message(0, thread, text)
    };
    let mut messages: Vec<Message> = (1..=2).map(opening).collect();
    for text in ["And tomorrow?", "<@U0000BOT> and the day after?"] {
        for thread in 1..=2 {
            let after_ms = 1 + draws.draw(&NEXT_MESSAGE, format!("thread {thread}"));
            messages.push(message(after_ms, thread, text.to_owned()));
        }
    }
    messages
}
