//! A sweep: one run, and then a world for every point at which it may go another way (design §11).
//!
//! The first world tells which choices come up at the swept sites. Each of them is a point: a world
//! of its own has exactly this choice answered differently, and everything else as before. At depth
//! 2 every pair of points follows, the second one from the list of those that came up after the
//! first in the world of the first, so that a crash during a recovery is among them.
//!
//! What is not yet durable survives a crash by default, and that is only half of what a crash may
//! do. So a sweep over crashes runs each one that had something to lose twice: nothing lost, and
//! everything lost; the second as a point of `storage.lost-suffix`.
//!
//! Above a bound the points, and the pairs, are sampled by the seed. Which worlds run, and what is
//! told of them, depends on the plan alone, not on the number of jobs.

use super::engine::{self, HarnessFailure, Limits, Observer, World};
use crate::{
    choice::{Generator, Occurrence, Shape, Site},
    faults::STORAGE_LOST_SUFFIX,
    world::{Outcome, Plan, RecordedDecision},
};
use indexmap::IndexMap;
use std::{collections::BTreeMap, ops::ControlFlow};

/// How far a sweep goes.
#[derive(Clone, Debug)]
pub struct Reach {
    pub sites: Vec<&'static Site>,
    /// Each crash also with the loss of everything that was not yet durable.
    pub with_losses: bool,
    pub depth: Depth,
    /// More points, or pairs of points, than this are sampled.
    pub worlds_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every point.
    One,
    /// Every point and every pair of them.
    Two,
}

/// A choice that came up, and the answer that it gets instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub occurrence: Occurrence,
    pub value: u64,
}

/// A world that did not survive its points.
pub struct NotSurvived {
    /// One, or two: in the order in which they came up.
    pub points: Vec<Point>,
    /// Its outcome has a failure, or its points did not come up.
    pub world: World,
}

/// Worlds at one site; of a pair, its second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub points: u64,
    pub survived: u64,
}

/// What came of the sweep of one run.
pub struct Swept {
    /// The run itself, with its trace. If it failed, no point was tried.
    pub base: World,
    /// By site, in the order in which they first came up.
    pub sites: IndexMap<&'static str, Count>,
    pub failures: Vec<NotSurvived>,
    /// Points and pairs that were left out because there were too many.
    pub left_out: u64,
}

impl Swept {
    pub fn points(&self) -> u64 {
        self.sites.values().map(|count| count.points).sum()
    }

    pub fn survived(&self) -> u64 {
        self.sites.values().map(|count| count.survived).sum()
    }
}

/// Is told how a sweep gets on.
pub trait Watcher {
    /// So many more worlds will run.
    fn expect(&mut self, worlds: u64);

    fn finished(&mut self, world: &World);
}

/// Runs a world: [`run`](crate::world::run()), or one that stands for it.
pub trait Run: Fn(&Plan) -> Outcome + Sync {}

impl<R: Fn(&Plan) -> Outcome + Sync> Run for R {}

/// The harness failed in one of the worlds of a sweep.
pub struct Broken {
    pub failure: HarnessFailure,
    /// What had been found by then, if the run itself was done.
    pub so_far: Option<Swept>,
}

/// Sweeps the run of `plan`.
///
/// # Errors
/// The harness failed in one of the worlds.
pub fn sweep(
    plan: &Plan,
    reach: &Reach,
    limits: Limits,
    run_world: impl Run,
    watcher: &mut dyn Watcher,
) -> Result<Swept, Box<Broken>> {
    let mut watched = reach.sites.clone();
    if reach.with_losses {
        watched.push(&STORAGE_LOST_SUFFIX);
    }
    let plan = Plan {
        watched,
        ..plan.clone()
    };
    let base = base(&plan, limits, &run_world, watcher).map_err(|failure| Broken {
        failure,
        so_far: None,
    })?;
    let points = points_of(reach, &base.outcome.occurrences);
    let mut swept = Swept {
        base,
        sites: IndexMap::new(),
        failures: Vec::new(),
        left_out: 0,
    };
    if swept.base.outcome.failure.is_some() {
        return Ok(swept);
    }
    let mut first = Sample::new(plan.seed, reach.worlds_max);
    for point in points {
        first.offer(|| vec![point]);
    }
    let mut second = Sample::new(plan.seed, reach.worlds_max);
    let mut wave = Wave {
        plan: &plan,
        reach,
        swept: &mut swept,
        next: Some(&mut second),
        watcher,
    };
    if let Err(failure) = wave.run(first, limits, &run_world) {
        let so_far = Some(swept);
        return Err(Box::new(Broken { failure, so_far }));
    }
    let mut wave = Wave {
        plan: &Plan {
            watched: Vec::new(),
            ..plan.clone()
        },
        reach,
        swept: &mut swept,
        next: None,
        watcher,
    };
    match wave.run(second, limits, &run_world) {
        Ok(()) => Ok(swept),
        Err(failure) => {
            let so_far = Some(swept);
            Err(Box::new(Broken { failure, so_far }))
        }
    }
}

