//! `streamsim check`: determinism. The same worlds run in two fresh processes, in opposite orders
//! and on different numbers of threads; their trace hashes must agree. Where they do not, the two
//! traces are compared up to the first event that differs.
//!
//! What a pass does not mean: that worlds agree across machines, builds or profiles; for that,
//! compare the hashes that `explore --format json` prints on each.

use super::{
    command_line::settings_arguments,
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{Format, FormatFlag, JobsFlag, SettingsFlags, SweepFlags},
    guard::GuardFlag,
    json_line::JsonLine,
    names,
    plural::plural,
    process,
    trace_difference::first_difference,
};
use crate::palette::{BAD, GOOD, STRONG};
use sim::{exploration::schedule::Schedule, scenario::Scenario};
use std::{collections::BTreeMap, io::Write};

const WORLDS_DEFAULT: u64 = 200;

/// More mismatches than this are only counted.
const SHOWN_MAX: usize = 3;

/// Check that worlds are deterministic, in two fresh processes
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name; all when none is given.
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
    #[command(flatten)]
    format: FormatFlag,
}

/// Trace hashes by scenario and seed.
type Hashes = BTreeMap<(String, u64), String>;

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        let schedule =
            (self.sweep).schedule(&self.scenarios, settings, environment, WORLDS_DEFAULT);
        if schedule.is_empty() {
            self.print(0, &[], String::new())?;
            return Ok(Exit::Vacuous);
        }
        let jobs = self.jobs.jobs(environment).get();
        let other_jobs = if jobs > 1 { 1 } else { 2 };
        let forward = self.hashes(&schedule, jobs, false)?;
        let backward = self.hashes(&schedule, other_jobs, true)?;
        let mismatches = mismatches(&forward, &backward);
        let mut differences = String::new();
        for (scenario, seed) in mismatches.iter().take(SHOWN_MAX) {
            differences += &difference(&schedule, scenario, *seed)?;
        }
        self.print(forward.len() as u64, &mismatches, differences)?;
        Ok(match mismatches.is_empty() {
            true => Exit::Well,
            false => Exit::NonDeterminism,
        })
    }

    /// Runs the worlds of a schedule in a fresh process.
    fn hashes(
        &self,
        schedule: &Schedule,
        jobs: usize,
        reverse: bool,
    ) -> Result<Hashes, CommandError> {
        let shard = schedule.shard;
        let mut arguments = vec!["__hashes".to_owned()];
        let names = schedule.scenarios.iter().map(|scenario| scenario.name());
        arguments.extend(names.map(str::to_owned));
        for (flag, value) in [
            ("--seed", schedule.first_seed.to_string()),
            ("--worlds", schedule.worlds.to_string()),
            ("--shard", format!("{}/{}", shard.index, shard.count)),
            ("--jobs", jobs.to_string()),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments.extend(settings_arguments(&schedule.settings));
        arguments.extend(self.guard.arguments());
        if reverse {
            arguments.push("--reverse".to_owned());
        }
        let stdout = process::run_to_success(&arguments)?;
        let parsed: Option<Hashes> = stdout.lines().map(parse_hash).collect();
        parsed.ok_or_else(|| process::failed(&arguments, "its hashes cannot be read".to_owned()))
    }

    fn print(
        &self,
        worlds: u64,
        mismatches: &[(String, u64)],
        differences: String,
    ) -> Result<(), CommandError> {
        let count = mismatches.len() as u64;
        match self.format.format {
            Format::Json => JsonLine::Check {
                worlds,
                mismatches: count,
            }
            .print()?,
            Format::Text => {
                let verdict = match count {
                    0 => format!("{GOOD}all agree{GOOD:#}"),
                    1 => format!("{BAD}1 differs{BAD:#}"),
                    count => format!("{BAD}{count} differ{BAD:#}"),
                };
                let worlds = plural(worlds, "world");
                writeln!(anstream::stdout(), "{worlds} in two processes: {verdict}")?;
            }
        }
        write!(anstream::stderr(), "{differences}")?;
        Ok(())
    }
}

fn parse_hash(line: &str) -> Option<((String, u64), String)> {
    let mut words = line.split(' ');
    let (scenario, seed, hash) = (words.next()?, words.next()?, words.next()?);
    Some(((scenario.to_owned(), seed.parse().ok()?), hash.to_owned()))
}

/// The worlds whose hashes differ, or that ran on one side only.
fn mismatches(one: &Hashes, other: &Hashes) -> Vec<(String, u64)> {
    let differs = |world: &&(String, u64)| one.get(*world) != other.get(*world);
    let only_other = other.keys().filter(|world| !one.contains_key(*world));
    let worlds = one.keys().filter(differs).chain(only_other);
    worlds.cloned().collect()
}

/// Runs a world again in two fresh processes, in the second one after another world, and shows
/// where their traces part.
fn difference(schedule: &Schedule, scenario: &str, seed: u64) -> Result<String, CommandError> {
    let mut arguments = vec!["__trace".to_owned(), scenario.to_owned(), seed.to_string()];
    arguments.extend(settings_arguments(&schedule.settings));
    let alone = process::run_to_success(&arguments)?;
    arguments.extend(["--after".to_owned(), seed.wrapping_add(1).to_string()]);
    let after_another = process::run_to_success(&arguments)?;
    let title =
        format!("\n{BAD}NOT DETERMINISTIC{BAD:#} {STRONG}{scenario}, seed {seed}{STRONG:#}");
    let alone: Vec<&str> = alone.lines().collect();
    let after_another: Vec<&str> = after_another.lines().collect();
    Ok(match first_difference(&alone, &after_another) {
        None => format!("{title}: two more runs agree, so it does not happen every time\n"),
        Some(difference) => format!(
            "{title}: event {} differs\n{}",
            difference.number(),
            difference.text(["alone", "after another"])
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_that_ran_on_one_side_only_is_a_mismatch() {
        let read =
            |text: &str| -> Hashes { text.lines().map(|l| parse_hash(l).unwrap()).collect() };
        let one = read("a 1 00\na 2 00\na 3 00");
        let other = read("a 2 01\na 3 00\nb 1 00");
        let names: Vec<String> = (mismatches(&one, &other).iter())
            .map(|(scenario, seed)| format!("{scenario}{seed}"))
            .collect();
        assert_eq!(names, ["a1", "a2", "b1"]);
    }
}
