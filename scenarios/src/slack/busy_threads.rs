//! Five threads at once: bursts of messages, and an interrupt.

use super::platform::{self, outputs, routed, routed_logs};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::agent::contract::{
    Behaviour, InputAdded, INPUT_ADDED, LLM_REQUEST_CANCELLED, LLM_REQUEST_QUEUED,
};
use runtime::{event::EventInput, object::Class, processor::Fold};
use sim::{
    choice::{Shape, Site, Subject},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario, Services},
    world::{StreamLog, World},
};
use std::sync::Arc;

pub struct BusyThreads;

const THREADS: usize = 5;

static BURST: Site = Site::draw(
    "workload.burst",
    Shape::Below { count: 4 },
    "how many further messages a burst has",
);
static PAUSE: Site = Site::draw(
    "workload.pause-ms",
    Shape::Below { count: 3_000 },
    "how long a person waits before the next burst",
);
static GAP: Site = Site::draw(
    "workload.gap-ms",
    Shape::Below { count: 150 },
    "how long a person waits between two messages of a burst",
);
static INTERRUPTED: Site = Site::draw(
    "workload.interrupted-thread",
    Shape::Below {
        count: THREADS as u64,
    },
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
            let mut threads = Vec::new();
            for number in 1..=THREADS {
                let text = format!("Thread {number}: what is on today?");
                threads.push(world.slack.post("C123", "U123", &text, None));
                world.sleep(20).await;
            }
            for (thread, ts) in threads.iter().enumerate() {
                burst(&world, thread, ts).await;
            }
            interrupt(&world, &threads).await;
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
            (ALL_ANSWERED, answered == THREADS),
            (
                INTERRUPTED_GOAL,
                any(|log| count(log, &LLM_REQUEST_CANCELLED) > 0),
            ),
            (QUEUED, any(|log| count(log, &LLM_REQUEST_QUEUED) > 0)),
            crashed(evidence),
        ])
    }
}

async fn burst(world: &World, thread: usize, ts: &str) {
    let subject = Subject::new(format!("thread {}", thread + 1));
    let pause_ms = world.choices.draw(&PAUSE, &subject);
    world.sleep(1 + pause_ms).await;
    let messages = world.choices.draw(&BURST, &subject);
    for number in 1..=messages {
        let text = format!("Thread {}, more ({number})", thread + 1);
        world.slack.post("C123", "U123", &text, Some(ts));
        let gap_ms = world.choices.draw(&GAP, &subject);
        world.sleep(1 + gap_ms).await;
    }
}

/// Somebody who does not wait: an interrupting input, appended as a client of the platform.
async fn interrupt(world: &World, threads: &[String]) {
    let subject = Subject::new("interrupt");
    let thread = world.choices.draw(&INTERRUPTED, &subject) as usize;
    let input = InputAdded::new("Stop. Never mind.", Behaviour::InterruptCurrentRequest);
    let event = EventInput::new(INPUT_ADDED, input).keyed("workload/interrupt");
    drop(world.append(routed(&threads[thread]), vec![event]));
}
