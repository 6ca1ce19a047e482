//! Replay: a recorded world again, and what came of it (design §9).
//!
//! | outcome | means |
//! | --- | --- |
//! | exact | the same failure, and the same trace |
//! | same failure | the key came back, the trace differs: the code has changed |
//! | gone | nothing that was tried brings the key back |
//!
//! Code that has changed may have moved a decision: one more commit of an object, and what was its
//! 11th is its 12th. So where the recorded numbers do not bring the failure back, decisions are looked
//! for where they were, by what their object had just done ([`Landmark`]); then near their numbers; and
//! all that under a few other scheduler seeds. What was moved is told. A search that finds nothing is
//! no proof: it is bounded.

use super::{
    effect::{effect, without_numbers},
    engine::{self, HarnessFailure, Limits, Observer, World},
    sweep::Run,
};
use crate::{
    capsule::Landmark,
    trace::{TraceEvent, TraceHash},
    world::{Answers, Outcome, Plan, RecordedDecision},
};
use std::ops::ControlFlow;

/// What a replay is to come to.
#[derive(Clone, Debug)]
pub struct Expected {
    pub key: String,
    pub trace: TraceHash,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Exact,
    /// With what had to be moved to get there; nothing, if the key came back by itself.
    SameFailure(Vec<Move>),
    Gone,
}

/// What a replay moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A decision is the `to`-th occurrence now.
    Decision {
        decision: RecordedDecision,
        to: u32,
    },
    SchedulerSeed(u64),
}

pub struct Replayed {
    pub verdict: Verdict,
    /// The world that tells most: the one that failed again, or the one that ran first. Its trace and
    /// logs are kept.
    pub world: World,
    /// How many were run.
    pub worlds: u64,
}

/// How many other scheduler seeds are tried.
const SCHEDULER_SEEDS: u64 = 6;
/// How far from its number a decision is looked for.
const NEAR: u32 = 6;

/// Replays a plan whose decisions are recorded, each with its landmark, if it has one.
///
/// # Errors
/// The harness failed in the first world.
pub fn replay(
    plan: &Plan,
    landmarks: &[Option<Landmark>],
    expected: &Expected,
    limits: Limits,
    run_world: impl Run,
) -> Result<Replayed, HarnessFailure> {
    let plan = Plan {
        keep: true,
        ..plan.clone()
    };
    let world = engine::run_one(plan.clone(), &run_world)?;
    let mut replay = Replay {
        expected,
        limits,
        run_world: quiet(run_world),
        worlds: 1,
    };
    if fails_with(&world.outcome, &expected.key) {
        let is_exact = world.outcome.trace == expected.trace;
        let verdict = match is_exact {
            true => Verdict::Exact,
            false => Verdict::SameFailure(Vec::new()),
        };
        let worlds = replay.worlds;
        return Ok(Replayed {
            verdict,
            world,
            worlds,
        });
    }
    let found = replay.search(&plan, landmarks);
    let worlds = replay.worlds;
    Ok(match found {
        Some(found) => Replayed {
            verdict: Verdict::SameFailure(moves(&plan, &found.plan)),
            world: found,
            worlds,
        },
        None => Replayed {
            verdict: Verdict::Gone,
            world,
            worlds,
        },
    })
}

/// The landmarks of the decisions of a world that was run with its trace kept, and all their sites
/// watched.
pub fn landmarks(outcome: &Outcome) -> Vec<Option<Landmark>> {
    let seen = Seen::of(outcome);
    let decisions = outcome.decisions.iter();
    decisions
        .map(|decision| {
            let (site, subject) = (decision.site.name, &*decision.subject);
            let (_, event) = seen
                .of_pair(site, subject)
                .find(|(n, _)| *n == decision.n)?;
            let earlier = seen.of_pair(site, subject);
            let earlier = earlier.filter(|(n, other)| *n < decision.n && *other == event);
            Some(Landmark {
                event: event.to_owned(),
                nth: earlier.count() as u32,
            })
        })
        .collect()
}

/// What came up at the watched sites of a world, and what its object had done by then.
struct Seen<'a>(Vec<(&'a str, &'a str, u32, String)>);

impl<'a> Seen<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let trace: &[TraceEvent] = &outcome.kept_trace;
        let with_event = outcome.occurrences.iter().filter_map(|one| {
            let (_, event) = effect(one, trace)?;
            Some((one.site.name, &*one.subject, one.n, without_numbers(event)))
        });
        Seen(with_event.collect())
    }

    fn of_pair<'b>(
        &'b self,
        site: &'b str,
        subject: &'b str,
    ) -> impl Iterator<Item = (u32, &'b str)> + 'b {
        let of_pair = self
            .0
            .iter()
            .filter(move |(its, of, ..)| (*its, *of) == (site, subject));
        of_pair.map(|(_, _, n, event)| (*n, event.as_str()))
    }
}

fn fails_with(outcome: &Outcome, key: &str) -> bool {
    outcome
        .failure
        .as_ref()
        .is_some_and(|failure| failure.key == key)
}

/// A world that breaks the harness is no failure of the world.
pub(super) fn quiet(run_world: impl Run) -> impl Run {
    move |plan: &Plan| {
        engine::run_one(plan.clone(), &run_world)
            .map(|world| world.outcome)
            .unwrap_or_default()
    }
}

