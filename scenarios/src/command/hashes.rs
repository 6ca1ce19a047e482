//! `streamsim __hashes`: the trace hash of every world of a sweep, for `check` to compare.

use super::{
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{JobsFlag, SettingsFlags, SweepFlags},
    guard::GuardFlag,
    names,
};
use sim::{
    exploration::engine::{self, Observer, World},
    scenario::Scenario,
};
use std::{
    fmt::Write as _,
    io::{self, Write},
    ops::ControlFlow,
};

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
    /// Run the last world first.
    #[arg(long)]
    reverse: bool,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        let schedule = (self.sweep).schedule(&self.scenarios, settings, environment, 0);
        let last = schedule.len().checked_sub(1);
        let plan = |n: u64| match self.reverse {
            false => schedule.plan(n),
            true => schedule.plan(last?.checked_sub(n)?),
        };
        let mut hashes = Hashes(String::new());
        let limits = self.jobs.limits(environment);
        engine::explore(plan, limits, self.guard.run(), &mut hashes)?;
        io::stdout().write_all(hashes.0.as_bytes())?;
        Ok(Exit::Well)
    }
}

struct Hashes(String);

impl Observer for Hashes {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, World { plan, outcome }: World) -> ControlFlow<()> {
        let (scenario, seed, trace) = (plan.scenario.name(), plan.seed, outcome.trace);
        writeln!(self.0, "{scenario} {seed} {trace}").expect("a string");
        ControlFlow::Continue(())
    }
}
