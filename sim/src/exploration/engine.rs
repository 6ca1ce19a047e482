//! The engine: runs numbered plans on several threads, and hands their outcomes on in order.
//!
//! Threads pull the next number from one counter, so none is idle while there is work. Outcomes
//! wait until all earlier ones have been delivered: what an [`Observer`] is told by
//! [`Observer::deliver`] depends on the plans alone, not on the number of jobs. Only a wall-clock
//! budget makes a difference, in how many worlds are delivered.

use crate::world::{Outcome, Plan};
use std::{
    any::Any,
    collections::BTreeMap,
    num::NonZeroUsize,
    ops::ControlFlow,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    time::{Duration, Instant},
};

/// How far to go, and on how many threads.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub jobs: NonZeroUsize,
    /// Wall time after which no further world is started.
    pub budget: Option<Duration>,
    /// No world is started once this is set.
    pub interrupt: Option<&'static AtomicBool>,
}

impl Limits {
    fn is_interrupted(&self) -> bool {
        self.interrupt
            .is_some_and(|interrupt| interrupt.load(Relaxed))
    }
}

/// A world that has been run.
pub struct World {
    pub plan: Plan,
    pub outcome: Outcome,
}

/// Is told what happens in a sweep.
pub trait Observer {
    /// A world is done: in order of completion, for progress.
    fn finished(&mut self, world: &World);

    /// The next world in the order of the plans; `Break` ends the sweep with it.
    fn deliver(&mut self, world: World) -> ControlFlow<()>;
}

/// A world that could not be run to its end, which is a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the harness failed in {scenario}, seed {seed}: {message}")]
pub struct HarnessFailure {
    pub scenario: &'static str,
    pub seed: u64,
    pub message: String,
}

/// Runs `plan(0)`, `plan(1)` and so on, until there is none, the budget is used up, somebody
/// interrupts, or the observer breaks off.
///
/// # Errors
/// `run` panicked; the first such world in the order of the plans.
pub fn explore(
    plan: impl Fn(u64) -> Option<Plan> + Sync,
    limits: Limits,
    run: impl Fn(&Plan) -> Outcome + Sync,
    observer: &mut dyn Observer,
) -> Result<(), HarnessFailure> {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..limits.jobs.get() {
            let sender = sender.clone();
            let (plan, run, next, stop) = (&plan, &run, &next, &stop);
            scope.spawn(move || loop {
                let in_time = limits
                    .budget
                    .is_none_or(|budget| started.elapsed() < budget);
                if stop.load(Relaxed) || !in_time || limits.is_interrupted() {
                    return;
                }
                let n = next.fetch_add(1, Relaxed);
                let Some(plan) = plan(n) else { return };
                let result = run_one(plan, run);
                if sender.send((n, result)).is_err() {
                    return;
                }
            });
        }
        drop(sender);
        let end = deliver_in_order(results, observer);
        stop.store(true, Relaxed);
        end
    })
}

/// Runs one world here.
///
/// # Errors
/// `run` panicked.
pub fn run_one(
    plan: Plan,
    run: &(impl Fn(&Plan) -> Outcome + Sync),
) -> Result<World, HarnessFailure> {
    match catch_unwind(AssertUnwindSafe(|| run(&plan))) {
        Ok(outcome) => Ok(World { plan, outcome }),
        Err(panic) => Err(HarnessFailure {
            scenario: plan.scenario.name(),
            seed: plan.seed,
            message: panic_message(&*panic),
        }),
    }
}

