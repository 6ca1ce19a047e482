//! Threads that an older revision routed: their streams, and that of the integration, have subscriptions
//! of shapes that nobody dials any more (spec §1.8; B-04). People go on speaking in them, and open a new
//! one beside.

use super::{
    platform::{self, outputs, routed},
    threads::{Message, Threads},
};
use crate::readings::{crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{
    agent, agent_chat, agent_host, openai_ws,
    slack::contract::{Thread, ThreadRouteConfigured, CONNECTED, THREAD_ROUTE_CONFIGURED},
};
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    peers::slack::{HistoryMessage, SlackConfig},
    scenario::{Goal, Scenario, Services},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Cutover;

const CHANNEL: &str = "C123";

/// The threads of old, by what they are called in operations.
const OLD: [(u64, &str); 2] = [(1, "1772130000.000100"), (2, "1772130000.000200")];
const NEW: u64 = 3;

static NEXT_MESSAGE: Site = Site::operation(
    "workload.next-message-ms",
    Shape::Below { count: 5_000 },
    "how long a person waits before the next message in a thread",
);

const OLD_ANSWERED: Goal = Goal {
    name: "old-thread-answered",
    about: "the model answered in a thread of an older revision",
};
const NEW_ANSWERED: Goal = Goal {
    name: "new-thread-answered",
    about: "the model answered in a new thread beside",
};

impl Scenario for Cutover {
    fn name(&self) -> &'static str {
        "slack-cutover"
    }

    fn about(&self) -> &'static str {
        "Slack threads from before a cutover, whose subscribers nobody dials any more, and a new one"
    }

    fn goals(&self) -> &'static [Goal] {
        &[OLD_ANSWERED, NEW_ANSWERED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        let services = platform::services();
        let history = OLD.map(|(_, ts)| HistoryMessage {
            channel: CHANNEL.to_owned(),
            ts: ts.to_owned(),
            user: "U123".to_owned(),
            text: "A question of long ago.".to_owned(),
        });
        let slack = SlackConfig {
            history: history.to_vec(),
            ..services.slack
        };
        Services { slack, ..services }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let of_integration = past_of_integration();
            world.append(platform::integration(), of_integration).await;
            for (_, ts) in OLD {
                world.append(routed(ts), past_of_thread(ts)).await;
            }
            let mut threads = Threads::new(&world, CHANNEL);
            for (thread, ts) in OLD {
                threads.open(thread, ts);
            }
            for message in world.operations("people", messages) {
                threads.write(message).await;
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &platform::ORACLES
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let is_old = |name: &StreamName| OLD.iter().any(|(_, ts)| *name == routed(ts));
        let answered = |old: bool| {
            platform::routed_logs(evidence).any(|log| is_old(&log.name) == old && outputs(log) > 0)
        };
        names([
            (OLD_ANSWERED, answered(true)),
            (NEW_ANSWERED, answered(false)),
            crashed(evidence),
        ])
    }
}

/// A subscriber of the first days, under the key that its successor has too.
fn legacy(subscription_key: String, slug: &str, idempotency_key: String) -> EventInput {
    let subscriber = json!({
        "type": "built-in", "transport": "workers-rpc", "processorSlug": slug,
    });
    let payload = json!({ "subscriptionKey": subscription_key, "subscriber": subscriber });
    EventInput::new(SUBSCRIPTION_CONFIGURED, payload).keyed(idempotency_key)
}

fn route(ts: &str) -> EventInput {
    let route = ThreadRouteConfigured {
        thread: Thread {
            channel: CHANNEL.into(),
            thread_ts: ts.into(),
        },
        stream_path: routed(ts).path,
    };
    EventInput::new(THREAD_ROUTE_CONFIGURED, route).keyed(format!("slack-route:{CHANNEL}:{ts}"))
}

fn past_of_integration() -> Vec<EventInput> {
    let key = "slack-subscription:p1:workers-rpc".to_owned();
    let connected = json!({ "connectionId": "c1", "externalId": "T0000001", "projectId": "p1" });
    let mut past = vec![
        legacy("slack:p1".to_owned(), "slack", key),
        EventInput::new(CONNECTED, connected).keyed("slack-connected:c1"),
    ];
    past.extend(OLD.map(|(_, ts)| route(ts)));
    past
}

fn past_of_thread(ts: &str) -> Vec<EventInput> {
    let StreamName { namespace, path } = routed(ts);
    let slack_agent = legacy(
        format!("slack-agent:{namespace}:{path}"),
        "slack-agent",
        format!("slack-agent-subscription:{namespace}:{path}:workers-rpc"),
    );
    let slugs = [
        agent_chat::contract::SLUG,
        agent::contract::SLUG,
        openai_ws::contract::SLUG,
        agent_host::contract::SLUG,
    ];
    let of_agent = slugs.map(|slug| {
        let idempotency_key =
            format!("agent-processor-subscription:{namespace}:{path}:{slug}:workers-rpc");
        legacy(
            format!("agent:{namespace}:{path}:{slug}"),
            slug,
            idempotency_key,
        )
    });
    [slack_agent]
        .into_iter()
        .chain(of_agent)
        .chain([route(ts)])
        .collect()
}

/// Two messages in every thread, by turns.
fn messages(draws: &Draws<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    for text in ["Are you still there?", "And now?"] {
        for thread in [1, NEW, 2] {
            messages.push(Message {
                after_ms: 1 + draws.draw(&NEXT_MESSAGE, format!("thread {thread}")),
                thread,
                text: text.to_owned(),
            });
        }
    }
    messages
}
