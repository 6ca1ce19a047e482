//! A new thread: its first message arrives while every object is cold, then a second one.

use super::{
    platform::{self, outputs, routed_logs},
    threads::{Message, Threads},
};
use crate::readings::{count, crashed, first, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::{agent::contract::INPUT_ADDED, openai_ws::contract::LLM_REQUEST_ATTEMPT_FAILED};
use runtime::{
    object::Class,
    processor::Fold,
    stream::contract::{SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
};
use sim::{
    choice::{Budget, Shape, Site},
    oracles::{Evidence, Oracle},
    peers::slack::SlackFact,
    scenario::{Goal, Scenario, Services},
    world::{StreamLog, World},
};
use std::sync::Arc;

pub struct FirstMessage;

/// When the second message comes: while the first is being worked on, or after it.
static SECOND_MESSAGE: Site = Site::operation(
    "workload.second-message-ms",
    Shape::Below { count: 12_000 },
    "how long after the first message the second one is written",
);

const BOTH_ANSWERED: Goal = Goal {
    name: "both-answered",
    about: "the model answered at two different times in the thread",
};
const BELOW_ANCHOR: Goal = Goal {
    name: "input-below-anchor",
    about: "the first input came before the agent's own subscription",
};
const REDELIVERED: Goal = Goal {
    name: "redelivered",
    about: "Slack delivered an event again",
};
const RECOVERED: Goal = Goal {
    name: "request-recovered",
    about: "a model request was taken up again after its object had died",
};

impl Scenario for FirstMessage {
    fn name(&self) -> &'static str {
        "slack-first-message"
    }

    fn about(&self) -> &'static str {
        "a new Slack thread: its first message finds every object cold, then comes a second one"
    }

    fn goals(&self) -> &'static [Goal] {
        &[BOTH_ANSWERED, BELOW_ANCHOR, CRASHED, REDELIVERED, RECOVERED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        platform::services()
    }

    /// An event may be lost for ever: who never heard of a message owes nothing.
    fn budget(&self) -> Budget {
        platform::losing(&[("crash.*", 60), ("peer.slack.event-lost", 1)])
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let messages = world.operations("somebody", |draws| {
                let message = |after_ms, text: &str| Message {
                    after_ms,
                    thread: 1,
                    text: text.to_owned(),
                };
                let wait_ms = 1 + draws.draw(&SECOND_MESSAGE, "thread 1");
                vec![
                    message(0, "Which of our stores sells the most tea?"),
                    message(wait_ms, "And which the least?"),
                ]
            });
            let mut threads = Threads::new(&world, "C123");
            for message in messages {
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
        let any = |holds: fn(&StreamLog) -> bool| routed_logs(evidence).any(holds);
        let redelivered = evidence
            .slack
            .iter()
            .any(|entry| matches!(entry.what, SlackFact::Delivered { attempt: 1.., .. }));
        names([
            (BOTH_ANSWERED, any(|log| outputs(log) >= 2)),
            (BELOW_ANCHOR, any(input_is_below_anchor)),
            crashed(evidence),
            (REDELIVERED, redelivered),
            (
                RECOVERED,
                any(|log| count(log, &LLM_REQUEST_ATTEMPT_FAILED) > 0),
            ),
        ])
    }
}

/// The schedule of B-28: the slack-agent's append came before the agent object's wake hook.
fn input_is_below_anchor(log: &StreamLog) -> bool {
    let Some(input) = first(log, &INPUT_ADDED) else {
        return false;
    };
    log.events
        .iter()
        .filter(|event| event.kind == SUBSCRIPTION_CONFIGURED)
        .find(|event| {
            event
                .payload::<SubscriptionConfigured>()
                .is_ok_and(|configured| configured.subscription_key.ends_with(":agent"))
        })
        .is_some_and(|subscription| input.offset < subscription.offset)
}
