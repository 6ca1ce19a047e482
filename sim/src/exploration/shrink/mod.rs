//! Shrinking: from a failing world to the few operations and decisions that the failure needs
//! (design §9; delta debugging after Zeller and Hildebrandt, TSE 2002).
//!
//! A candidate is the world with something left out, or made smaller. It counts if the *same key*
//! comes back; what came up in it is where shrinking goes on from, so a decision that no longer comes
//! up falls off by itself. Passes, until none of them finds anything:
//!
//! 1. everything but one decision; whole kinds of faults; chunks of operations and decisions, halves
//!    first, single ones last;
//! 2. when little is left: two at once; something less, with a decision at another occurrence (an
//!    append that is not made makes the 3rd commit the 2nd); one less, under another scheduler seed;
//! 3. shorter delays, smaller numbers, earlier occurrences; shorter times and lists in operations.
//!
//! Which candidate is taken depends on their order alone, not on the number of jobs; only bounds of
//! time and an interrupt make a difference, in how far it gets. What a result does not mean: that
//! there is no smaller one.

mod candidate;
mod smaller;

use super::{
    engine::{self, Limits, World},
    replay::{quiet, First},
    sweep::Run,
};
use crate::world::Plan;
use candidate::Candidate;
use indexmap::IndexMap;
use smaller::{below, smaller_operations, smaller_values};
use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub worlds_max: u64,
    pub wall: Duration,
}

/// Is told how shrinking gets on.
pub trait Watcher {
    /// Something smaller was found; so many worlds were run by then.
    fn smaller(&mut self, world: &World, worlds: u64);
}

impl Watcher for () {
    fn smaller(&mut self, _: &World, _: u64) {}
}

/// What shrinking came to.
pub struct Shrunk {
    /// The smallest world that was found. What it did and decided is recorded in its plan.
    pub world: World,
    pub worlds: u64,
    /// It ended because nothing smaller was found, not because of a bound or an interrupt.
    pub is_complete: bool,
}

/// With at most so many elements left, pairs of them are tried.
const FEW: usize = 24;
/// By how many occurrences a decision is moved when something in front of it is left out.
const SLIDES: [i32; 10] = [-1, -2, -3, -4, 1, 2, -6, -8, -12, -16];
/// More moves than this are not tried in a round.
const SLIDES_MAX: usize = 3_000;
/// How many other scheduler seeds a removal is tried under.
const SCHEDULER_SEEDS: u64 = 4;
/// How many times everything is tried again after something was found.
const ROUNDS_MAX: usize = 12;

/// Shrinks a world that failed. It is run again first, as recorded; if that does not fail in the same
/// way, there is nothing to shrink.
pub fn shrink(
    failed: &World,
    bounds: Bounds,
    limits: Limits,
    run_world: impl Run,
    watcher: &mut dyn Watcher,
) -> Option<Shrunk> {
    let failure = failed.outcome.failure.as_ref()?;
    let mut shrinking = Shrinking {
        key: failure.key.clone(),
        plan: Plan {
            forced: Vec::new(),
            watched: Vec::new(),
            keep: false,
            ..failed.plan.clone()
        },
        best: Candidate::of(&failed.plan, &failed.outcome),
        world: None,
        bounds,
        limits,
        run_world: quiet(run_world),
        started: Instant::now(),
        worlds: 0,
        is_cut_short: false,
        watcher,
    };
    let whole = shrinking.best.clone();
    shrinking.first(vec![whole])?;
    shrinking.all();
    Some(Shrunk {
        world: shrinking.world.expect("it was found"),
        worlds: shrinking.worlds,
        is_complete: !shrinking.is_cut_short,
    })
}

struct Shrinking<'a, R> {
    key: String,
    plan: Plan,
    best: Candidate,
    world: Option<World>,
    bounds: Bounds,
    limits: Limits,
    run_world: R,
    started: Instant,
    worlds: u64,
    is_cut_short: bool,
    watcher: &'a mut dyn Watcher,
}

