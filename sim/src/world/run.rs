//! Runs a world through its phases: boot → chaos → heal → settle → judge (design §3).

use super::{
    panics::{self, CapturedPanic},
    watch::CpuTime,
    Failure, FailureKind, Outcome, Plan, RecordedDecision, World,
};
use crate::{
    activity::PendingKind,
    oracles::{Evidence, Quiescence},
};
use madsim::{
    net,
    runtime::Runtime,
    time::{sleep, Duration},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{mpsc, Arc},
    thread::JoinHandle,
};

/// How long the faults go on after the workload has ended, at most: less if the world comes to rest.
const CHAOS_AFTER_WORKLOAD_MS: u64 = 30_000;
/// How long the faults go on when the world has come to rest, so that those planned for a later time
/// strike objects that had nothing to do.
const CHAOS_AT_REST_MS: u64 = 10_000;
/// How long a workload may take.
const WORKLOAD_MS_MAX: u64 = 2 * 60 * 60 * 1_000;
/// How long a healed world may take to come to rest.
const SETTLE_MS_MAX: u64 = 2 * 60 * 60 * 1_000;
/// Quiet for that long is at rest: longer than a hop of the network.
const REST_MS: u64 = 20;
/// The longest wait between two looks.
const LOOK_MS_MAX: u64 = 5_000;
/// More trace events than any workload, and any phase of rest, should need.
const TRACE_EVENTS_MAX: u64 = 400_000;

/// Runs a world on a fresh thread, to its end.
///
/// # Panics
/// The harness itself fails. A panic in product code is a failure of the world.
pub fn run(plan: &Plan) -> Outcome {
    join(start(plan).1)
}

/// A world on a thread of its own, and who tells of it: first how long it computes, and then nothing
/// until it is dropped at the end.
pub(super) fn start(plan: &Plan) -> (mpsc::Receiver<CpuTime>, JoinHandle<Outcome>) {
    let plan = plan.clone();
    let (teller, running) = mpsc::channel();
    let thread = std::thread::Builder::new().name(format!("world {}", plan.seed));
    let world = thread.spawn(move || {
        // Nobody may be listening.
        let _ = teller.send(CpuTime::of_this_thread());
        run_here(plan)
    });
    (running, world.expect("a thread can be started"))
}

pub(super) fn join(world: JoinHandle<Outcome>) -> Outcome {
    match world.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn run_here(plan: Plan) -> Outcome {
    panics::install();
    // The evaluator of JSONata asks the system once in a thread how large its stack is. Inside the
    // simulation madsim takes that for the start of a thread, and complains.
    stacker::remaining_stack();
    let config = madsim::Config {
        net: net::Config {
            packet_loss_rate: 0.0,
            send_latency: Duration::ZERO..Duration::from_nanos(1),
        },
        ..madsim::Config::default()
    };
    let runtime = Runtime::with_seed_and_config(plan.scheduler_seed(), config);
    let mut world = None;
    let judged = panics::capture(|| {
        catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let built = World::build(plan.clone()).await;
                world = Some(built.clone());
                live(&built).await
            })
        }))
        .and_then(|evidence| {
            // The reducers that oracles run are product code: their panics are the world's.
            let world = world.as_ref().expect("it has lived");
            catch_unwind(AssertUnwindSafe(|| judge(world, evidence)))
        })
    });
    judged.unwrap_or_else(|panic| match (&world, panic.in_product()) {
        (Some(world), Some(class)) => crashed(world, class, panic),
        _ => panic!("{}", panic.message),
    })
}

async fn live(world: &Arc<World>) -> Evidence {
    world.fleet.begin_chaos();
    let chaos_began_ms = crate::time::since_start_ms();
    let workload = world.activity.begin(PendingKind::Workload);
    let ran_away = tokio::select! {
        biased;
        () = world.plan.scenario.workload(world.clone()) => None,
        runaway = run_away(world) => Some(runaway),
    };
    drop(workload);
    if ran_away.is_none() {
        rest(world, CHAOS_AFTER_WORKLOAD_MS).await;
        sleep(Duration::from_millis(CHAOS_AT_REST_MS)).await;
    }
    let chaos_ms = crate::time::since_start_ms() - chaos_began_ms;
    world
        .trace
        .record(&"world", "heal", format_args!("after {chaos_ms} ms"));
    world.fleet.heal();
    let quiescence = match ran_away {
        Some(RanAway::Events(trace_events)) => Quiescence::Runaway { trace_events },
        // Healed, what it waited for may be answered; the workload itself was given up all the same.
        Some(RanAway::Time) => match rest(world, SETTLE_MS_MAX).await {
            Quiescence::Reached => Quiescence::TimedOut {
                pending: "the workload itself".to_owned(),
            },
            stuck => stuck,
        },
        None => rest(world, SETTLE_MS_MAX).await,
    };
    let in_effect = world.fleet.faults_in_effect();
    assert!(in_effect.is_empty(), "healed, and yet: {in_effect:?}");
    let evidence = world.evidence(quiescence);
    world.fleet.shut_down();
    world.stop_services();
    // The killed tasks are dropped when they would next run.
    sleep(Duration::from_millis(1)).await;
    evidence
}

/// What a workload had too much of.
enum RanAway {
    Events(u64),
    Time,
}