/// The run itself, on a thread of the engine as all others, which names it if the harness fails.
fn base(
    plan: &Plan,
    limits: Limits,
    run_world: &impl Run,
    watcher: &mut dyn Watcher,
) -> Result<World, HarnessFailure> {
    struct Only<'a>(Option<World>, &'a mut dyn Watcher);
    impl Observer for Only<'_> {
        fn finished(&mut self, world: &World) {
            self.1.finished(world);
        }

        fn deliver(&mut self, world: World) -> ControlFlow<()> {
            self.0 = Some(world);
            ControlFlow::Continue(())
        }
    }
    watcher.expect(1);
    let plan = Plan {
        keep: true,
        ..plan.clone()
    };
    let mut only = Only(None, watcher);
    let limits = Limits {
        budget: None,
        ..limits
    };
    engine::explore(
        |n| (n == 0).then(|| plan.clone()),
        limits,
        run_world,
        &mut only,
    )?;
    Ok(only.0.expect("it ran"))
}

/// Every other answer to what came up at the swept sites.
fn points_of(reach: &Reach, occurrences: &[Occurrence]) -> Vec<Point> {
    let is_swept = |site: &Site| reach.sites.iter().any(|swept| swept.name == site.name);
    let swept = occurrences.iter().filter(|one| is_swept(one.site));
    swept.flat_map(points_at).collect()
}

fn points_at(occurrence: &Occurrence) -> impl Iterator<Item = Point> + '_ {
    answers(occurrence.shape).map(|value| Point {
        occurrence: occurrence.clone(),
        value,
    })
}

/// The answers that are tried: every variant, the longest delay, the fewest bytes, the greatest
/// number.
fn answers(shape: Shape) -> impl Iterator<Item = u64> {
    let (first, last) = match shape {
        Shape::YesNo { .. } => (1, 1),
        Shape::Delay { max_ms, .. } => (max_ms, max_ms),
        Shape::Bytes { min_bytes, .. } => (min_bytes, min_bytes),
        Shape::OneOf { variants, .. } => (1, variants.len() as u64),
        Shape::Below { count } => (count.saturating_sub(1).max(1), count.saturating_sub(1)),
    };
    first..=last
}

/// Up to so many worlds, in order; of more, those whose number by seed is least.
struct Sample {
    generator: Generator,
    size: usize,
    offered: u64,
    kept: BTreeMap<(u64, u64), Vec<Point>>,
}

/// Apart from all draws at sites.
const SAMPLE_KEY: u64 = 0x5A_0317;

impl Sample {
    fn new(seed: u64, size: usize) -> Self {
        Sample {
            generator: Generator::new(seed),
            size,
            offered: 0,
            kept: BTreeMap::new(),
        }
    }

    fn offer(&mut self, points: impl FnOnce() -> Vec<Point>) {
        let number = self.generator.number(SAMPLE_KEY, self.offered as u32);
        let place = (number, self.offered);
        self.offered += 1;
        let is_full = self.kept.len() >= self.size;
        if is_full
            && self
                .kept
                .last_key_value()
                .is_none_or(|(last, _)| *last < place)
        {
            return;
        }
        self.kept.insert(place, points());
        if self.kept.len() > self.size {
            self.kept.pop_last();
        }
    }

    /// How many were left out; and the others in the order in which they were offered.
    fn drawn(self) -> (u64, Vec<Vec<Point>>) {
        let left_out = self.offered - self.kept.len() as u64;
        let kept = self
            .kept
            .into_iter()
            .map(|((_, place), points)| (place, points));
        let ordered: BTreeMap<u64, Vec<Point>> = kept.collect();
        (left_out, ordered.into_values().collect())
    }
}

/// Worlds that can run side by side.
struct Wave<'a> {
    plan: &'a Plan,
    reach: &'a Reach,
    swept: &'a mut Swept,
    /// Collects the worlds that follow from these.
    next: Option<&'a mut Sample>,
    watcher: &'a mut dyn Watcher,
}

