//! `streamsim check`: determinism. The same worlds run in two fresh processes, in opposite orders, on
//! different numbers of threads, and in one of them after worlds that are not compared. The hashes of
//! all that can be seen of them must agree. Where they do not, [`investigation`] runs a world again, in
//! various company, and says where its traces part and what fits.
//!
//! The second process may be another build of the command (`--against`), such as a debug build.
//!
//! What a pass does not mean: that worlds agree across machines; for that, compare the hashes that
//! `explore --format json` prints on each.
//!
//! [`investigation`]: super::investigation

use super::{
    command_line::settings_arguments,
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    flags::{Format, FormatFlag, JobsFlag, SettingsFlags, SweepFlags},
    guard::GuardFlag,
    hashes::{self, Hashes, Name},
    investigation::{Finding, Investigation},
    json_line::{JsonDifference, JsonLine},
    names,
    plural::plural,
    process::Program,
    values::JOBS_MAX,
};
use crate::palette::{BAD, GOOD};
use serde_json::Value;
use sim::{exploration::schedule::Schedule, scenario::Scenario};
use std::{io::Write, path::PathBuf};

const WORLDS_DEFAULT: u64 = 200;

/// More worlds than this are not investigated.
const INVESTIGATED_MAX: usize = 3;

/// Check that worlds are deterministic, in two fresh processes
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name; all when none is given.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
    /// Another build of this command for the second process, such as target/debug/streamsim.
    #[arg(long, value_name = "PROGRAM")]
    against: Option<PathBuf>,
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

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        let schedule =
            (self.sweep).schedule(&self.scenarios, settings, environment, WORLDS_DEFAULT);
        let other = match &self.against {
            Some(path) => Program::Other(path.clone()),
            None => Program::This,
        };
        if schedule.is_empty() {
            self.print(0, &other, 0, &[])?;
            return Ok(Exit::Vacuous);
        }
        knows(&other, &schedule)?;
        let sweeps = Sweeps::new(&schedule, &self.guard, self.jobs.jobs(environment).get());
        let backward = sweeps.backward(&Program::This)?;
        let forward = sweeps.forward(&other)?;
        let mismatches = hashes::mismatches(&forward, &backward);
        let investigation = Investigation {
            settings: &schedule.settings,
            guard: &self.guard,
            sweeps: &sweeps,
            other: &other,
        };
        let mut findings = Vec::new();
        for (scenario, seed) in first_of_each_scenario(&mismatches) {
            findings.push(investigation.look_into(scenario, *seed)?);
        }
        let worlds = forward.len() as u64;
        self.print(worlds, &other, mismatches.len() as u64, &findings)?;
        Ok(match mismatches.is_empty() {
            true => Exit::Well,
            false => Exit::NonDeterminism,
        })
    }

    fn print(
        &self,
        worlds: u64,
        other: &Program,
        mismatches: u64,
        findings: &[Finding],
    ) -> Result<(), CommandError> {
        match self.format.format {
            Format::Json => JsonLine::Check {
                worlds,
                mismatches,
                differences: findings.iter().map(JsonDifference::from).collect(),
            }
            .print()?,
            Format::Text => {
                let verdict = match mismatches {
                    0 => format!("{GOOD}all agree{GOOD:#}"),
                    1 => format!("{BAD}1 differs{BAD:#}"),
                    count => format!("{BAD}{count} differ{BAD:#}"),
                };
                let worlds = plural(worlds, "world");
                let places = match other {
                    Program::This => "in two processes".to_owned(),
                    Program::Other(_) => format!("here and in {other}"),
                };
                writeln!(anstream::stdout(), "{worlds} {places}: {verdict}")?;
            }
        }
        for finding in findings {
            write!(anstream::stderr(), "\n{}", finding.text())?;
        }
        Ok(())
    }
}

/// The worlds to look into: several of one scenario would tell the same story.
fn first_of_each_scenario(mismatches: &[Name]) -> Vec<&Name> {
    let mut firsts: Vec<&Name> = Vec::new();
    for name in mismatches {
        if firsts.iter().all(|first| first.0 != name.0) {
            firsts.push(name);
        }
    }
    firsts.truncate(INVESTIGATED_MAX);
    firsts
}

