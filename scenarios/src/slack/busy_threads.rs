//! Five threads at once: bursts of messages, and an interrupt.

use super::{
    platform::{self, outputs, routed, routed_logs},
    threads::{Message, Threads},
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::agent::contract::{
    Behaviour, InputAdded, INPUT_ADDED, LLM_REQUEST_CANCELLED, LLM_REQUEST_QUEUED,
};
use runtime::{event::EventInput, object::Class, processor::Fold};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario, Services},
    world::{Draws, StreamLog, World},
};
use std::sync::Arc;

pub struct BusyThreads;

const THREADS: u64 = 5;

static BURST: Site = Site::operation(
    "workload.burst",
    Shape::Below { count: 4 },
    "how many further messages a burst has",
);
static PAUSE: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 3_000 },
    "how long a person waits before the next burst",
);
static GAP: Site = Site::operation(
    "workload.gap-ms",
    Shape::Below { count: 150 },
    "how long a person waits between two messages of a burst",
);
static INTERRUPTED: Site = Site::operation(
    "workload.interrupted-thread",
    Shape::Below { count: THREADS },
    "in which thread somebody interrupts the agent",
);

const ALL_ANSWERED: Goal = Goal {
    name: "all-threads-answered",
    about: "the model answered in all five threads",
};
const INTERRUPTED_GOAL: Goal = Goal {
    name: "interrupted",
    about: "an input interrupted a request",
};
const QUEUED: Goal = Goal {
    name: "queued",
    about: "an input was queued behind the request under way",
};

/// Somebody interrupts the agent of a thread.
#[derive(Serialize, Deserialize)]
struct Interrupt {
    thread: u64,
}

impl Scenario for BusyThreads {
    fn name(&self) -> &'static str {
        "slack-busy-threads"
    }

    fn about(&self) -> &'static str {
        "five Slack threads at once, with bursts of messages and an interrupt"
    }

    fn goals(&self) -> &'static [Goal] {
        &[ALL_ANSWERED, INTERRUPTED_GOAL, QUEUED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn services(&self) -> Services {
        platform::services()
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let messages = world.operations("people", messages);
            let mut threads = Threads::new(&world, "C123");
            for message in messages {
                threads.write(message).await;
            }
            let interrupts = world.operations("somebody who does not wait", |draws| {
                vec![Interrupt {
                    thread: 1 + draws.draw(&INTERRUPTED, "interrupt"),
                }]
            });
            for Interrupt { thread } in interrupts {
                if let Some(ts) = threads.ts(thread) {
                    interrupt(&world, ts);
                }
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
        let answered = routed_logs(evidence).filter(|log| outputs(log) > 0).count();
        names([
            (ALL_ANSWERED, answered as u64 == THREADS),
            (
                INTERRUPTED_GOAL,
                any(|log| count(log, &LLM_REQUEST_CANCELLED) > 0),
            ),
            (QUEUED, any(|log| count(log, &LLM_REQUEST_QUEUED) > 0)),
            crashed(evidence),
        ])
    }
}

/// Every thread is opened, and then gets a burst of messages, one after the other.
fn messages(draws: &Draws<'_>) -> Vec<Message> {
    let opening = |thread| Message {
        after_ms: if thread == 1 { 0 } else { 20 },
        thread,
        text: format!("Thread {thread}: what is on today?"),
    };
    let mut messages: Vec<Message> = (1..=THREADS).map(opening).collect();
    for thread in 1..=THREADS {
        let subject = format!("thread {thread}");
        let mut after_ms = 1 + draws.draw(&PAUSE, subject.as_str());
        for number in 1..=draws.draw(&BURST, subject.as_str()) {
            messages.push(Message {
                after_ms,
                thread,
                text: format!("Thread {thread}, more ({number})"),
            });
            after_ms = 1 + draws.draw(&GAP, subject.as_str());
        }
    }
    messages
}

/// An interrupting input, appended as a client of the platform.
fn interrupt(world: &World, thread_ts: &str) {
    let input = InputAdded::new("Stop. Never mind.", Behaviour::InterruptCurrentRequest);
    let event = EventInput::new(INPUT_ADDED, input).keyed("workload/interrupt");
    drop(world.append(routed(thread_ts), vec![event]));
}