impl Wave<'_> {
    fn run(
        &mut self,
        sample: Sample,
        limits: Limits,
        run_world: &impl Run,
    ) -> Result<(), HarnessFailure> {
        let (left_out, tried) = sample.drawn();
        self.swept.left_out += left_out;
        self.watcher.expect(tried.len() as u64);
        let plan = |n: u64| {
            let points = tried.get(usize::try_from(n).ok()?)?;
            Some(Plan {
                forced: points.iter().map(forced).collect(),
                ..self.plan.clone()
            })
        };
        let mut results = Results {
            tried: tried.iter(),
            reach: self.reach,
            swept: self.swept,
            next: self.next.as_deref_mut(),
            watcher: self.watcher,
        };
        engine::explore(plan, limits, run_world, &mut results)
    }
}

fn forced(point: &Point) -> RecordedDecision {
    RecordedDecision {
        site: point.occurrence.site.name.to_owned(),
        subject: point.occurrence.subject.clone(),
        n: point.occurrence.n,
        value: point.value,
    }
}

struct Results<'a> {
    /// Those that are not delivered yet.
    tried: std::slice::Iter<'a, Vec<Point>>,
    reach: &'a Reach,
    swept: &'a mut Swept,
    next: Option<&'a mut Sample>,
    watcher: &'a mut dyn Watcher,
}

impl Observer for Results<'_> {
    fn finished(&mut self, world: &World) {
        self.watcher.finished(world);
    }

    fn deliver(&mut self, mut world: World) -> ControlFlow<()> {
        let points = self.tried.next().expect("a world for each");
        let last = points.last().expect("at least one");
        let count = self
            .swept
            .sites
            .entry(last.occurrence.site.name)
            .or_default();
        count.points += 1;
        let occurrences = std::mem::take(&mut world.outcome.occurrences);
        // A point that came up in the run and not in the run's own repetition is a failure, too.
        if world.outcome.failure.is_some() || !world.outcome.unmet.is_empty() {
            let points = points.clone();
            self.swept.failures.push(NotSurvived { points, world });
            return ControlFlow::Continue(());
        }
        count.survived += 1;
        let Some(next) = self.next.as_deref_mut() else {
            return ControlFlow::Continue(());
        };
        let is_last = |one: &Occurrence| {
            (one.site.name, &one.subject, one.n)
                == (
                    last.occurrence.site.name,
                    &last.occurrence.subject,
                    last.occurrence.n,
                )
        };
        let Some(place) = occurrences.iter().position(is_last) else {
            return ControlFlow::Continue(());
        };
        let with = |point: Point| [&points[..], &[point]].concat();
        if self.reach.with_losses {
            // A crash asks at once what it takes with it.
            let loss = occurrences.get(place + 1);
            let loss = loss.filter(|one| one.site.name == STORAGE_LOST_SUFFIX.name);
            for point in loss.into_iter().flat_map(points_at) {
                next.offer(|| with(point));
            }
        }
        if self.reach.depth == Depth::Two {
            for point in points_of(self.reach, &occurrences[place + 1..]) {
                next.offer(|| with(point));
            }
        }
        ControlFlow::Continue(())
    }
}

