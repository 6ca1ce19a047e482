//! `streamsim run`: one world, its event logs and its verdict.

use super::{
    decide, decisions_view,
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    failure_view,
    flags::{Format, FormatFlag, SeedFlag, SettingsFlags},
    guard::GuardFlag,
    json_line::JsonLine,
    names,
};
use crate::{
    log_view,
    palette::{BAD, GOOD, STRONG},
};
use sim::{
    exploration::engine::{self, World},
    scenario::Scenario,
    world::{Outcome, Plan, RecordedDecision},
};
use std::io::Write;

/// Run one world; print its event logs and verdict
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenario, by name.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenario: &'static dyn Scenario,
    #[command(flatten)]
    seed: SeedFlag,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Decide one choice, on top of all others: 'SITE|SUBJECT|N=VALUE', such as
    /// 'crash.after-commit|agent p1:/agents/a|3=yes'; may be repeated.
    #[arg(long, value_name = "DECISION", value_parser = decide::decision)]
    decide: Vec<RecordedDecision>,
    /// Print every event of the trace as well.
    #[arg(long)]
    trace: bool,
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
        if let Some(decision) = decide::contradiction(&self.decide) {
            return Err(UsageError::DecidedTwice(decide::spelled(decision)).into());
        }
        let seed = self.seed.first(environment);
        let plan = Plan {
            keep: true,
            forced: self.decide,
            ..self.settings.settings().plan(self.scenario, seed)
        };
        let world = engine::run_one(plan, &self.guard.run())?;
        match self.format.format {
            Format::Text => write!(anstream::stdout(), "{}", text(&world, self.trace))?,
            Format::Json => JsonLine::world(&world).print()?,
        }
        let Some(failure) = &world.outcome.failure else {
            return Ok(match world.outcome.unmet.is_empty() {
                true => Exit::Well,
                // The world that was asked for did not run.
                false => Exit::Vacuous,
            });
        };
        let block = failure_view::block(&world, failure);
        write!(anstream::stderr(), "\n{block}")?;
        Ok(failure.kind.into())
    }
}

fn text(world: &World, with_trace: bool) -> String {
    let World { plan, outcome } = world;
    let mut text = log_view::styled(&outcome.logs);
    if with_trace {
        text += &format!("\n{STRONG}trace{STRONG:#}\n");
        for event in &outcome.kept_trace {
            text += &format!("{event}\n");
        }
    }
    text += &format!(
        "\n{STRONG}decisions{STRONG:#} ({})\n",
        outcome.decision_count
    );
    text += &decisions_view::lines(&outcome.decisions, usize::MAX);
    text += &format!(
        "\n{STRONG}{}, seed {}{STRONG:#}: {}\n",
        plan.scenario.name(),
        plan.seed,
        verdict(outcome)
    );
    for decision in &outcome.unmet {
        let decision = decide::spelled(decision);
        text += &format!("{BAD}never came up{BAD:#}: {decision}\n");
    }
    text += &format!(
        "trace {} ({} events), {} stream events, {:.3} s simulated\n",
        outcome.trace,
        outcome.trace_events,
        outcome.stream_events,
        outcome.sim_ms as f64 / 1000.0,
    );
    text
}

/// The failure itself is told on stderr.
fn verdict(outcome: &Outcome) -> String {
    match &outcome.failure {
        None => format!("{GOOD}pass{GOOD:#}"),
        Some(failure) => format!("{BAD}fail{BAD:#} {}", failure.key),
    }
}
