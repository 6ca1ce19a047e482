//! `streamsim __hashes`: the hash of every world of a sweep, each traced in full, for `check` to
//! compare; or the trace of one of them.

use super::{
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    flags::{JobsFlag, SettingsFlags, SweepFlags},
    guard::GuardFlag,
    names,
    trace::{self, Times},
    values, whole_trace,
};
use sim::{
    exploration::{
        engine::{self, Observer, World},
        schedule::Schedule,
    },
    scenario::Scenario,
    trace::TraceEvent,
    world::{Outcome, Plan},
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
    ops::ControlFlow,
};

/// The first line: a program that prints another one hashes something else.
const TITLE: &str = "hashes of worlds in full, 1";

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
    #[command(flatten)]
    sweep: SweepFlags,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Run the last world first, and before it a world of each scenario that is not among them.
    #[arg(long)]
    reverse: bool,
    /// Print the trace of this world, when its turn has come, and nothing else.
    #[arg(long, value_name = "SCENARIO:SEED", value_parser = world)]
    whole: Option<Name>,
}

/// `SCENARIO:SEED`.
fn world(text: &str) -> Result<Name, UsageError> {
    let (scenario, seed) = text.split_once(':').unwrap_or((text, ""));
    Ok((
        names::scenario(scenario)?.name().to_owned(),
        values::seed(seed)?,
    ))
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        let schedule = (self.sweep).schedule(&self.scenarios, settings, environment, 0);
        let guarded = self.guard.run();
        if self.reverse {
            for plan in others(&schedule) {
                engine::run_one(plan, &guarded)?;
            }
        }
        let last = schedule.len().checked_sub(1);
        let plan = |n: u64| match self.reverse {
            false => schedule.plan(n),
            true => schedule.plan(last?.checked_sub(n)?),
        };
        let run = |plan: &Plan| {
            let is_whole = self.whole.as_ref() == Some(&name(plan));
            let outcome = guarded(&whole_trace::in_full(Plan {
                keep: is_whole,
                ..plan.clone()
            }));
            Outcome {
                trace: whole_trace::hash(&outcome),
                ..outcome
            }
        };
        let limits = self.jobs.limits(environment);
        match &self.whole {
            None => {
                let mut hashes = Lines(format!("{TITLE}\n"));
                engine::explore(plan, limits, run, &mut hashes)?;
                io::stdout().write_all(hashes.0.as_bytes())?;
            }
            Some(name) => {
                let mut found = Found { name, events: None };
                engine::explore(plan, limits, run, &mut found)?;
                let events = found.events.unwrap_or_default();
                trace::print(&Times::default(), &events)?;
            }
        }
        Ok(Exit::Well)
    }
}

fn name(plan: &Plan) -> Name {
    (plan.scenario.name().to_owned(), plan.seed)
}

/// The one world whose trace is wanted.
struct Found<'a> {
    name: &'a Name,
    events: Option<Vec<TraceEvent>>,
}

impl Observer for Found<'_> {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        if name(&world.plan) != *self.name {
            return ControlFlow::Continue(());
        }
        self.events = Some(whole_trace::events(world.outcome));
        ControlFlow::Break(())
    }
}

/// A world of each scenario that the schedule does not have.
fn others(schedule: &Schedule) -> impl Iterator<Item = Plan> + '_ {
    let seed = schedule.first_seed.wrapping_sub(1);
    let scenarios = schedule.scenarios.iter();
    scenarios.map(move |scenario| schedule.settings.plan(*scenario, seed))
}

struct Lines(String);

impl Observer for Lines {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, World { plan, outcome }: World) -> ControlFlow<()> {
        let (scenario, seed, trace) = (plan.scenario.name(), plan.seed, outcome.trace);
        writeln!(self.0, "{scenario} {seed} {trace}").expect("a string");
        ControlFlow::Continue(())
    }
}

/// Scenario and seed.
pub type Name = (String, u64);

/// Hashes of worlds.
pub type Hashes = BTreeMap<Name, String>;

/// Reads what this command prints; none if it was something else.
pub fn parse(text: &str) -> Option<Hashes> {
    let worlds = text.strip_prefix(TITLE)?.strip_prefix('\n')?;
    worlds.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(Name, String)> {
    let mut words = line.split(' ');
    let (scenario, seed, hash) = (words.next()?, words.next()?, words.next()?);
    Some(((scenario.to_owned(), seed.parse().ok()?), hash.to_owned()))
}

/// The worlds whose hashes differ, or that ran on one side only.
pub fn mismatches(one: &Hashes, other: &Hashes) -> Vec<Name> {
    let differs = |world: &&Name| one.get(*world) != other.get(*world);
    let only_other = other.keys().filter(|world| !one.contains_key(*world));
    let worlds = one.keys().filter(differs).chain(only_other);
    worlds.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::exploration::schedule::{Settings, Shard};
    use sim::world::{FaultLevel, Strategy};

    #[test]
    fn what_is_printed_is_read() {
        let mut lines = Lines(format!("{TITLE}\n"));
        for seed in [17, u64::MAX] {
            assert!(lines.deliver(fake::world(seed, None)).is_continue());
        }
        let hashes = parse(&lines.0).expect("it is ours");
        let names: Vec<&Name> = hashes.keys().collect();
        let name = |seed| ("fake".to_owned(), seed);
        assert_eq!(names, [&name(17), &name(u64::MAX)]);
        assert_eq!(hashes[&name(17)], "0000000000000011");
    }

    #[test]
    fn what_another_program_prints_is_not_read() {
        for text in ["", "fake 17 0011\n", "hashes of worlds in full, 12\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&format!("{TITLE}\nfake seventeen 0011\n")), None);
    }

    #[test]
    fn a_world_that_ran_on_one_side_only_is_a_mismatch() {
        let read = |text: &str| parse(&format!("{TITLE}\n{text}")).unwrap();
        let one = read("a 1 00\na 2 00\na 3 00");
        let other = read("a 2 01\na 3 00\nb 1 00");
        let names: Vec<String> = (mismatches(&one, &other).iter())
            .map(|(scenario, seed)| format!("{scenario}{seed}"))
            .collect();
        assert_eq!(names, ["a1", "a2", "b1"]);
    }

    #[test]
    fn the_worlds_before_are_not_among_those_that_are_compared() {
        let schedule = Schedule {
            scenarios: vec![&fake::Fake],
            first_seed: 0,
            worlds: 100,
            shard: Shard::WHOLE,
            settings: Settings {
                quirks: Default::default(),
                faults: FaultLevel::Swarm,
                strategy: Strategy::Swarm,
            },
        };
        let others: Vec<u64> = others(&schedule).map(|plan| plan.seed).collect();
        assert_eq!(others, [u64::MAX]);
    }
}
