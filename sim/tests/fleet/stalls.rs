//! Stalls, by name: cycles of waits, and chains to what nobody will provide.

use crate::{decided::lines, echo::CatchesUpWithItself};
use futures_util::future::BoxFuture;
use runtime::{
    call::{Argument, Arguments, CallError},
    object::{unknown_method, Class, Context, Object, Reply},
};
use sim::{
    oracles::{Deadlocks, Oracle, Quiesces},
    scenario::Scenario,
    world::{run, Failure, FailureKind, FaultLevel, Outcome, Plan, World},
};
use std::{rc::Rc, sync::Arc};

/// Answers `ask`; on which way depends on its name.
struct Knot(Context);

const ANSWER_MS: u64 = 50;
const PATIENCE_MS: u64 = 1_000;

impl Knot {
    fn construct(context: Context) -> Rc<dyn Object> {
        let other = match &*context.name().name {
            "left" => Some("right"),
            "right" => Some("left"),
            "impatient" => Some("impatient"),
            _ => None,
        };
        if let Some(other) = other {
            let asked = ask(&context, other);
            let patience = context.sleep("patience", PATIENCE_MS);
            let is_patient = &*context.name().name != "impatient";
            context.block_concurrency_while("wake hook", async move {
                tokio::select! {
                    biased;
                    answer = asked => answer.map(drop),
                    () = patience, if !is_patient => Ok(()),
                }
            });
        }
        Rc::new(Knot(context))
    }
}

fn ask(context: &Context, other: &'static str) -> Reply {
    context.object("KNOT", other).call("ask", Arguments::new())
}

impl Object for Knot {
    fn call(self: Rc<Self>, method: String, _arguments: Arguments) -> Reply {
        if method != "ask" {
            let error = unknown_method("KNOT", &method);
            return Box::pin(async { Err(error) });
        }
        match &*self.0.name().name {
            "mute" => Box::pin(std::future::pending()),
            "asks-mute" => ask(&self.0, "mute"),
            // Whoever asks gets an answer, however the two ask each other.
            "calls-back" => ask(&self.0, "answers"),
            _ => {
                let sleep = self.0.sleep("answer", ANSWER_MS);
                Box::pin(async move {
                    sleep.await;
                    Ok::<_, CallError>(Argument::NULL)
                })
            }
        }
    }
}

/// A client asks the knot of that name. The workload waits only for the one that never answers.
struct Asks(&'static str);

impl Scenario for Asks {
    fn name(&self) -> &'static str {
        "asks"
    }

    fn about(&self) -> &'static str {
        "a client asks"
    }

    fn classes(&self) -> &'static [Class] {
        const CLASSES: &[Class] = &[Class {
            binding: "KNOT",
            construct: Knot::construct,
        }];
        CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let name = self.0;
        Box::pin(async move {
            let asked = world
                .client(move |context| Box::pin(async move { drop(ask(&context, name).await) }));
            if name == "mute" {
                asked.await;
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Deadlocks, &Quiesces]
    }
}

fn world(scenario: &'static dyn Scenario) -> Outcome {
    run(&Plan {
        faults: FaultLevel::None,
        keep: true,
        ..Plan::new(scenario, 1)
    })
}

fn failure(scenario: &'static dyn Scenario) -> Failure {
    let failure = world(scenario).failure.expect("it fails");
    assert_eq!(failure.kind, FailureKind::Liveness);
    failure
}

/// The message, with the line numbers of this file taken out.
fn told(failure: &Failure) -> String {
    let mut told = String::new();
    let mut rest = failure.message.as_str();
    while let Some(at) = rest.find("stalls.rs:") {
        let (before, after) = rest.split_at(at + "stalls.rs:".len());
        told += before;
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    told + rest
}

#[test]
fn two_wake_hooks_that_wait_for_each_other_are_a_cycle() {
    static LEFT: Asks = Asks("left");
    let failure = failure(&LEFT);
    assert_eq!(failure.key, "deadlock/cycle");
    let hook = |knot| {
        format!("wake hook of knot {knot} holds the lifecycle gate (sim/tests/fleet/stalls.rs:)")
    };
    let waits = |knot| {
        format!(
            "waits for knot {knot} to answer ask → queued behind the lifecycle gate of knot {knot}"
        )
    };
    let cycle = [hook("right"), waits("left"), hook("left"), waits("right")].join(" → ");
    let other = [hook("left"), waits("right"), hook("right"), waits("left")].join(" → ");
    let told = told(&failure);
    assert!(
        told.ends_with(&cycle) || told.ends_with(&other),
        "{told}\n{cycle}"
    );
}

#[test]
fn a_cycle_that_a_time_out_breaks_is_found() {
    static IMPATIENT: Asks = Asks("impatient");
    let outcome = world(&IMPATIENT);
    let failure = outcome.failure.clone().expect("it fails");
    assert_eq!(failure.key, "deadlock/cycle");
    let cycle = "wake hook of knot impatient holds the lifecycle gate \
                 (sim/tests/fleet/stalls.rs:) → waits for knot impatient to answer ask → \
                 queued behind the lifecycle gate of knot impatient";
    assert!(told(&failure).ends_with(cycle), "{}", failure.message);
    // The client was answered all the same, and the trace tells when the cycle closed.
    assert!(outcome.sim_ms > PATIENCE_MS);
    assert_eq!(lines(&outcome, "knot impatient", "deadlock").len(), 1);
}

#[test]
fn an_effect_that_waits_for_the_checkpoint_behind_it_is_a_cycle() {
    let failure = failure(&CatchesUpWithItself);
    assert_eq!(failure.key, "deadlock/cycle");
    let cycle = "→ waits for checkpoint of processor echo ≥ 4 → \
                 processEventBatch of echo p1:/echo holds the turn of processor echo";
    assert!(failure.message.ends_with(cycle), "{}", failure.message);
    assert!(failure
        .message
        .contains("effects of a batch of echo p1:/echo (runtime/src/"));
}

#[test]
fn a_call_that_nobody_answers_is_told_to_its_end() {
    static ASKS_MUTE: Asks = Asks("asks-mute");
    let failure = failure(&ASKS_MUTE);
    assert_eq!(failure.key, "quiescence/stalled");
    let chain = "client client → waits for knot asks-mute to answer ask → ask of knot asks-mute → \
                 waits for knot mute to answer ask → ask of knot mute → \
                 no timer, no alarm, no message in flight";
    let client = "client of client client (sim/src/fleet/server.rs:";
    assert!(
        failure.message.contains(client) || failure.message.contains(chain),
        "{}",
        failure.message
    );
    let tail = chain.split_once(" → ").expect("two ends").1;
    assert!(failure.message.ends_with(tail), "{}", failure.message);
}

#[test]
fn a_workload_that_waits_for_ever_is_a_stall() {
    static MUTE: Asks = Asks("mute");
    let failure = failure(&MUTE);
    assert_eq!(failure.key, "quiescence/stalled");
    assert!(failure
        .message
        .contains("waits for knot mute to answer ask"));
}

#[test]
fn whoever_waits_for_an_answer_that_comes_is_not_stalled() {
    static CALLS_BACK: Asks = Asks("calls-back");
    assert_eq!(world(&CALLS_BACK).failure, None);
}
