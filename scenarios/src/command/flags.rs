//! Flags that several commands share, in groups.

use super::{environment::Environment, names, values};
use clap::{
    builder::{PossibleValuesParser, TypedValueParser},
    Args, ValueEnum,
};
use runtime::quirk::Quirk;
use sim::{
    exploration::{
        engine::Limits,
        schedule::{Schedule, Settings, Shard},
    },
    scenario::Scenario,
    world::{FaultLevel, Strategy},
};
use std::{num::NonZeroUsize, ops::Range, thread};

/// The first seed when neither a flag nor the environment gives one: a plain run is reproducible.
const FIRST_SEED: u64 = 1;

pub const FAULTS: [(&str, FaultLevel); 4] = [
    ("none", FaultLevel::None),
    ("swarm", FaultLevel::Swarm),
    ("storm", FaultLevel::Storm),
    ("unlimited", FaultLevel::Unlimited),
];

pub const STRATEGIES: [(&str, Strategy); 3] = [
    ("random", Strategy::Random),
    ("swarm", Strategy::Swarm),
    ("pct", Strategy::Pct),
];

/// The word for a value of one of the tables above.
pub fn word<T: PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    let entry = table.iter().find(|(_, candidate)| *candidate == value);
    entry.expect("every value has a word").0
}

pub fn one_of<T: Copy + Send + Sync + 'static>(
    table: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let words = table.iter().map(|(word, _)| *word);
    PossibleValuesParser::new(words).map(|chosen| {
        let entry = table.iter().find(|(word, _)| *word == chosen);
        entry.expect("clap takes these words only").1
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Args)]
pub struct FormatFlag {
    /// How results are printed.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// What a world depends on, beside scenario and seed.
#[derive(Args)]
pub struct SettingsFlags {
    /// Switch a known bug on; may be repeated.
    #[arg(long = "quirk", value_name = "ID", value_parser = names::quirk)]
    quirks: Vec<Quirk>,
    #[command(flatten)]
    chance: ChanceFlags,
}

impl SettingsFlags {
    pub fn settings(&self) -> Settings {
        Settings {
            quirks: self.quirks.iter().copied().collect(),
            ..self.chance.settings()
        }
    }
}

/// How faults come about.
#[derive(Args)]
pub struct ChanceFlags {
    /// How hard the faults hit, within the scenario's budget; `unlimited` has none, and judges safety
    /// only.
    #[arg(long, value_name = "LEVEL", default_value = "swarm", value_parser = one_of(&FAULTS))]
    faults: FaultLevel,
    /// Which policy answers choices.
    #[arg(long, default_value = "swarm", value_parser = one_of(&STRATEGIES))]
    strategy: Strategy,
}

impl ChanceFlags {
    pub fn settings(&self) -> Settings {
        Settings {
            quirks: Default::default(),
            faults: self.faults,
            strategy: self.strategy,
        }
    }
}

/// The first seed.
#[derive(Args)]
pub struct SeedFlag {
    /// The first seed, decimal or 0x hex [default: $MADSIM_TEST_SEED, or 1].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed)]
    seed: Option<u64>,
}

impl SeedFlag {
    pub fn first(&self, environment: &Environment) -> u64 {
        self.seed.or(environment.seed).unwrap_or(FIRST_SEED)
    }
}

/// Which worlds a sweep has.
#[derive(Args)]
pub struct SweepFlags {
    #[command(flatten)]
    seed: SeedFlag,
    /// All of these seeds for every scenario, without B.
    #[arg(long, value_name = "A..B", value_parser = values::seeds, conflicts_with_all = ["seed", "worlds"])]
    seeds: Option<Range<u64>>,
    /// How many worlds, evenly over the scenarios, all shards together [default: $MADSIM_TEST_NUM,
    /// or as the command says].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::worlds)]
    worlds: Option<u64>,
    /// Only every N-th seed, starting with the I-th from 0.
    #[arg(long, value_name = "I/N", value_parser = values::shard)]
    shard: Option<Shard>,
}

impl SweepFlags {
    pub fn schedule(
        &self,
        scenarios: &[&'static dyn Scenario],
        settings: Settings,
        environment: &Environment,
        worlds_default: u64,
    ) -> Schedule {
        let scenarios = names::selected(scenarios);
        let (first_seed, worlds) = match &self.seeds {
            Some(seeds) => {
                let count = seeds.end - seeds.start;
                (seeds.start, count.saturating_mul(scenarios.len() as u64))
            }
            None => {
                let worlds = self.worlds.or(environment.worlds);
                (
                    self.seed.first(environment),
                    worlds.unwrap_or(worlds_default),
                )
            }
        };
        Schedule {
            scenarios,
            first_seed,
            worlds,
            shard: self.shard.unwrap_or(Shard::WHOLE),
            settings,
        }
    }
}

#[derive(Args)]
pub struct JobsFlag {
    /// How many worlds run at once [default: $MADSIM_TEST_JOBS, or all cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::jobs)]
    jobs: Option<NonZeroUsize>,
}

impl JobsFlag {
    pub fn jobs(&self, environment: &Environment) -> NonZeroUsize {
        let given = self.jobs.or(environment.jobs);
        given.unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    pub fn limits(&self, environment: &Environment) -> Limits {
        Limits {
            jobs: self.jobs(environment),
            budget: None,
            interrupt: None,
        }
    }
}