impl<R: Run> Shrinking<'_, R> {
    fn all(&mut self) {
        self.single_decisions();
        self.kinds();
        self.chunks(self.best.len() / 2);
        for _ in 0..ROUNDS_MAX {
            let found = self.chunks(1)
                || self.pairs()
                || self.slides()
                || self.other_schedules()
                || self.smaller();
            if !found || self.is_cut_short {
                return;
            }
        }
    }

    /// Takes the first of some candidates, in order, that fails in the same way; gives its place.
    fn first(&mut self, candidates: Vec<Candidate>) -> Option<usize> {
        let worlds_left = self.bounds.worlds_max.saturating_sub(self.worlds);
        let wall_left = self.bounds.wall.saturating_sub(self.started.elapsed());
        let mut first = First {
            key: &self.key,
            worlds: 0,
            found: None,
        };
        let plan = |n: u64| {
            let candidate = candidates.get(usize::try_from(n).ok()?)?;
            (n < worlds_left).then(|| candidate.plan(&self.plan))
        };
        let limits = Limits {
            budget: Some(wall_left),
            ..self.limits
        };
        engine::explore(plan, limits, &self.run_world, &mut first)
            .expect("a world that breaks the harness is quiet");
        self.worlds += first.worlds;
        let tried = first.worlds as usize;
        let Some(found) = first.found else {
            self.is_cut_short |= tried < candidates.len();
            return None;
        };
        self.best = Candidate::of(&found.plan, &found.outcome);
        self.watcher.smaller(&found, self.worlds);
        self.world = Some(found);
        Some(tried - 1)
    }

    /// Everything that people do, and one decision alone, or none: the shortest way, where one is
    /// enough.
    fn single_decisions(&mut self) -> bool {
        let decisions = &self.best.decisions;
        let only = |kept: Option<usize>| Candidate {
            decisions: kept.into_iter().map(|at| decisions[at].clone()).collect(),
            ..self.best.clone()
        };
        let none_and_each = [None].into_iter().chain((0..decisions.len()).map(Some));
        let candidates = none_and_each.map(only).collect();
        decisions.len() > 1 && self.first(candidates).is_some()
    }

    /// Whole kinds of faults, the most frequent first.
    fn kinds(&mut self) -> bool {
        let mut found = false;
        let mut tried: Vec<&'static str> = Vec::new();
        loop {
            let mut counts: IndexMap<&'static str, usize> = IndexMap::new();
            for decision in &self.best.decisions {
                *counts.entry(decision.site.name).or_default() += 1;
            }
            counts.retain(|site, _| !tried.contains(site));
            counts.sort_by(|_, one, _, other| other.cmp(one));
            let sites: Vec<&'static str> = counts.into_keys().collect();
            let without = |site: &&'static str| Candidate {
                decisions: (self.best.decisions.iter())
                    .filter(|decision| decision.site.name != *site)
                    .cloned()
                    .collect(),
                ..self.best.clone()
            };
            let Some(place) = self.first(sites.iter().map(without).collect()) else {
                return found;
            };
            found = true;
            tried.extend(&sites[..=place]);
        }
    }

    /// Chunks of so many elements, from the last to the first; then of half as many.
    fn chunks(&mut self, mut size: usize) -> bool {
        let mut found = false;
        while size > 0 {
            let mut end = self.best.len();
            loop {
                let ends: Vec<usize> = (1..=end).rev().step_by(size).collect();
                let chunk = |end: &usize| {
                    let range = end.saturating_sub(size)..*end;
                    self.best.without(|place| range.contains(&place))
                };
                let Some(place) = self.first(ends.iter().map(chunk).collect()) else {
                    break;
                };
                found = true;
                end = ends[place].saturating_sub(size).min(self.best.len());
            }
            size /= 2;
        }
        found
    }

    /// Two elements at once.
    fn pairs(&mut self) -> bool {
        let count = self.best.len();
        if count > FEW {
            return false;
        }
        let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| [one, other]));
        let without = |pair: [usize; 2]| self.best.without(|place| pair.contains(&place));
        let candidates = pairs.map(without).collect();
        self.first(candidates).is_some()
    }

    /// Something less, and a decision at another occurrence: what is not done any more is not counted
    /// any more. Chunks of operations first, the largest first, then every single element.
    fn slides(&mut self) -> bool {
        let (count, operations) = (self.best.len(), self.best.operations.len());
        let mut removals: Vec<Range<usize>> = Vec::new();
        let mut size = operations;
        while size > 1 {
            let ends = (1..=operations).rev().step_by(size);
            removals.extend(ends.map(|end| end.saturating_sub(size)..end));
            size /= 2;
        }
        removals.extend((0..count).rev().map(|place| place..place + 1));
        let mut candidates = Vec::new();
        for removal in removals {
            let rest = self.best.without(|place| removal.contains(&place));
            for place in 0..rest.decisions.len() {
                let n = rest.decisions[place].n;
                let numbers = SLIDES.iter().filter_map(|by| n.checked_add_signed(*by));
                candidates
                    .extend(numbers.map(|n| rest.with_decision(place, |decision| decision.n = n)));
            }
        }
        candidates.retain(Candidate::decides_once);
        candidates.truncate(SLIDES_MAX);
        self.first(candidates).is_some()
    }

    /// One element less, under another scheduler seed.
    fn other_schedules(&mut self) -> bool {
        let count = self.best.len();
        if count > FEW {
            return false;
        }
        let candidates = (0..count).flat_map(|left_out| {
            let rest = self.best.without(|place| place == left_out);
            (1..=SCHEDULER_SEEDS).map(move |n| Candidate {
                scheduler_seed: rest.scheduler_seed.wrapping_add(n),
                ..rest.clone()
            })
        });
        let candidates = candidates.collect();
        self.first(candidates).is_some()
    }

    /// Makes what remains smaller, without end: each step halves something, or empties it.
    fn smaller(&mut self) -> bool {
        let mut found = false;
        while self.first(self.smaller_candidates()).is_some() {
            found = true;
        }
        found
    }

    fn smaller_candidates(&self) -> Vec<Candidate> {
        let best = &self.best;
        let mut candidates = Vec::new();
        for (place, operation) in best.operations.iter().enumerate() {
            let smaller = smaller_operations(&operation.does);
            candidates.extend(smaller.map(|does| best.with_operation(place, does)));
        }
        for (place, decision) in best.decisions.iter().enumerate() {
            let values = smaller_values(decision.site.shape, decision.value);
            candidates.extend(
                values.map(|value| best.with_decision(place, |decision| decision.value = value)),
            );
            let numbers = below(u64::from(decision.n)).map(|n| n as u32);
            candidates
                .extend(numbers.map(|n| best.with_decision(place, |decision| decision.n = n)));
        }
        candidates.retain(Candidate::decides_once);
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::tests::Named;
    use super::*;
    use crate::{
        choice::{Decision, Shape, Site},
        world::{
            Answers, Failure, FailureKind, Operations, Outcome, PerformedOperation,
            RecordedOperation,
        },
    };
    use serde_json::{json, Value};
    use std::{
        num::NonZeroUsize,
        sync::{
            atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
            Arc,
        },
    };

    static FAKE: Named = Named("fake");
    static CRASH: Site = Site::fault("crash.now", Shape::YesNo { rate: 0.1 }, "dies");
    static SLOW: Site = Site::fault(
        "slow",
        Shape::Delay {
            rate: 0.1,
            min_ms: 2,
            max_ms: 1_000,
        },
        "is slow",
    );

    fn decision(site: &'static Site, n: u32, value: u64) -> Decision {
        Decision {
            site,
            subject: "a".into(),
            n,
            value,
        }
    }

    fn operation(n: u32, does: Value) -> RecordedOperation {
        let actor = Arc::from("somebody");
        RecordedOperation { actor, n, does }
    }

    /// What came up in a world is what its plan says.
    fn outcome(plan: &Plan, fails: impl Fn(&[RecordedOperation], &[Decision]) -> bool) -> Outcome {
        let Answers::Recorded(decisions) = &plan.answers else {
            panic!("recorded");
        };
        let Operations::Recorded(operations) = &plan.operations else {
            panic!("recorded");
        };
        let decisions: Vec<Decision> = decisions
            .iter()
            .map(|one| {
                let site = if one.site == "slow" { &SLOW } else { &CRASH };
                decision(site, one.n, one.value)
            })
            .collect();
        let failure = fails(operations, &decisions).then(|| Failure {
            key: "fake/failed".to_owned(),
            kind: FailureKind::Safety,
            message: "failed".to_owned(),
            at_ms: 0,
        });
        let performed = operations.iter().map(|operation| PerformedOperation {
            operation: operation.clone(),
            at_ms: 0,
        });
        Outcome {
            failure,
            operations: performed.collect(),
            decisions,
            ..Outcome::default()
        }
    }

    /// Forty decisions and twelve operations.
    fn failed() -> World {
        let decisions = (0..20).flat_map(|n| [decision(&CRASH, n, 1), decision(&SLOW, n, 700)]);
        let does = |n| operation(n, json!({ "after_ms": 900, "says": ["a", "b"] }));
        let candidate = Candidate {
            operations: (0..12).map(does).collect(),
            decisions: decisions.collect(),
            scheduler_seed: 1,
        };
        let plan = candidate.plan(&Plan::new(&FAKE, 1));
        let outcome = outcome(&plan, |_, _| true);
        World { plan, outcome }
    }

    fn limits(jobs: usize) -> Limits {
        Limits {
            jobs: NonZeroUsize::new(jobs).unwrap(),
            budget: None,
            interrupt: None,
        }
    }

    const BOUNDS: Bounds = Bounds {
        worlds_max: 10_000,
        wall: Duration::from_secs(600),
    };

    fn shrunk(
        bounds: Bounds,
        jobs: usize,
        fails: impl Fn(&[RecordedOperation], &[Decision]) -> bool + Sync,
    ) -> Shrunk {
        let run = |plan: &Plan| outcome(plan, &fails);
        shrink(&failed(), bounds, limits(jobs), run, &mut ()).expect("it fails again")
    }

    /// Needs an operation, a crash and a delay, all of them in some way.
    fn needs_three(operations: &[RecordedOperation], decisions: &[Decision]) -> bool {
        operations.iter().any(|one| one.n == 7)
            && decisions
                .iter()
                .any(|one| one.site == &CRASH && one.n == 11)
            && decisions
                .iter()
                .any(|one| one.site == &SLOW && one.value >= 300)
    }

    #[test]
    fn what_is_left_is_what_the_failure_needs() {
        for jobs in [1, 4] {
            let Shrunk {
                world, is_complete, ..
            } = shrunk(BOUNDS, jobs, needs_three);
            let left = Candidate::of(&world.plan, &world.outcome);
            assert_eq!(left.operations.len(), 1);
            assert_eq!(left.operations[0].n, 7);
            assert_eq!(
                left.operations[0].does,
                json!({ "after_ms": 0, "says": ["b"] })
            );
            let mut names: Vec<_> = left
                .decisions
                .iter()
                .map(|one| (one.site.name, one.n))
                .collect();
            names.sort();
            assert_eq!(names, [("crash.now", 11), ("slow", 0)]);
            let slow = left.decisions.iter().find(|one| one.site == &SLOW).unwrap();
            assert!((300..=420).contains(&slow.value), "{}", slow.value);
            assert!(is_complete);
        }
    }

    #[test]
    fn a_failure_that_needs_nothing_shrinks_to_nothing() {
        let world = shrunk(BOUNDS, 2, |_, _| true).world;
        assert_eq!(Candidate::of(&world.plan, &world.outcome).len(), 0);
    }

    #[test]
    fn what_must_go_together_goes_together() {
        // Either both of them, or neither.
        let fails = |_: &[RecordedOperation], decisions: &[Decision]| {
            let has = |n| decisions.iter().any(|one| one.site == &CRASH && one.n == n);
            has(2) == has(17) && decisions.iter().any(|one| one.n == 5)
        };
        let world = shrunk(BOUNDS, 2, fails).world;
        assert_eq!(world.outcome.decisions.len(), 1);
        assert_eq!(world.outcome.decisions[0].n, 5);
    }

    #[test]
    fn a_bound_ends_it_with_the_best_so_far() {
        let bounds = Bounds {
            worlds_max: 60,
            ..BOUNDS
        };
        let Shrunk {
            world,
            worlds,
            is_complete,
        } = shrunk(bounds, 2, needs_three);
        assert!(worlds <= 60 && !is_complete);
        assert!(world.outcome.failure.is_some());
        assert!(world.outcome.decisions.len() < 40);
    }

    #[test]
    fn an_interrupt_ends_it_with_the_best_so_far() {
        let interrupt: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let worlds = AtomicU64::new(0);
        let run = |plan: &Plan| {
            interrupt.store(worlds.fetch_add(1, Relaxed) >= 50, Relaxed);
            outcome(plan, needs_three)
        };
        let limits = Limits {
            interrupt: Some(interrupt),
            ..limits(2)
        };
        let shrunk = shrink(&failed(), BOUNDS, limits, run, &mut ()).unwrap();
        assert!(!shrunk.is_complete && shrunk.worlds < 60);
        assert!(shrunk.world.outcome.failure.is_some());
        assert!(shrunk.world.outcome.decisions.len() < 40);
    }

    #[test]
    fn another_failure_and_a_broken_harness_do_not_count() {
        let run = |plan: &Plan| {
            let outcome = outcome(plan, needs_three);
            assert!(outcome.operations.len() != 1, "this breaks the harness");
            outcome
        };
        let shrunk = shrink(&failed(), BOUNDS, limits(2), run, &mut ()).unwrap();
        assert_eq!(shrunk.world.outcome.operations.len(), 2);
    }

    #[test]
    fn what_does_not_fail_again_is_not_shrunk() {
        let run = |plan: &Plan| outcome(plan, |_, _| false);
        assert!(shrink(&failed(), BOUNDS, limits(2), run, &mut ()).is_none());
    }
}
