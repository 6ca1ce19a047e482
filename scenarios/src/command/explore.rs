//! `streamsim explore`: many worlds, and for each kind of failure the first world that shows it.

use super::{
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{Format, FormatFlag, JobsFlag, SettingsFlags, SweepFlags},
    follow_up::{failure_of, follow_up},
    guard::GuardFlag,
    interrupt,
    json_line::JsonLine,
    keep::Keeping,
    names, out,
    progress_view::Progress,
    shrink_bounds::ShrinkBounds,
    summary_view::Summary,
    values,
};
use sim::{
    exploration::{
        engine::{self, Limits, Observer, World},
        tally::Tally,
    },
    scenario::Scenario,
    world::{FaultLevel, Strategy},
};
use std::{
    io::{self, Write},
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Without a number, a budget or the environment saying otherwise.
const WORLDS_DEFAULT: u64 = 2_000;

/// Run many worlds; by default 2,000, evenly over all scenarios
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name; all when none is given.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
    #[command(flatten)]
    sweep: SweepFlags,
    /// Start no world after this much wall time, such as 30s; without --worlds or --seeds, as many
    /// worlds as it allows.
    #[arg(long, value_name = "TIME", value_parser = values::budget)]
    budget: Option<Duration>,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    shrinking: ShrinkBounds,
    /// Write failing worlds down whole.
    #[arg(long)]
    no_shrink: bool,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Where failures are written down.
    #[arg(long, value_name = "DIR", default_value = "target/streamsim")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        out::prepare(&self.out)?;
        let worlds_default = match self.budget {
            Some(_) => u64::MAX,
            None => WORLDS_DEFAULT,
        };
        let settings = self.settings.settings();
        // Nothing crashes there: what only a crash brings about is not to be had.
        let is_restricted =
            settings.faults == FaultLevel::None || settings.strategy == Strategy::Pct;
        let schedule =
            (self.sweep).schedule(&self.scenarios, settings, environment, worlds_default);
        let limits = Limits {
            budget: self.budget,
            interrupt: Some(interrupt::listen()),
            ..self.jobs.limits(environment)
        };
        let format = self.format.format;
        let mut sweep = Sweep {
            tally: Tally::default(),
            progress: Progress::new(
                Some(schedule.len()).filter(|_| limits.budget.is_none()),
                format,
            ),
            format,
            output: Ok(()),
        };
        let started = Instant::now();
        let run = self.guard.run();
        let explored = engine::explore(|n| schedule.plan(n), limits, &run, &mut sweep);
        let wall = started.elapsed();
        let Sweep {
            tally,
            progress,
            output,
            ..
        } = sweep;
        drop(progress);
        output?;
        let keeping = Keeping {
            limits: Limits {
                budget: None,
                ..limits
            },
            bounds: (!self.no_shrink).then(|| self.shrinking.bounds()),
            run: &run,
            guard: self.guard.arguments(),
            shows_progress: format == Format::Text,
        };
        let told = follow_up(&tally, &self.out, &keeping)?;
        let is_restricted = is_restricted || interrupt::is_interrupted();
        let summary = Summary {
            tally: &tally,
            wall,
            is_restricted,
            capsules: &told.capsules,
        };
        match format {
            Format::Text => write!(anstream::stdout(), "{}", summary.text())?,
            Format::Json => summary.json().print()?,
        }
        write!(anstream::stderr(), "{}", told.blocks)?;
        // What was found before the harness failed counts, and was told.
        let exit = exit(&tally, told.all_confirmed, is_restricted);
        match (explored, tally.failures.is_empty()) {
            (Ok(()), _) => Ok(exit),
            (Err(failure), true) => Err(failure.into()),
            (Err(failure), false) => {
                writeln!(anstream::stderr(), "error: {failure}")?;
                Ok(exit)
            }
        }
    }
}

struct Sweep {
    tally: Tally,
    progress: Progress,
    format: Format,
    /// The first failure to print a line, if any.
    output: io::Result<()>,
}

impl Observer for Sweep {
    fn finished(&mut self, world: &World) {
        self.progress.world_done(world.outcome.failure.is_some());
    }

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        if self.format == Format::Json {
            self.output = JsonLine::world(&world).print();
        }
        self.tally.add(world);
        match self.output {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

fn exit(tally: &Tally, all_confirmed: bool, is_restricted: bool) -> Exit {
    let failures = tally.failures.values();
    let mut exits: Vec<Exit> = failures
        .map(|group| failure_of(group).kind.into())
        .collect();
    if !all_confirmed {
        exits.push(Exit::NonDeterminism);
    }
    let is_vacuous = match is_restricted {
        true => tally.worlds() == 0,
        false => tally.is_vacuous(),
    };
    if is_vacuous {
        exits.push(Exit::Vacuous);
    }
    Exit::of_several(exits)
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;

    fn tally(worlds: impl IntoIterator<Item = World>) -> Tally {
        let mut tally = Tally::default();
        for world in worlds {
            tally.add(world);
        }
        tally
    }

    #[test]
    fn nothing_run_nothing_reached_and_nothing_judged_are_vacuous() {
        assert_eq!(exit(&tally([]), true, false), Exit::Vacuous);
        let mut idle = fake::world(1, None);
        idle.outcome.goals.clear();
        assert_eq!(exit(&tally([idle]), true, false), Exit::Vacuous);
        let mut nothing_to_judge = fake::world(1, None);
        nothing_to_judge.outcome.exercised.clear();
        assert_eq!(exit(&tally([nothing_to_judge]), true, false), Exit::Vacuous);
        assert_eq!(
            exit(&tally([fake::world(1, None)]), true, false),
            Exit::Well
        );
    }

    #[test]
    fn what_was_left_out_on_purpose_is_not_vacuous() {
        let mut idle = fake::world(1, None);
        idle.outcome.goals.clear();
        assert_eq!(exit(&tally([idle]), true, true), Exit::Well);
        assert_eq!(exit(&tally([]), true, true), Exit::Vacuous);
    }

    #[test]
    fn the_gravest_finding_decides() {
        let safety = || fake::world(1, Some(("a/b", FailureKind::Safety)));
        let liveness = || fake::world(2, Some(("c/d", FailureKind::Liveness)));
        let crash = || fake::world(3, Some(("e/f", FailureKind::Crash)));
        assert_eq!(
            exit(&tally([crash(), liveness()]), false, false),
            Exit::Liveness
        );
        assert_eq!(
            exit(&tally([liveness(), safety()]), true, false),
            Exit::Safety
        );
        assert_eq!(exit(&tally([crash()]), false, false), Exit::Panic);
    }
}
