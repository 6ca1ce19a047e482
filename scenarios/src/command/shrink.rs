//! `streamsim shrink`: a smaller capsule that fails in the same way (design §9).

use super::{
    confirmation::{self, Confirmation},
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    failure_view,
    flags::{Format, FormatFlag, JobsFlag},
    guard::GuardFlag,
    interrupt,
    json_line::JsonLine,
    keep::{Keeping, Kept, Shrinkage},
    replay::read_names,
    shrink_bounds::ShrinkBounds,
};
use crate::{
    capsules::{file, Playable},
    palette::GOOD,
};
use sim::exploration::{
    engine::{Limits, World},
    replay::{self, Verdict},
};
use std::{io::Write, path::PathBuf};

/// Shrink a capsule to the few operations and decisions that its failure needs
#[derive(clap::Args)]
pub struct Arguments {
    /// The file of a failing world.
    #[arg(value_name = "CAPSULE")]
    capsule: PathBuf,
    /// Where the smaller one goes [default: beside the capsule, as NAME.shrunk.json].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    bounds: ShrinkBounds,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let capsule = file::read(&self.capsule).map_err(UsageError::from)?;
        let Playable {
            plan,
            landmarks,
            expected,
        } = read_names(&self.capsule, &capsule)?;
        let output = self
            .output
            .clone()
            .unwrap_or_else(|| self.capsule.with_extension("shrunk.json"));
        let limits = Limits {
            interrupt: Some(interrupt::listen()),
            ..self.jobs.limits(environment)
        };
        let run = self.guard.run();
        let replayed = replay::replay(&plan, &landmarks, &expected, limits, &run)?;
        if replayed.verdict == Verdict::Gone {
            let key = expected.key;
            let gone = format!("{GOOD}gone{GOOD:#}: {key} does not come back: nothing to shrink");
            writeln!(anstream::stderr(), "{gone}")?;
            return Ok(Exit::Gone);
        }
        let world = World {
            plan: sim::world::Plan {
                keep: false,
                ..replayed.world.plan
            },
            outcome: replayed.world.outcome,
        };
        let keeping = Keeping {
            limits,
            bounds: Some(self.bounds.bounds()),
            run: &run,
            guard: self.guard.arguments(),
            shows_progress: self.format.format == Format::Text,
        };
        // It was run from what is recorded a moment ago, and what is kept is replayed afresh.
        let kept = keeping.keep_confirmed(&world, output, Confirmation::Same)?;
        let confirmation = match kept.shrinkage {
            Some(_) => kept.confirmation.clone(),
            None => confirmation::confirm_capsule(&kept.path, &self.guard.arguments())?,
        };
        self.tell(&kept, &confirmation)?;
        let failure = kept.world.outcome.failure.as_ref();
        let failure = failure.expect("a kept world failed");
        Ok(match confirmation {
            Confirmation::Same => failure.kind.into(),
            Confirmation::Different(_) => Exit::NonDeterminism,
        })
    }

    fn tell(&self, kept: &Kept, confirmation: &Confirmation) -> Result<(), CommandError> {
        let outcome = &kept.world.outcome;
        let unchanged = Shrinkage {
            operations_before: outcome.operation_count,
            decisions_before: outcome.decision_count,
            worlds: 0,
            wall: std::time::Duration::ZERO,
            is_complete: false,
        };
        let shrinkage = kept.shrinkage.as_ref().unwrap_or(&unchanged);
        match self.format.format {
            Format::Json => JsonLine::Shrink {
                capsule: kept.path.clone(),
                operations_before: shrinkage.operations_before,
                operations: outcome.operation_count,
                decisions_before: shrinkage.decisions_before,
                decisions: outcome.decision_count,
                worlds: shrinkage.worlds,
                wall_ms: shrinkage.wall.as_millis() as u64,
                complete: shrinkage.is_complete,
                confirmed: *confirmation == Confirmation::Same,
            }
            .print()?,
            Format::Text => {
                let block = failure_view::kept(kept, None);
                write!(anstream::stdout(), "{block}")?;
            }
        }
        Ok(())
    }
}