fn deliver_in_order(
    results: mpsc::Receiver<(u64, Result<World, HarnessFailure>)>,
    observer: &mut dyn Observer,
) -> Result<(), HarnessFailure> {
    let mut waiting = BTreeMap::new();
    let mut due = 0;
    for (n, result) in results {
        if let Ok(world) = &result {
            observer.finished(world);
        }
        waiting.insert(n, result);
        while let Some(result) = waiting.remove(&due) {
            due += 1;
            if observer.deliver(result?).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (_, Some(message)) => message.clone(),
        _ => "a panic without a message".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::schedule::Settings;
    use super::*;
    use crate::{
        oracles::{Evidence, Oracle, Violation},
        scenario::{Goal, Scenario},
        trace::TraceHash,
        world::{Failure, FailureKind, FaultLevel, Strategy},
    };
    use runtime::quirk::Quirks;
    use std::collections::{BTreeMap, BTreeSet};

    /// A scenario that is only a name.
    pub struct Named(pub &'static str);

    impl Scenario for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn about(&self) -> &'static str {
            "a name"
        }

        fn goals(&self) -> &'static [Goal] {
            &[Goal {
                name: "even-seed",
                about: "the seed was even",
            }]
        }

        fn oracles(&self) -> &'static [&'static dyn Oracle] {
            &[&OddSeed]
        }
    }

    /// Has something to judge in every other world.
    struct OddSeed;

    impl Oracle for OddSeed {
        fn name(&self) -> &'static str {
            "odd-seed"
        }

        fn asserts(&self) -> &'static str {
            "nothing"
        }

        fn judge(&self, _: &Evidence) -> Result<u64, Violation> {
            Ok(0)
        }
    }

    pub const SETTINGS: Settings = Settings {
        quirks: Quirks::NONE,
        faults: FaultLevel::Swarm,
        strategy: Strategy::Swarm,
    };

    static FAKE: Named = Named("fake");

    /// Every tenth seed fails; even seeds reach the goal, odd ones give the oracle something to judge.
    pub fn fake_run(plan: &Plan) -> Outcome {
        let failure = plan.seed.is_multiple_of(10).then(|| Failure {
            key: format!("fake/{}", plan.seed % 20),
            kind: FailureKind::Safety,
            message: "a tenth seed".to_owned(),
            at_ms: 1_500,
        });
        Outcome {
            failure,
            trace: TraceHash(plan.seed),
            trace_events: 7,
            stream_events: 3,
            sim_ms: 100,
            goals: BTreeSet::from_iter((plan.seed.is_multiple_of(2)).then_some("even-seed")),
            exercised: BTreeMap::from([(OddSeed.name(), plan.seed % 2)]),
            fired: BTreeMap::from([("rpc.delay", 2)]),
            ..Outcome::default()
        }
    }

    #[derive(Default)]
    struct Seen {
        finished: u64,
        delivered: Vec<u64>,
        break_at: Option<u64>,
    }

    impl Observer for Seen {
        fn finished(&mut self, _: &World) {
            self.finished += 1;
        }

        fn deliver(&mut self, world: World) -> ControlFlow<()> {
            self.delivered.push(world.plan.seed);
            match self.break_at == Some(world.plan.seed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }

    fn limits(jobs: usize) -> Limits {
        Limits {
            jobs: NonZeroUsize::new(jobs).unwrap(),
            budget: None,
            interrupt: None,
        }
    }

    fn seeds_below(count: u64) -> impl Fn(u64) -> Option<Plan> + Sync {
        move |n| (n < count).then(|| Plan::new(&FAKE, n))
    }

    /// Early worlds take longest, so that completion order is not plan order.
    fn uneven_run(plan: &Plan) -> Outcome {
        std::thread::sleep(Duration::from_millis(8 - plan.seed % 8));
        fake_run(plan)
    }

    #[test]
    fn outcomes_are_delivered_in_the_order_of_the_plans() {
        let mut seen = Seen::default();
        explore(seeds_below(40), limits(8), uneven_run, &mut seen).unwrap();
        assert_eq!(seen.delivered, (0..40).collect::<Vec<_>>());
        assert_eq!(seen.finished, 40);
    }

    #[test]
    fn a_break_ends_the_sweep_at_the_same_world_on_any_number_of_jobs() {
        for jobs in [1, 8] {
            let mut seen = Seen {
                break_at: Some(5),
                ..Seen::default()
            };
            explore(seeds_below(u64::MAX), limits(jobs), uneven_run, &mut seen).unwrap();
            assert_eq!(seen.delivered, (0..=5).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_world_starts_after_the_budget() {
        let mut seen = Seen::default();
        let limits = Limits {
            budget: Some(Duration::from_millis(30)),
            ..limits(4)
        };
        explore(seeds_below(u64::MAX), limits, uneven_run, &mut seen).unwrap();
        let count = seen.delivered.len() as u64;
        assert!(count > 0);
        assert_eq!(seen.delivered, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_of_the_harness_names_its_world() {
        let run = |plan: &Plan| match plan.seed {
            3 => panic!("broke at {}", plan.seed),
            _ => fake_run(plan),
        };
        let mut seen = Seen::default();
        let failure = explore(seeds_below(20), limits(4), run, &mut seen).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the harness failed in fake, seed 3: broke at 3"
        );
        assert_eq!(seen.delivered, [0, 1, 2]);
    }
}
