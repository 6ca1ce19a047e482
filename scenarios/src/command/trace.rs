//! `streamsim __trace`: every event of one world's trace, for `check` to compare.

use super::{error::CommandError, exit::Exit, flags::SettingsFlags, names, values};
use sim::{scenario::Scenario, world::Plan};
use std::{
    fmt::Write as _,
    io::{self, Write},
};

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenario: &'static dyn Scenario,
    #[arg(value_name = "SEED", value_parser = values::seed)]
    seed: u64,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Run the world of this seed before it.
    #[arg(long, value_name = "SEED", value_parser = values::seed)]
    after: Option<u64>,
}

impl Arguments {
    pub fn execute(self) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        if let Some(seed) = self.after {
            sim::world::run(&settings.plan(self.scenario, seed));
        }
        let outcome = sim::world::run(&Plan {
            keep: true,
            ..settings.plan(self.scenario, self.seed)
        });
        let mut text = String::new();
        for event in &outcome.kept_trace {
            writeln!(text, "{event}").expect("a string");
        }
        io::stdout().write_all(text.as_bytes())?;
        Ok(Exit::Well)
    }
}