struct Replay<'a, R> {
    expected: &'a Expected,
    limits: Limits,
    run_world: R,
    worlds: u64,
}

impl<R: Run> Replay<'_, R> {
    fn search(&mut self, plan: &Plan, landmarks: &[Option<Landmark>]) -> Option<World> {
        let found_again = self.by_landmarks(plan, landmarks);
        let mut bases = vec![plan.clone()];
        if decisions(&found_again) != decisions(plan) {
            bases.insert(0, found_again);
        }
        let scheduled = bases.iter().flat_map(|base| {
            let seeds = (0..=SCHEDULER_SEEDS).map(|n| base.scheduler_seed().wrapping_add(n));
            seeds.map(|seed| with_scheduler_seed(base, seed))
        });
        self.first(scheduled.collect())
            .or_else(|| self.first(near(&bases[0])))
            .or_else(|| self.first(near_pairs(&bases[0])))
    }

    /// Each decision where its object does again what it had done; in the order in which they were
    /// taken, since each changes what comes after it.
    fn by_landmarks(&mut self, plan: &Plan, landmarks: &[Option<Landmark>]) -> Plan {
        let mut plan = plan.clone();
        for (place, landmark) in landmarks.iter().enumerate() {
            let Some(decision) = decisions(&plan).get(place).cloned() else {
                break;
            };
            let Some(landmark) = landmark else { continue };
            let outcome = (self.run_world)(&Plan {
                watched: site_named(&decision.site),
                answers: Answers::Recorded(decisions(&plan)[..place].to_vec()),
                ..plan.clone()
            });
            self.worlds += 1;
            let seen = Seen::of(&outcome);
            let mut same = seen
                .of_pair(&decision.site, &decision.subject)
                .filter(|(_, event)| *event == landmark.event);
            if let Some((n, _)) = same.nth(landmark.nth as usize) {
                plan = moved(&plan, place, n);
            }
        }
        plan
    }

    /// The first of some plans, in order, that fails as expected.
    fn first(&mut self, plans: Vec<Plan>) -> Option<World> {
        let mut first = First {
            key: &self.expected.key,
            worlds: 0,
            found: None,
        };
        let plan = |n: u64| plans.get(usize::try_from(n).ok()?).cloned();
        engine::explore(plan, self.limits, &self.run_world, &mut first)
            .expect("a world that breaks the harness is quiet");
        self.worlds += first.worlds;
        first.found
    }
}

/// Looks for a world that fails with a key.
pub(super) struct First<'a> {
    pub key: &'a str,
    pub worlds: u64,
    pub found: Option<World>,
}

impl Observer for First<'_> {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        self.worlds += 1;
        if fails_with(&world.outcome, self.key) {
            self.found = Some(world);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn decisions(plan: &Plan) -> &[RecordedDecision] {
    match &plan.answers {
        Answers::Recorded(decisions) => decisions,
        _ => &[],
    }
}

fn site_named(name: &str) -> Vec<&'static crate::choice::Site> {
    let known = crate::sites().filter(|site| site.name == name);
    known.collect()
}

fn with_scheduler_seed(plan: &Plan, seed: u64) -> Plan {
    Plan {
        scheduler_seed: Some(seed),
        ..plan.clone()
    }
}

fn moved(plan: &Plan, place: usize, n: u32) -> Plan {
    let mut decisions = decisions(plan).to_vec();
    decisions[place].n = n;
    Plan {
        answers: Answers::Recorded(decisions),
        ..plan.clone()
    }
}

/// One decision a little earlier or later.
fn near(plan: &Plan) -> Vec<Plan> {
    let places = 0..decisions(plan).len();
    let nearest_first = (1..=NEAR).flat_map(|by| places.clone().map(move |place| (place, by)));
    nearest_first
        .flat_map(|(place, by)| {
            let n = decisions(plan)[place].n;
            let numbers = [n.checked_add(by), n.checked_sub(by)];
            numbers.into_iter().flatten().map(move |n| (place, n))
        })
        .map(|(place, n)| moved(plan, place, n))
        .collect()
}

/// Two decisions a little later: what comes in front of one often comes in front of another.
fn near_pairs(plan: &Plan) -> Vec<Plan> {
    let count = decisions(plan).len();
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
    let by = |place: usize, by: u32| decisions(plan)[place].n.saturating_add(by);
    pairs
        .flat_map(|pair| (1..=3).flat_map(move |one| (1..=3).map(move |other| (pair, one, other))))
        .map(|((one, other), one_by, other_by)| {
            moved(
                &moved(plan, one, by(one, one_by)),
                other,
                by(other, other_by),
            )
        })
        .collect()
}

fn moves(from: &Plan, to: &Plan) -> Vec<Move> {
    let pairs = decisions(from).iter().zip(decisions(to));
    let moved = pairs.filter(|(from, to)| from.n != to.n);
    let mut moves: Vec<Move> = moved
        .map(|(from, to)| Move::Decision {
            decision: from.clone(),
            to: to.n,
        })
        .collect();
    if from.scheduler_seed() != to.scheduler_seed() {
        moves.push(Move::SchedulerSeed(to.scheduler_seed()));
    }
    moves
}
