//! Two sessions whose people ask for scripts: some have things made over rpc, some ask who answers by
//! event, some fetch, write lines, throw, or call somebody who never answers. Sessions die meanwhile. Each
//! script ends, once, and nothing is made twice for it.

use super::{
    people::{Does, People, Script, Step, CALL_ANSWERED},
    platform::{self, DIALED, INITIALIZED},
    workshop::MADE,
};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::codemode::contract::*;
use runtime::{object::Class, processor::Fold};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Scripts;

static STEPS: Site = Site::operation(
    "workload.steps-at-session",
    Shape::Below { count: 4 },
    "how many things more than two somebody does at a session",
);
static DOES: Site = Site::operation(
    "workload.does",
    Shape::Below { count: 12 },
    "what somebody does at a session",
);
static SCRIPT: Site = Site::operation(
    "workload.script",
    Shape::Below { count: 14 },
    "what a script does",
);
static PAUSE: Site = Site::operation(
    "workload.script-pause-ms",
    Shape::Below { count: 3_000 },
    "how long a script pauses between the things that it has made",
);
static WAIT: Site = Site::operation(
    "workload.session-wait-ms",
    Shape::Below { count: 1_500 },
    "how long somebody waits before the next step at a session",
);

const RETURNED: Goal = Goal {
    name: "returned",
    about: "a script called functions of both kinds, and returned",
};
const THREW: Goal = Goal {
    name: "threw",
    about: "a script threw",
};
const SETTLED: Goal = Goal {
    name: "settled",
    about: "a script whose session died was brought to an end",
};
const CALL_SETTLED: Goal = Goal {
    name: "call-settled",
    about: "a call that died with its session was brought to an end",
};
const NOT_RUN: Goal = Goal {
    name: "not-run",
    about: "a script that was asked for before its session was there was told so",
};
const TIMED_OUT: Goal = Goal {
    name: "timed-out",
    about: "a call that nobody answered ended when its time was up",
};
const FETCHED: Goal = Goal {
    name: "fetched",
    about: "a script got a response from outside",
};
const LOGGED: Goal = Goal {
    name: "logged",
    about: "a script wrote lines",
};
const ANSWERED: Goal = Goal {
    name: "call-answered",
    about: "somebody called a function, and got what it gave",
};

impl Scenario for Scripts {
    fn name(&self) -> &'static str {
        "codemode-scripts"
    }

    fn about(&self) -> &'static str {
        "scripts that call functions by rpc and by event, while their sessions die"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            RETURNED,
            THREW,
            SETTLED,
            CALL_SETTLED,
            NOT_RUN,
            TIMED_OUT,
            FETCHED,
            LOGGED,
            ANSWERED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut people = People::new(&world);
            for step in world.operations("somebody", steps) {
                people.perform(step).await;
            }
            people.hear().await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        use crate::properties::*;
        use sim::oracles::*;
        static ORACLES: &[&dyn Oracle] = &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &Scripts,
            &FunctionCalls,
            &Deadlocks,
            &StateIsFold,
            &Filter,
            &Subscriptions,
            &Presence,
            &Announcements,
            &Connections,
            &Quiesces,
        ];
        ORACLES
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let scripts: Vec<ScriptExecutionCompleted> = payloads(evidence, SCRIPT_EXECUTION_COMPLETED);
        let calls: Vec<FunctionCallCompleted> = payloads(evidence, FUNCTION_CALL_COMPLETED);
        let threw = |outcome: &Outcome, words: &str| match outcome {
            Outcome::Threw { error } => error.as_str().is_some_and(|error| error.contains(words)),
            Outcome::Returned { .. } => false,
        };
        let script_threw = |words| scripts.iter().any(|end| threw(&end.outcome, words));
        let call_threw = |words| calls.iter().any(|end| threw(&end.outcome, words));
        let kinds_of = |end: &ScriptExecutionCompleted| {
            let id = Some(&end.script_execution_id);
            let own = calls.iter().map(|call| &call.call);
            let own = own.filter(|call| call.script_execution_id.as_ref() == id);
            let kinds: Vec<InvocationKind> = own.map(|call| call.invocation_kind).collect();
            [InvocationKind::Rpc, InvocationKind::Event].map(|kind| kinds.contains(&kind))
        };
        let returned = scripts.iter().any(|end| {
            matches!(end.outcome, Outcome::Returned { .. }) && kinds_of(end) == [true, true]
        });
        let fetched = calls.iter().any(|end| {
            end.call.path.names()[0].as_ref() == "fetch"
                && matches!(end.outcome, Outcome::Returned { .. })
        });
        let answered = evidence
            .observed(CALL_ANSWERED)
            .any(|seen| seen.value == true);
        let lines: Vec<LogEmitted> = payloads(evidence, LOG_EMITTED);
        let is_made = !payloads::<serde_json::Value>(evidence, MADE).is_empty();
        names([
            (RETURNED, returned),
            (THREW, script_threw("on purpose")),
            (SETTLED, script_threw("it is not run again")),
            (
                CALL_SETTLED,
                call_threw("the session ended during the call"),
            ),
            (NOT_RUN, script_threw("was not run")),
            (TIMED_OUT, call_threw("was not answered within")),
            (FETCHED, fetched),
            (LOGGED, !lines.is_empty()),
            (ANSWERED, answered && is_made),
            crashed(evidence),
        ])
    }
}

fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut number = 0;
    for session in [DIALED, INITIALIZED] {
        let subject = format!("/sessions/{session}");
        for _ in 0..2 + draws.draw(&STEPS, subject.as_str()) {
            number += 1;
            let script = || script(draws, &subject);
            let does = match draws.draw(&DOES, subject.as_str()) {
                0..=5 => Does::Ask(script()),
                6 | 7 => Does::Create(script()),
                8 | 9 => Does::Call,
                10 => Does::Vars,
                _ => Does::Kill,
            };
            steps.push(Step {
                after_ms: draws.draw(&WAIT, subject.as_str()),
                session: session.to_owned(),
                number,
                does,
            });
        }
    }
    steps
}

fn script(draws: &Draws<'_>, subject: &str) -> Script {
    match draws.draw(&SCRIPT, subject) {
        0 | 1 => Script::Make {
            items: 3,
            pause_ms: draws.draw(&PAUSE, subject),
        },
        2 => Script::Ask,
        3 | 4 => Script::AtOnce,
        5 => Script::Forget,
        6 | 7 => Script::Listen,
        8 => Script::Nobody,
        9 => Script::Log,
        10 => Script::Fetch,
        11 | 12 => Script::Register,
        _ => Script::Throw,
    }
}

/// What the events of a type hold, in all logs.
fn payloads<T: serde::de::DeserializeOwned>(
    evidence: &Evidence,
    kind: runtime::event::EventType,
) -> Vec<T> {
    let logs = evidence.logs.values();
    let events = logs.flat_map(|log| all(&log.events, kind.clone()));
    events.filter_map(|event| event.payload().ok()).collect()
}
