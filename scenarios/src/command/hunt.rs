//! `streamsim hunt`: switches a known bug on and runs worlds until an oracle names it (design §10).

use super::{
    confirmation::Confirmation,
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{ChanceFlags, Format, FormatFlag, JobsFlag, SeedFlag},
    guard::GuardFlag,
    hunt_view, interrupt,
    keep::{Keeping, Kept},
    names, out,
    progress_view::Progress,
    shrink_bounds::ShrinkBounds,
    values,
};
use crate::{
    capsules::file::file_name,
    hunts::{Hunt, HUNTS},
};
use runtime::quirk::{Quirk, Quirks};
use sim::exploration::{
    engine::{self, Limits, Observer, World},
    schedule::{Schedule, Settings, Shard},
};
use std::{
    collections::BTreeMap,
    io::Write,
    ops::ControlFlow,
    path::PathBuf,
    sync::atomic::AtomicBool,
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
    /// Keep what is found: shrink it, write a capsule, and replay that in a fresh process.
    #[arg(long)]
    shrink: bool,
    #[command(flatten)]
    shrinking: ShrinkBounds,
    /// Where capsules go.
    #[arg(long, value_name = "DIR", default_value = "target/streamsim")]
    out: PathBuf,
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
    /// What is left of it, with `--shrink`.
    pub kept: Option<Kept>,
    /// Failures with other keys on the way.
    pub also_seen: BTreeMap<String, u64>,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let named = |hunt: &&Hunt| self.quirks.is_empty() || self.quirks.contains(&hunt.quirk);
        let format = self.format.format;
        if self.shrink {
            out::prepare(&self.out)?;
        }
        let mut hunted = Vec::new();
        let interrupt = interrupt::listen();
        for hunt in HUNTS.iter().filter(named) {
            if interrupt::is_interrupted() {
                break;
            }
            let one = self.hunt(hunt, environment, interrupt)?;
            if format == Format::Json {
                hunt_view::json(&one).print()?;
            }
            hunted.push(one);
        }
        if format == Format::Text {
            write!(anstream::stdout(), "{}", hunt_view::text(&hunted))?;
        }
        let exits = hunted.iter().map(|one| match (&one.found, &one.kept) {
            (None, _) => Exit::QuirkNotFound,
            (Some(_), Some(kept)) if kept.confirmation != Confirmation::Same => {
                Exit::NonDeterminism
            }
            (Some(_), _) => Exit::Well,
        });
        Ok(Exit::of_several(exits))
    }

    fn hunt(
        &self,
        hunt: &'static Hunt,
        environment: &Environment,
        interrupt: &'static AtomicBool,
    ) -> Result<Hunted, CommandError> {
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
            interrupt: Some(interrupt),
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
        let run = self.guard.run();
        engine::explore(|n| schedule.plan(n), limits, &run, &mut chase)?;
        let wall = started.elapsed();
        let Chase {
            found,
            worlds,
            also_seen,
            progress,
            ..
        } = chase;
        drop(progress);
        let keeping = Keeping {
            limits: Limits {
                budget: None,
                ..limits
            },
            bounds: Some(self.shrinking.bounds()),
            run: &run,
            guard: self.guard.arguments(),
            shows_progress: self.format.format == Format::Text,
        };
        let kept = match &found {
            Some(world) if self.shrink => {
                let name = file_name(&[hunt.quirk.name(), hunt.expected_key]);
                Some(keeping.keep(world, self.out.join(name))?)
            }
            _ => None,
        };
        Ok(Hunted {
            hunt,
            found,
            worlds,
            wall,
            kept,
            also_seen,
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
