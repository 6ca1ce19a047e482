//! What `check` does with a world that differs: runs it again in fresh processes, alone and after other
//! worlds, until it is known where its traces part and what kinds of leak fit.
//!
//! The runs alone are some wall time apart, so that clocks show. If all of them agree, both sweeps are
//! run again as they were, and the world's traces are taken there; several times, as worlds that run at
//! the same time do not meet each time.

use super::{
    check::Sweeps,
    command_line::{complete, settings_arguments},
    error::CommandError,
    guard::GuardFlag,
    json_line::JsonDifference,
    leak::{self, Before, Diagnosis, Run},
    process::Program,
    trace,
    trace_difference::first_difference,
};
use crate::palette::{BAD, DIM, STRONG};
use sim::exploration::schedule::Settings;
use std::{thread::sleep, time::Duration};

/// Wall time before each run alone. Uneven, so that nothing else grows as it does; and more runs than
/// the first few, so that what is drawn from few values shows.
const PAUSES_MS: [u64; 6] = [0, 300, 1_100, 0, 0, 0];

/// What runs before the world in the other runs. One of them twice: what other worlds leave behind is
/// the same both times.
const COMPANY: [Before; 6] = [
    Before::Itself(1),
    Before::Itself(2),
    Before::Others(1),
    Before::Others(1),
    Before::Others(2),
    Before::Others(4),
];

/// How often the two sweeps are run again at most.
const SWEEPS_AGAIN: usize = 3;

/// The orders of the two sweeps.
const BACKWARD: &str = "last world first";
const FORWARD: &str = "first world first";

pub struct Investigation<'a> {
    pub settings: &'a Settings,
    pub guard: &'a GuardFlag,
    pub sweeps: &'a Sweeps,
    /// The program of the second process.
    pub other: &'a Program,
}

/// What was found about a world.
pub struct Finding {
    scenario: String,
    seed: u64,
    /// None if it agreed whenever it was run again.
    difference: Option<Shown>,
    runs: usize,
    command: String,
}

struct Shown {
    event: usize,
    fits: Vec<leak::Fit>,
    text: String,
}

impl Investigation<'_> {
    /// # Errors
    /// A process could not be run to its end.
    pub fn look_into(&self, scenario: &str, seed: u64) -> Result<Finding, CommandError> {
        let world = World {
            investigation: self,
            scenario,
            seed,
        };
        let there = match self.other {
            Program::This => String::new(),
            Program::Other(_) => format!(" ({})", self.other),
        };
        let mut runs = world.runs(&Program::This)?;
        let mut others = Vec::new();
        let mut shown = leak::diagnose(&runs).map(|found| show(&found, ["", ""]));
        if shown.is_none() && *self.other != Program::This {
            others = world.runs(self.other)?;
            let count = runs.len() + others.len();
            let found = leak::diagnose(&others).map(|found| show(&found, [&there, &there]));
            shown = found.or_else(|| {
                let found = leak::between_builds(&runs[0], &others[0], count)?;
                Some(show(&found, ["", &there]))
            });
        }
        let is_of_the_sweep = shown.is_none();
        for _ in 0..SWEEPS_AGAIN {
            if shown.is_some() {
                break;
            }
            runs.extend(world.runs_in_sweeps()?);
            shown = leak::diagnose(&runs).map(|found| {
                let is_there = found.other.before == Before::Sweep(FORWARD);
                show(&found, ["", if is_there { &there } else { "" }])
            });
        }
        Ok(Finding {
            scenario: scenario.to_owned(),
            seed,
            difference: shown,
            runs: runs.len() + others.len(),
            command: complete(match is_of_the_sweep {
                true => self.again(self.sweeps.check_arguments()),
                false => self.again(one_world(scenario, seed)),
            }),
        })
    }

    /// `check` with these arguments, under the same settings.
    fn again(&self, mut arguments: Vec<String>) -> Vec<String> {
        if let Program::Other(path) = self.other {
            arguments.extend(["--against".to_owned(), path.display().to_string()]);
        }
        arguments.extend(settings_arguments(self.settings));
        arguments
    }
}

fn one_world(scenario: &str, seed: u64) -> Vec<String> {
    let seed = seed.to_string();
    let arguments = ["check", scenario, "--seed", &seed, "--worlds", "1"];
    arguments.map(str::to_owned).into()
}

/// The world that is looked into.
struct World<'a> {
    investigation: &'a Investigation<'a>,
    scenario: &'a str,
    seed: u64,
}

