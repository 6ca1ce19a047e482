//! The model's service has an outage: so many requests fail, one after the other. A short one is got
//! over without anybody's help; over a long one the agent gives up, and whoever speaks to it after
//! that is answered (#1716, #1826).

use super::{
    people::{Input, People, Say},
    platform::{self, agent_stream, judged_by, outputs},
};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::agent::contract::{
    Behaviour, InputAdded, LlmRequestCompleted, LlmResult, INPUT_ADDED, LLM_REQUEST_COMPLETED,
    OUTPUT_ADDED,
};
use runtime::{
    event::{Event, Offset},
    object::Class,
    processor::Fold,
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Failures;

const AGENT: &str = "ivy";

/// A request and its repetitions, all of which failed.
const GIVEN_UP: usize = 4;

static OUTAGE: Site = Site::operation(
    "workload.outage-requests",
    Shape::Below { count: 7 },
    "how many requests fail in an outage",
);
static PATIENCE: Site = Site::operation(
    "workload.patience-ms",
    Shape::Below { count: 70_000 },
    "how long somebody waits before they speak again",
);

const GOT_OVER: Goal = Goal {
    name: "got-over",
    about: "a request that had failed was repeated, and answered",
};
const GAVE_UP: Goal = Goal {
    name: "gave-up",
    about: "a request and its three repetitions failed",
};
const ANSWERED_AFTERWARDS: Goal = Goal {
    name: "answered-afterwards",
    about: "somebody spoke after the agent had given up, and was answered",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// So many requests fail from now on: none ends the outage.
    Outage {
        after_ms: u64,
        requests: u64,
    },
    Say(Say),
}

impl Scenario for Failures {
    fn name(&self) -> &'static str {
        "agent-failures"
    }

    fn about(&self) -> &'static str {
        "the model fails a few times, then recovers, and everybody is answered"
    }

    fn goals(&self) -> &'static [Goal] {
        &[GOT_OVER, GAVE_UP, ANSWERED_AFTERWARDS, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut people = People::new(&world);
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Outage { after_ms, requests } => {
                        world.sleep(after_ms).await;
                        world.openai.fail_next(requests);
                    }
                    Step::Say(said) => people.say(said).await,
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
        let repeated = all(&log.events, INPUT_ADDED).find(|event| tells_of_failure(event));
        let answered_after = |offset: Offset| {
            let mut outputs = all(&log.events, OUTPUT_ADDED);
            outputs.any(|output| output.offset > offset)
        };
        let given_up = given_up(&log.events);
        names([
            (
                GOT_OVER,
                given_up.is_none() && repeated.is_some_and(|it| answered_after(it.offset)),
            ),
            (GAVE_UP, given_up.is_some()),
            (
                ANSWERED_AFTERWARDS,
                outputs(log) > 0 && given_up.is_some_and(answered_after),
            ),
            crashed(evidence),
        ])
    }
}

/// Somebody speaks in the outage, and twice when it is over.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let subject = "/agents/ivy";
    let say = |number, says| {
        Step::Say(Say {
            after_ms: 0,
            to: AGENT.to_owned(),
            inputs: vec![Input::new(number, says, Behaviour::AfterCurrentRequest)],
        })
    };
    let outage = |after_ms, requests| Step::Outage { after_ms, requests };
    let mut steps = vec![
        outage(0, draws.draw(&OUTAGE, subject)),
        say(1, "Are you there?"),
    ];
    for number in 2..=3 {
        steps.push(outage(1 + draws.draw(&PATIENCE, subject), 0));
        steps.push(say(number, "And now?"));
    }
    steps
}

fn tells_of_failure(event: &Event) -> bool {
    event
        .payload::<InputAdded>()
        .is_ok_and(|input| input.failed_llm_request_id.is_some())
}

/// Where a request failed for the last time that it was tried.
fn given_up(log: &[Arc<Event>]) -> Option<Offset> {
    let mut in_a_row = 0;
    let mut ends = log.iter().filter_map(|event| {
        let completed = || event.payload::<LlmRequestCompleted>().ok();
        (event.kind == LLM_REQUEST_COMPLETED)
            .then(completed)
            .flatten()
            .map(|completed| (event.offset, completed.result))
    });
    ends.find_map(|(offset, result)| {
        in_a_row = match result {
            LlmResult::Failure { .. } => in_a_row + 1,
            LlmResult::Success { .. } => 0,
        };
        (in_a_row == GIVEN_UP).then_some(offset)
    })
}
