//! `streamsim replay`: a capsule's world again: exact, the same failure, or gone (design §9).

use super::{
    command_line,
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    flags::{Format, FormatFlag, JobsFlag},
    guard::GuardFlag,
    json_line::JsonLine,
    story_view, trace_difference,
};
use crate::{
    capsules::{file, playable, Playable},
    palette::{BAD, GOOD, STRONG},
    regressions,
};
use runtime::quirk::Quirks;
use sim::{
    capsule::{Capsule, Recording},
    exploration::replay::{self, Move, Replayed, Verdict},
    world::Plan,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Replay a capsule: exact, the same failure, or gone; and tell its story
#[derive(clap::Args)]
pub struct Arguments {
    /// The file of a failing world, as `explore`, `hunt` and `shrink` write it.
    #[arg(value_name = "CAPSULE")]
    capsule: PathBuf,
    /// Leave the known bugs of the capsule off, to see that the failure is gone without them.
    #[arg(long, conflicts_with = "promote")]
    without_quirks: bool,
    /// Keep it among the regressions, which `cargo test` replays.
    #[arg(long)]
    promote: bool,
    /// Print every event of the trace as well.
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        if self.trace && self.format.format == Format::Json {
            return Err(UsageError::TraceAsJson.into());
        }
        let capsule = file::read(&self.capsule).map_err(UsageError::from)?;
        let mut playable = read_names(&self.capsule, &capsule)?;
        if self.without_quirks {
            playable.plan.quirks = Quirks::NONE;
        }
        let Playable {
            plan,
            landmarks,
            expected,
        } = playable;
        let plan = story_view::watching(&plan);
        let limits = self.jobs.limits(environment);
        let replayed = replay::replay(&plan, &landmarks, &expected, limits, self.guard.run())?;
        match self.format.format {
            Format::Json => json(&replayed, &expected.key).print()?,
            Format::Text => {
                let mut text = story_view::story(&replayed.world);
                if self.trace {
                    text += &story_view::trace(&replayed.world);
                }
                text += &parting(&capsule, &replayed);
                text += &told(&replayed, &expected.key, &plan);
                write!(anstream::stdout(), "{text}")?;
            }
        }
        if self.promote {
            self.promote(&capsule, &replayed.verdict)?;
        }
        let failure = replayed.world.outcome.failure.as_ref();
        Ok(match (&replayed.verdict, failure) {
            (Verdict::Exact | Verdict::SameFailure(_), Some(failure)) => failure.kind.into(),
            _ => Exit::Gone,
        })
    }

    fn promote(&self, capsule: &Capsule, verdict: &Verdict) -> Result<(), CommandError> {
        let refused = |problem: &str| UsageError::Promote {
            path: self.capsule.clone(),
            problem: problem.to_owned(),
        };
        if *verdict == Verdict::Gone {
            return Err(refused("its failure is gone, so it would guard nothing").into());
        }
        if capsule.operations.is_none() {
            let problem = "it is of an older version, which has no operations: shrink it first";
            return Err(refused(problem).into());
        }
        let place = regressions::place(capsule);
        if place.exists() {
            let problem = format!("{} is there already: remove it first", place.display());
            return Err(refused(&problem).into());
        }
        let written = file::write(&place, capsule);
        written.map_err(|error| CommandError::Capsule {
            path: place.clone(),
            error,
        })?;
        if self.format.format == Format::Text {
            let place = place.display();
            writeln!(anstream::stdout(), "kept as {STRONG}{place}{STRONG:#}")?;
        }
        Ok(())
    }
}

/// # Errors
/// The capsule names something that is not known here.
pub fn read_names(path: &Path, capsule: &Capsule) -> Result<Playable, UsageError> {
    playable(capsule).map_err(|error| UsageError::Unplayable {
        path: path.to_owned(),
        error,
    })
}

fn json<'a>(replayed: &Replayed, key: &'a str) -> JsonLine<'a> {
    JsonLine::Replay {
        outcome: word(&replayed.verdict),
        key,
        trace: replayed.world.outcome.trace.to_string(),
        moved: moves(&replayed.verdict),
        worlds: replayed.worlds,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Exact => "exact",
        Verdict::SameFailure(_) => "same-failure",
        Verdict::Gone => "gone",
    }
}

fn moves(verdict: &Verdict) -> Vec<String> {
    let Verdict::SameFailure(moves) = verdict else {
        return Vec::new();
    };
    moves.iter().map(in_words).collect()
}

fn in_words(moved: &Move) -> String {
    match moved {
        Move::Decision { decision, to } => format!(
            "{} of {}: occurrence {} is {to} now",
            decision.site, decision.subject, decision.n
        ),
        Move::SchedulerSeed(seed) => format!("scheduler seed {seed} in the place of the recorded"),
    }
}

/// Where this run parts from the recorded one, if it does.
fn parting(capsule: &Capsule, replayed: &Replayed) -> String {
    if replayed.verdict == Verdict::Exact {
        return String::new();
    }
    let recorded = capsule.recording.as_ref().and_then(|it| it.lines().ok());
    let Some(recorded) = recorded else {
        return String::new();
    };
    let trace = replayed.world.outcome.kept_trace.iter();
    let mut now: Vec<String> = trace.map(ToString::to_string).collect();
    if Recording::is_cut(recorded.len()) {
        now.truncate(recorded.len());
    }
    match trace_difference::first_difference(&recorded, &now) {
        Some(difference) => format!(
            "\n{STRONG}what differs first{STRONG:#}: event {}\n{}",
            difference.number(),
            difference.text(["recorded", "now"])
        ),
        None => "\nno recorded event differs\n".to_owned(),
    }
}

fn told(replayed: &Replayed, key: &str, plan: &Plan) -> String {
    let outcome = &replayed.world.outcome;
    let mut text = match &replayed.verdict {
        Verdict::Exact => format!(
            "\n{BAD}exact{BAD:#}: {key}, by the same trace {} ({} events)\n",
            outcome.trace, outcome.trace_events
        ),
        Verdict::SameFailure(moves) => {
            let mut text = format!(
                "\n{BAD}same failure{BAD:#}: {key}, by another trace: the code has changed\n"
            );
            for moved in moves {
                text += &format!("  moved: {}\n", in_words(moved));
            }
            text
        }
        Verdict::Gone => {
            let instead = match &outcome.failure {
                Some(failure) => format!("it fails with {} instead", failure.key),
                None => "it passes".to_owned(),
            };
            format!(
                "\n{GOOD}gone{GOOD:#}: {key} does not come back, in {} tried; {instead}\n",
                super::plural::plural(replayed.worlds, "world")
            )
        }
    };
    for lost in &outcome.lost_operations {
        let operation = &lost.operation;
        text += &format!(
            "  {BAD}not performed{BAD:#}: {} #{}: {}\n",
            operation.actor, operation.n, lost.why
        );
    }
    text += &story_view::never_came_up(plan, &replayed.world);
    if replayed.verdict == Verdict::Gone {
        let again = command_line::shows_again(&Plan::new(plan.scenario, plan.seed));
        text += &format!("  the same seed today: {again}\n");
    }
    text
}