/// The run in which the last of some points came up: all others happened, and its trace is kept.
pub fn before_last(plan: &Plan, points: &[Point]) -> Plan {
    let earlier = &points[..points.len().saturating_sub(1)];
    Plan {
        forced: earlier.iter().map(forced).collect(),
        watched: Vec::new(),
        keep: true,
        ..plan.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::tests::{fake_run, Named};
    use super::*;
    use crate::{
        choice::Subject,
        faults,
        world::{Failure, FailureKind},
    };
    use std::{num::NonZeroUsize, sync::Mutex};

    static FAKE: Named = Named("fake");

    /// A run with these crash points, by occurrence; a crash at the 2nd adds a 7th that the run
    /// itself does not have, and a world that crashes at the 3rd fails.
    fn fake_world(plan: &Plan) -> Outcome {
        let crashes = |n| plan.forced.iter().any(|one| one.n == n);
        let numbers = match crashes(2) {
            true => vec![0, 1, 2, 3, 7],
            false => vec![0, 1, 2, 3],
        };
        let subject = Subject::new("a");
        let occurrence = |n| Occurrence {
            site: &faults::CRASH_AFTER_COMMIT,
            subject: subject.text().clone(),
            n,
            shape: faults::CRASH_AFTER_COMMIT.shape,
            at_us: u64::from(n),
            trace_events: 0,
        };
        let failure = crashes(3).then(|| Failure {
            key: "fake/crashed".to_owned(),
            kind: FailureKind::Safety,
            message: "the 3rd".to_owned(),
            at_ms: 0,
        });
        Outcome {
            failure,
            occurrences: numbers.into_iter().map(occurrence).collect(),
            ..fake_run(&Plan::new(&FAKE, 1))
        }
    }

    #[derive(Default)]
    struct Silent;

    impl Watcher for Silent {
        fn expect(&mut self, _: u64) {}

        fn finished(&mut self, _: &World) {}
    }

    /// The numbers of the points of each world, in the order of delivery, and what came of it.
    fn swept(depth: Depth, worlds_max: usize, jobs: usize) -> (Vec<Vec<u32>>, Swept) {
        let reach = Reach {
            sites: vec![&faults::CRASH_AFTER_COMMIT],
            with_losses: false,
            depth,
            worlds_max,
        };
        let limits = Limits {
            jobs: NonZeroUsize::new(jobs).unwrap(),
            budget: None,
            interrupt: None,
        };
        let worlds = Mutex::new(Vec::new());
        let run_world = |plan: &Plan| {
            let numbers = plan.forced.iter().map(|one| one.n).collect();
            worlds.lock().unwrap().push(numbers);
            fake_world(plan)
        };
        let plan = Plan::new(&FAKE, 1);
        let swept = sweep(&plan, &reach, limits, run_world, &mut Silent);
        let swept = swept.unwrap_or_else(|broken| panic!("{}", broken.failure));
        let mut worlds = worlds.into_inner().unwrap();
        worlds.sort();
        (worlds, swept)
    }

    #[test]
    fn every_point_is_a_world_of_its_own() {
        let (worlds, swept) = swept(Depth::One, 100, 2);
        let expected: [&[u32]; 5] = [&[], &[0], &[1], &[2], &[3]];
        assert_eq!(worlds, expected);
        assert_eq!(
            (swept.points(), swept.survived(), swept.left_out),
            (4, 3, 0)
        );
        assert_eq!(swept.failures[0].points[0].occurrence.n, 3);
    }

    #[test]
    fn the_second_of_a_pair_is_taken_from_the_world_of_the_first() {
        let (worlds, swept) = swept(Depth::Two, 100, 2);
        let pairs: Vec<_> = worlds
            .into_iter()
            .filter(|world| world.len() == 2)
            .collect();
        // After a crash at the 3rd nothing more is tried: it is not survived.
        let expected = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3], [2, 7]];
        assert_eq!(pairs, expected);
        assert_eq!(swept.points(), 4 + 7);
    }

    #[test]
    fn what_is_too_much_is_sampled_alike_on_any_number_of_jobs() {
        let (one, swept_by_one) = swept(Depth::Two, 3, 1);
        let (many, swept_by_many) = swept(Depth::Two, 3, 8);
        assert_eq!(one, many);
        assert_eq!(swept_by_one.left_out, swept_by_many.left_out);
        assert!(swept_by_one.left_out > 0);
        assert!(swept_by_one.points() <= 6);
    }

    #[test]
    fn a_sample_is_whole_or_in_order() {
        let run_fake = || -> Outcome { fake_world(&Plan::new(&FAKE, 1)) };
        let point = |n: usize| Point {
            occurrence: run_fake().occurrences[n].clone(),
            value: 1,
        };
        let mut sample = Sample::new(1, 2);
        for n in 0..4 {
            sample.offer(|| vec![point(n)]);
        }
        let (left_out, kept) = sample.drawn();
        assert_eq!((left_out, kept.len()), (2, 2));
        assert!(kept[0][0].occurrence.n < kept[1][0].occurrence.n);
    }

    #[test]
    fn every_variant_and_the_longest_delay_are_tried() {
        let tried = |shape| answers(shape).collect::<Vec<_>>();
        let (rate, variants) = (0.1, &["early", "late"][..]);
        assert_eq!(tried(Shape::YesNo { rate }), [1]);
        assert_eq!(tried(Shape::OneOf { rate, variants }), [1, 2]);
        let (min_ms, max_ms) = (5, 70);
        assert_eq!(
            tried(Shape::Delay {
                rate,
                min_ms,
                max_ms
            }),
            [70]
        );
        assert_eq!(tried(Shape::Below { count: 4 }), [3]);
        assert_eq!(tried(Shape::Below { count: 1 }), [0; 0]);
    }
}