/// # Errors
/// It is no build of this command, or not one that has these scenarios.
fn knows(program: &Program, schedule: &Schedule) -> Result<(), CommandError> {
    let Program::Other(path) = program else {
        return Ok(());
    };
    let problem = |problem: String| {
        let path = path.clone();
        Err(UsageError::Against { path, problem }.into())
    };
    let listing = ["list", "--format", "json"].map(str::to_owned);
    let output = program.run(&listing)?;
    let list: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let known = list.as_ref().and_then(|list| list["scenarios"].as_array());
    let Some(known) = known.filter(|_| output.status.success()) else {
        return problem("it does not answer to `list`".to_owned());
    };
    let is_unknown = |scenario: &&&dyn Scenario| {
        let name = scenario.name();
        known.iter().all(|known| known["name"] != name)
    };
    match schedule.scenarios.iter().find(is_unknown) {
        Some(scenario) => problem(format!("it has no scenario {:?}", scenario.name())),
        None => Ok(()),
    }
}

/// The two ways in which the worlds of a schedule are run.
pub struct Sweeps {
    /// Which worlds: scenarios and seeds.
    worlds: Vec<String>,
    /// How they run.
    settings: Vec<String>,
    jobs: usize,
}

impl Sweeps {
    fn new(schedule: &Schedule, guard: &GuardFlag, jobs: usize) -> Self {
        let names = schedule.scenarios.iter().map(|scenario| scenario.name());
        let mut worlds: Vec<String> = names.map(str::to_owned).collect();
        let shard = schedule.shard;
        for (flag, value) in [
            ("--seed", schedule.first_seed.to_string()),
            ("--worlds", schedule.worlds.to_string()),
            ("--shard", format!("{}/{}", shard.index, shard.count)),
        ] {
            worlds.extend([flag.to_owned(), value]);
        }
        let mut settings = settings_arguments(&schedule.settings);
        settings.extend(guard.arguments());
        Sweeps {
            worlds,
            settings,
            jobs,
        }
    }

    /// Of the check that runs both.
    pub fn check_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["check".to_owned()];
        arguments.extend_from_slice(&self.worlds);
        arguments.extend(["--jobs".to_owned(), self.jobs.to_string()]);
        arguments
    }

    /// From the first world to the last.
    fn forward(&self, program: &Program) -> Result<Hashes, CommandError> {
        hashes_of(program, &self.forward_arguments())
    }

    pub fn forward_arguments(&self) -> Vec<String> {
        self.with(self.jobs, None)
    }

    /// From the last world to the first, after others.
    fn backward(&self, program: &Program) -> Result<Hashes, CommandError> {
        hashes_of(program, &self.backward_arguments())
    }

    pub fn backward_arguments(&self) -> Vec<String> {
        // One more than there are cores costs nothing; one less would.
        let jobs = match self.jobs {
            JOBS_MAX => self.jobs - 1,
            jobs => jobs + 1,
        };
        self.with(jobs, Some("--reverse"))
    }

    fn with(&self, jobs: usize, order: Option<&str>) -> Vec<String> {
        let mut arguments = vec!["__hashes".to_owned()];
        arguments.extend_from_slice(&self.worlds);
        arguments.extend_from_slice(&self.settings);
        arguments.extend(["--jobs".to_owned(), jobs.to_string()]);
        arguments.extend(order.map(str::to_owned));
        arguments
    }
}

/// Runs worlds in a fresh process.
fn hashes_of(program: &Program, arguments: &[String]) -> Result<Hashes, CommandError> {
    let output = program.run_to_success(arguments)?;
    let problem = || match program {
        Program::This => program.failed(arguments, "its hashes cannot be read".to_owned()),
        Program::Other(path) => CommandError::Usage(UsageError::Against {
            path: path.clone(),
            problem: "it is a build of other sources, and hashes something else".to_owned(),
        }),
    };
    hashes::parse(&output).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_world_of_a_scenario_is_looked_into_and_not_too_many() {
        let name = |scenario: &str, seed| (scenario.to_owned(), seed);
        let mismatches = [
            name("a", 1),
            name("a", 2),
            name("b", 7),
            name("c", 1),
            name("d", 1),
        ];
        let firsts = first_of_each_scenario(&mismatches);
        assert_eq!(firsts, [&mismatches[0], &mismatches[2], &mismatches[3]]);
    }
}
