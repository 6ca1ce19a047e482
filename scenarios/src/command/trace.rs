//! `streamsim __trace`: one world's trace in full, for `check` to compare: a line that says when it
//! ran, and then one for each event, as JSON.

use super::{
    error::CommandError,
    exit::Exit,
    flags::SettingsFlags,
    guard::GuardFlag,
    leak::{Before, Run},
    names, values, whole_trace,
};
use serde::{Deserialize, Serialize};
use sim::{exploration::engine, scenario::Scenario, trace::TraceEvent, world::Plan};
use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenario: &'static dyn Scenario,
    #[arg(value_name = "SEED", value_parser = values::seed)]
    seed: u64,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Run the world of this seed before it; may be repeated.
    #[arg(long, value_name = "SEED", value_parser = values::seed)]
    after: Vec<u64>,
}

impl Arguments {
    pub fn execute(self) -> Result<Exit, CommandError> {
        let settings = self.settings.settings();
        let run = self.guard.run();
        for seed in self.after {
            engine::run_one(settings.plan(self.scenario, seed), &run)?;
        }
        let plan = Plan {
            keep: true,
            ..settings.plan(self.scenario, self.seed)
        };
        let began = since_the_epoch();
        let world = engine::run_one(whole_trace::in_full(plan), &run)?;
        let times = Times {
            began,
            ended: since_the_epoch(),
        };
        print(&times, &whole_trace::events(world.outcome))?;
        Ok(Exit::Well)
    }
}

fn since_the_epoch() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("it is later than 1970")
}

/// Wall time since the Unix epoch.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Times {
    began: Duration,
    ended: Duration,
}

pub fn print(times: &Times, events: &[TraceEvent]) -> io::Result<()> {
    let mut lines = serde_json::to_vec(times)?;
    for event in events {
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, event)?;
    }
    lines.push(b'\n');
    io::stdout().write_all(&lines)
}

/// Reads what [`print()`] wrote; none if it was something else.
pub fn parse(text: &str, before: Before) -> Option<Run> {
    let (times, events) = text.split_once('\n')?;
    let Times { began, ended } = serde_json::from_str(times).ok()?;
    let events = events.lines().map(serde_json::from_str);
    Some(Run {
        before,
        began,
        ended,
        events: events.collect::<Result<_, _>>().ok()?,
    })
}