impl World<'_> {
    fn runs(&self, program: &Program) -> Result<Vec<Run>, CommandError> {
        let mut runs = Vec::new();
        for pause_ms in PAUSES_MS {
            sleep(Duration::from_millis(pause_ms));
            runs.push(self.run(program, Before::Nothing)?);
        }
        for before in COMPANY {
            runs.push(self.run(program, before)?);
        }
        Ok(runs)
    }

    fn run(&self, program: &Program, before: Before) -> Result<Run, CommandError> {
        let Investigation {
            settings, guard, ..
        } = self.investigation;
        let (scenario, seed) = (self.scenario.to_owned(), self.seed.to_string());
        let mut arguments = vec!["__trace".to_owned(), scenario, seed];
        for seed in self.seeds(before) {
            arguments.extend(["--after".to_owned(), seed.to_string()]);
        }
        arguments.extend(settings_arguments(settings));
        arguments.extend(guard.arguments());
        read(program, &arguments, before)
    }

    /// Of the worlds before it.
    fn seeds(&self, before: Before) -> Vec<u64> {
        match before {
            Before::Nothing | Before::Sweep(_) => Vec::new(),
            Before::Itself(count) => (0..count).map(|_| self.seed).collect(),
            Before::Others(count) => (1..=count).map(|n| self.seed.wrapping_add(n)).collect(),
        }
    }

    fn runs_in_sweeps(&self) -> Result<[Run; 2], CommandError> {
        let Investigation { sweeps, other, .. } = self.investigation;
        let run = |program, mut arguments: Vec<String>, order| {
            let world = format!("{}:{}", self.scenario, self.seed);
            arguments.extend(["--whole".to_owned(), world]);
            read(program, &arguments, Before::Sweep(order))
        };
        Ok([
            run(&Program::This, sweeps.backward_arguments(), BACKWARD)?,
            run(other, sweeps.forward_arguments(), FORWARD)?,
        ])
    }
}

fn read(program: &Program, arguments: &[String], before: Before) -> Result<Run, CommandError> {
    let text = program.run_to_success(arguments)?;
    let run = trace::parse(&text, before);
    run.ok_or_else(|| program.failed(arguments, "its trace cannot be read".to_owned()))
}

/// `places` say where the two runs were, if not here.
fn show(found: &Diagnosis, places: [&str; 2]) -> Shown {
    let Diagnosis { one, other, fits } = found;
    let difference = first_difference(&one.events, &other.events);
    let difference = difference.expect("a diagnosis is of runs that differ");
    let [one, mut other] = [(one, places[0]), (other, places[1])]
        .map(|(run, place)| format!("{}{place}", run.before.in_words()));
    if one == other {
        other += ", again";
    }
    Shown {
        event: difference.number(),
        fits: fits.clone(),
        text: difference.text([&one, &other]),
    }
}

impl Finding {
    pub fn text(&self) -> String {
        let Finding { scenario, seed, .. } = self;
        let title =
            format!("{BAD}NOT DETERMINISTIC{BAD:#} {STRONG}{scenario}, seed {seed}{STRONG:#}");
        let mut text = match &self.difference {
            None => format!(
                "{title}: it differed in the sweep, and agrees in {} more runs: alone, after other \
                 worlds, and in the sweep again. What happens that rarely may hang on worlds that run at \
                 the same time, or on a race of threads\n",
                self.runs
            ),
            Some(Shown { event, fits, text }) => {
                let mut told = format!("{title}: event {event} differs\n{text}");
                for (place, fit) in fits.iter().enumerate() {
                    let what = if place == 0 { "what fits" } else { "or" };
                    let leak::Fit { kind, because } = fit;
                    let (kind, look_for) = (kind.in_words(), kind.look_for());
                    told += &format!(
                        "  {what:>9}: {STRONG}{kind}{STRONG:#}, because {because}\n  \
                         {DIM} look for{DIM:#}: {look_for}\n"
                    );
                }
                told
            }
        };
        text += &format!("  {:>9}: {STRONG}{}{STRONG:#}\n", "again", self.command);
        text
    }
}

impl From<&Finding> for JsonDifference {
    fn from(finding: &Finding) -> Self {
        let shown = finding.difference.as_ref();
        let fits = shown.iter().flat_map(|shown| &shown.fits);
        JsonDifference {
            scenario: finding.scenario.clone(),
            seed: finding.seed,
            event: shown.map(|shown| shown.event),
            fits: fits.map(|fit| fit.kind.name()).collect(),
        }
    }
}
