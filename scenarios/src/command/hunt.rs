//! `streamsim hunt`: switches a known bug on and runs worlds until an oracle names it (design §10).

use super::{
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{ChanceFlags, Format, FormatFlag, JobsFlag, SeedFlag},
    guard::GuardFlag,
    hunt_view, names,
    progress_view::Progress,
    values,
};
use crate::hunts::{Hunt, HUNTS};
use runtime::quirk::{Quirk, Quirks};
use sim::exploration::{
    engine::{self, Limits, Observer, World},
    schedule::{Schedule, Settings, Shard},
};
use std::{
    collections::BTreeMap,
    io::Write,
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// A bug that needs more worlds than this is not found well enough.
const WORLDS_DEFAULT: u64 = 500;

/// Find known bugs again; by default all of them
#[derive(clap::Args)]
pub struct Arguments {
    /// The bugs, such as B-20; all when none is given.
    #[arg(value_name = "QUIRK", value_parser = names::quirk)]
    quirks: Vec<Quirk>,
    #[command(flatten)]
    seed: SeedFlag,
    /// How many worlds a hunt may take [default: $MADSIM_TEST_NUM, or 500].
    #[arg(long, value_name = "N", value_parser = values::worlds)]
    worlds: Option<u64>,
    /// Start no world of a hunt after this much wall time, such as 30s.
    #[arg(long, value_name = "TIME", value_parser = values::budget)]
    budget: Option<Duration>,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    guard: GuardFlag,
    #[command(flatten)]
    chance: ChanceFlags,
    #[command(flatten)]
    format: FormatFlag,
}

/// What a hunt came to.
pub struct Hunted {
    pub hunt: &'static Hunt,
    /// The first world that failed with the expected key.
    pub found: Option<World>,
    /// Worlds run, up to and including that one.
    pub worlds: u64,
    pub wall: Duration,
    /// Failures with other keys on the way.
    pub also_seen: BTreeMap<String, u64>,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let named = |hunt: &&Hunt| self.quirks.is_empty() || self.quirks.contains(&hunt.quirk);
        let format = self.format.format;
        let mut hunted = Vec::new();
        for hunt in HUNTS.iter().filter(named) {
            let one = self.hunt(hunt, environment)?;
            if format == Format::Json {
                hunt_view::json(&one).print()?;
            }
            hunted.push(one);
        }
        if format == Format::Text {
            write!(anstream::stdout(), "{}", hunt_view::text(&hunted))?;
        }
        Ok(match hunted.iter().all(|one| one.found.is_some()) {
            true => Exit::Well,
            false => Exit::QuirkNotFound,
        })
    }

    fn hunt(&self, hunt: &'static Hunt, environment: &Environment) -> Result<Hunted, CommandError> {
        let worlds = self.worlds.or(environment.worlds);
        let schedule = Schedule {
            scenarios: vec![names::scenario(hunt.scenario)?],
            first_seed: self.seed.first(environment),
            worlds: worlds.unwrap_or(WORLDS_DEFAULT),
            shard: Shard::WHOLE,
            settings: Settings {
                quirks: Quirks::NONE.with(hunt.quirk),
                ..self.chance.settings()
            },
        };
        let limits = Limits {
            budget: self.budget,
            ..self.jobs.limits(environment)
        };
        let mut chase = Chase {
            hunt,
            found: None,
            worlds: 0,
            also_seen: BTreeMap::new(),
            progress: Progress::new(Some(schedule.len()), self.format.format),
        };
        let started = Instant::now();
        engine::explore(|n| schedule.plan(n), limits, self.guard.run(), &mut chase)?;
        Ok(Hunted {
            hunt,
            found: chase.found,
            worlds: chase.worlds,
            wall: started.elapsed(),
            also_seen: chase.also_seen,
        })
    }
}

struct Chase {
    hunt: &'static Hunt,
    found: Option<World>,
    worlds: u64,
    also_seen: BTreeMap<String, u64>,
    progress: Progress,
}

impl Observer for Chase {
    fn finished(&mut self, world: &World) {
        self.progress.world_done(world.outcome.failure.is_some());
    }

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        self.worlds += 1;
        let Some(failure) = &world.outcome.failure else {
            return ControlFlow::Continue(());
        };
        if failure.key == self.hunt.expected_key {
            self.found = Some(world);
            return ControlFlow::Break(());
        }
        *self.also_seen.entry(failure.key.clone()).or_insert(0) += 1;
        ControlFlow::Continue(())
    }
}