/// Completes when the world has done more than any workload should make it do, or for longer.
async fn run_away(world: &World) -> RanAway {
    let deadline_ms = crate::time::since_start_ms() + WORKLOAD_MS_MAX;
    while crate::time::since_start_ms() < deadline_ms {
        sleep(Duration::from_millis(LOOK_MS_MAX)).await;
        let trace_events = world.trace.events();
        if trace_events > TRACE_EVENTS_MAX {
            return RanAway::Events(trace_events);
        }
    }
    RanAway::Time
}

/// Waits until nothing is under way, at most `limit_ms`.
async fn rest(world: &World, limit_ms: u64) -> Quiescence {
    let deadline_ms = crate::time::since_start_ms() + limit_ms;
    let events_before = world.trace.events();
    let mut look_ms = REST_MS;
    loop {
        let before = (world.activity.changes(), world.trace.events());
        let was_still = world.activity.is_still();
        sleep(Duration::from_millis(if was_still {
            REST_MS
        } else {
            look_ms
        }))
        .await;
        let after = (world.activity.changes(), world.trace.events());
        if was_still && world.activity.is_still() && before == after {
            let waits = world.fleet.waits.stalls();
            if !waits.is_empty() {
                return Quiescence::Stalled { waits };
            }
            if world.activity.is_quiet() {
                return Quiescence::Reached;
            }
        }
        let trace_events = world.trace.events() - events_before;
        if trace_events > TRACE_EVENTS_MAX {
            return Quiescence::Runaway { trace_events };
        }
        if crate::time::since_start_ms() >= deadline_ms {
            let pending = world.activity.describe();
            return Quiescence::TimedOut { pending };
        }
        look_ms = match before == after {
            true => (look_ms * 2).min(LOOK_MS_MAX),
            false => REST_MS,
        };
    }
}

fn judge(world: &World, evidence: Evidence) -> Outcome {
    let scenario = world.plan.scenario;
    let liveness_counts = world.plan.faults != super::FaultLevel::Unlimited;
    let mut failure: Option<Failure> = None;
    let mut exercised = BTreeMap::new();
    for oracle in scenario.oracles() {
        let judged = oracle.judge(&evidence);
        *exercised.entry(oracle.name()).or_insert(0) += *judged.as_ref().unwrap_or(&1);
        let Err(violation) = judged else { continue };
        if violation.kind == FailureKind::Liveness && !liveness_counts {
            continue;
        }
        let graver = failure
            .as_ref()
            .is_none_or(|failure| violation.kind < failure.kind);
        if graver {
            failure = Some(Failure {
                key: format!("{}/{}", oracle.name(), violation.class),
                kind: violation.kind,
                message: match violation.kind == FailureKind::Liveness && !violation.tells_stall {
                    true => format!(
                        "{} → {}",
                        violation.message,
                        evidence.quiescence.what_is_left()
                    ),
                    false => violation.message,
                },
                at_ms: evidence.at_ms,
            });
        }
    }
    let goals = scenario.reached(&evidence).into_iter().collect();
    let stream_events = evidence
        .logs
        .values()
        .map(|log| log.events.len() as u64)
        .sum();
    let keep = world.plan.keep;
    outcome(world, failure, evidence.at_ms, |outcome| {
        outcome.goals = goals;
        outcome.exercised = exercised;
        outcome.stream_events = stream_events;
        if keep {
            outcome.logs = evidence.logs.into_values().collect();
        }
    })
}

/// A panic in product code ended the world.
fn crashed(world: &World, class: String, panic: CapturedPanic) -> Outcome {
    let failure = Failure {
        key: format!("panic/{class}"),
        kind: FailureKind::Crash,
        message: panic.message,
        at_ms: panic.at_ms,
    };
    outcome(world, Some(failure), panic.at_ms, |_| {})
}

fn outcome(
    world: &World,
    failure: Option<Failure>,
    sim_ms: u64,
    complete: impl FnOnce(&mut Outcome),
) -> Outcome {
    let wants_decisions = failure.is_some() || world.plan.keep;
    let lost_operations = world.lost_operations();
    let operations = std::mem::take(&mut world.operations.lock().expect("one thread").performed);
    let mut outcome = Outcome {
        failure,
        trace: world.trace.hash(),
        trace_events: world.trace.events(),
        stream_events: 0,
        sim_ms,
        operation_count: operations.len(),
        operations: match wants_decisions {
            true => operations,
            false => Vec::new(),
        },
        lost_operations,
        decision_count: world.choices.decision_count(),
        decisions: match wants_decisions {
            true => world.choices.decisions(),
            false => Vec::new(),
        },
        goals: BTreeSet::new(),
        exercised: BTreeMap::new(),
        fired: world.choices.fired(),
        unmet: unmet(world),
        occurrences: world.noted.occurrences.take(),
        kept_trace: world.trace.take_kept(),
        logs: Vec::new(),
    };
    complete(&mut outcome);
    outcome
}

/// Forced decisions that never came up.
fn unmet(world: &World) -> Vec<RecordedDecision> {
    let forced = &world.plan.forced;
    if forced.is_empty() {
        return Vec::new();
    }
    let is_met = |wanted: &&RecordedDecision| {
        (world.noted.met).contains(&wanted.site, &wanted.subject, wanted.n)
    };
    forced
        .iter()
        .filter(|wanted| !is_met(wanted))
        .cloned()
        .collect()
}
