//! `streamsim sweep`: a run, and then a world for each point at which it may crash, or go wrong in
//! another way that is named by its site.

use super::{
    environment::Environment,
    error::{CommandError, UsageError},
    exit::Exit,
    flags::{one_of, Format, FormatFlag, JobsFlag, SeedFlag, FAULTS, STRATEGIES},
    follow_up::follow_up,
    guard::GuardFlag,
    keep::Keeping,
    names, out,
    progress_view::Progress,
    shrink_bounds::ShrinkBounds,
    sweep_view::{self, Told},
    values,
};
use runtime::quirk::Quirk;
use sim::{
    choice::{Shape, Site},
    exploration::{
        engine::World,
        schedule::Settings,
        sweep::{self, Depth, Reach, Swept, Watcher},
        tally::Tally,
    },
    scenario::Scenario,
    world::{FaultLevel, Strategy},
};
use std::{io::Write, ops::Range, path::PathBuf};

/// Where an object may die: before and after each of its effects.
const CRASHES: &str = "crash.*";

/// Crash a run at every point, one world each; by default every scenario's first run
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name; all when none is given.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
    #[command(flatten)]
    seed: SeedFlag,
    /// All of these seeds for every scenario, without B.
    #[arg(long, value_name = "A..B", value_parser = values::seeds, conflicts_with = "seed")]
    seeds: Option<Range<u64>>,
    /// What goes wrong, such as rpc.reply-lost or 'storage.*'; may be repeated. At a delay it is the
    /// longest, of several variants each [default: the crashes before and after each effect].
    #[arg(long = "site", value_name = "GLOB")]
    sites: Vec<String>,
    /// 1: at every point; 2: at every pair of points as well.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::depth)]
    depth: Depth,
    /// More points, or pairs, of one run than this are sampled, by its seed.
    #[arg(long, value_name = "N", default_value = "5000", value_parser = values::worlds_max)]
    max_worlds: u64,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    guard: GuardFlag,
    /// Switch a known bug on; may be repeated.
    #[arg(long = "quirk", value_name = "ID", value_parser = names::quirk)]
    quirks: Vec<Quirk>,
    /// Which faults there are beside those of the sweep.
    #[arg(long, value_name = "LEVEL", default_value = "none", value_parser = one_of(&FAULTS))]
    faults: FaultLevel,
    /// Which policy answers the other choices.
    #[arg(long, default_value = "swarm", value_parser = one_of(&STRATEGIES))]
    strategy: Strategy,
    /// Where failures are written down.
    #[arg(long, value_name = "DIR", default_value = "target/streamsim")]
    out: PathBuf,
    #[command(flatten)]
    shrinking: ShrinkBounds,
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let reach = self.reach()?;
        out::prepare(&self.out)?;
        let limits = self.jobs.limits(environment);
        let first = self.seed.first(environment);
        let seeds = match &self.seeds {
            // The largest seed is one as well.
            Some(seeds) => seeds.start..=seeds.end - 1,
            None => first..=first,
        };
        let settings = Settings {
            quirks: self.quirks.iter().copied().collect(),
            faults: self.faults,
            strategy: self.strategy,
        };
        let (mut tally, mut exits) = (Tally::default(), Vec::new());
        // A run that failed by itself has no points, and says so.
        let mut is_vacuous = true;
        let mut broke = None;
        let runs = names::selected(&self.scenarios).into_iter();
        for (scenario, seed) in runs.flat_map(|one| seeds.clone().map(move |seed| (one, seed))) {
            let plan = settings.plan(scenario, seed);
            let mut watch = Watch(Progress::new(Some(0), self.format.format));
            let swept = sweep::sweep(&plan, &reach, limits, self.guard.run(), &mut watch);
            drop(watch);
            let (swept, failure) = match swept {
                Ok(swept) => (Some(swept), None),
                Err(broken) => (broken.so_far, Some(broken.failure)),
            };
            if let Some(swept) = swept {
                let has_failed = swept.base.outcome.failure.is_some();
                is_vacuous &= swept.points() == 0 && !has_failed;
                let told = sweep_view::told(&swept);
                match self.format.format {
                    Format::Text => {
                        let text = sweep_view::text(&swept, &told);
                        write!(anstream::stdout(), "{text}")?;
                    }
                    Format::Json => sweep_view::json(&swept, &told).print()?,
                }
                exits.push(exit(&swept, &told));
                remember(swept, &mut tally);
            }
            if failure.is_some() {
                broke = failure;
                break;
            }
        }
        if is_vacuous && broke.is_none() {
            let nothing = "vacuous: what is swept came up in none of these runs";
            anstream::eprintln!("streamsim: {nothing}; `streamsim list` shows the fault sites");
            exits.push(Exit::Vacuous);
        }
        let run = self.guard.run();
        let keeping = Keeping {
            limits,
            bounds: Some(self.shrinking.bounds()),
            run: &run,
            guard: self.guard.arguments(),
            shows_progress: self.format.format == Format::Text,
        };
        let follow_up = follow_up(&tally, &self.out, &keeping)?;
        write!(anstream::stderr(), "{}", follow_up.blocks)?;
        if !follow_up.all_confirmed {
            exits.push(Exit::NonDeterminism);
        }
        // What was found before the harness failed counts, and was told.
        let exit = Exit::of_several(exits);
        match broke {
            None => Ok(exit),
            Some(failure) if exit == Exit::Well => Err(failure.into()),
            Some(failure) => {
                anstream::eprintln!("error: {failure}");
                Ok(exit)
            }
        }
    }

    fn reach(&self) -> Result<Reach, UsageError> {
        let mut sites: Vec<&'static Site> = Vec::new();
        if self.sites.is_empty() {
            sites = names::fault_sites(CRASHES)?;
            sites.retain(|site| matches!(site.shape, Shape::YesNo { .. }));
        }
        for glob in &self.sites {
            let mut matching = names::fault_sites(glob)?;
            if self.faults != FaultLevel::Unlimited {
                matching.retain(|site| !site.is_irreparable);
            }
            if matching.is_empty() {
                return Err(UsageError::Irreparable(glob.clone()));
            }
            matching.retain(|site| sites.iter().all(|known| known.name != site.name));
            sites.extend(matching);
        }
        let mut crashes = sites.iter().map(|site| site.name.starts_with("crash."));
        Ok(Reach {
            with_losses: crashes.any(|is_crash| is_crash),
            sites,
            depth: self.depth,
            worlds_max: usize::try_from(self.max_worlds).unwrap_or(usize::MAX),
        })
    }
}

struct Watch(Progress);

impl Watcher for Watch {
    fn expect(&mut self, worlds: u64) {
        self.0.expect(worlds);
    }

    fn finished(&mut self, world: &World) {
        self.0.world_done(world.outcome.failure.is_some());
    }
}

fn exit(swept: &Swept, told: &[Told]) -> Exit {
    let run = swept.base.outcome.failure.as_ref();
    let run = run.map(|failure| failure.kind.into());
    let points = told.iter().map(|told| match &told.failure {
        Some(failure) => failure.kind.into(),
        None => Exit::NonDeterminism,
    });
    Exit::of_several(run.into_iter().chain(points))
}

/// Failing worlds only: the tally is for what becomes of them.
fn remember(swept: Swept, tally: &mut Tally) {
    let tried = swept.failures.into_iter().map(|failure| failure.world);
    for world in std::iter::once(swept.base).chain(tried) {
        if world.outcome.failure.is_some() {
            tally.add(world);
        }
    }
}
