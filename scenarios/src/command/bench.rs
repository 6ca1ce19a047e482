//! `streamsim bench`: what worlds cost, beside bare madsim in the same run, and what an event costs in
//! short and in long streams (design §13).

use super::{
    bench_view,
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{Format, FormatFlag, SeedFlag},
    json_line::JsonLine,
    names, values,
};
use crate::{
    registry::EMPTY,
    stream_costs::{self, Cost},
};
use sim::{
    exploration::{
        bare,
        measure::{measure, Bench, Done},
    },
    scenario::Scenario,
    world::Plan,
};
use std::{io::Write, ops::Range};

/// Measure worlds on one core, with swarm faults and all oracles, beside bare madsim; and what an
/// event costs, by the length of its stream
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name, and no streams; all of both when none is given.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
    /// No scenarios: only what an event costs in streams of 100, 1,000 and 10,000 events.
    #[arg(long, conflicts_with = "scenarios")]
    streams: bool,
    #[command(flatten)]
    seed: SeedFlag,
    /// How many worlds of each.
    #[arg(long, value_name = "N", default_value = "300", value_parser = values::worlds)]
    worlds: u64,
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self, environment: &Environment) -> Result<Exit, CommandError> {
        let first_seed = self.seed.first(environment);
        let mut ran = false;
        if !self.streams {
            ran |= self.measure_worlds(first_seed)?;
        }
        if self.scenarios.is_empty() {
            let costs = stream_costs::measure(self.worlds, first_seed);
            ran |= !costs.is_empty();
            self.print_costs(&costs)?;
        }
        Ok(if ran { Exit::Well } else { Exit::Vacuous })
    }

    /// Whether there were any.
    fn measure_worlds(&self, first_seed: u64) -> Result<bool, CommandError> {
        let mut ran = false;
        for mut bench in benches(&names::selected(&self.scenarios), first_seed) {
            let measurements = measure(&mut bench, self.worlds);
            ran |= !measurements.is_empty();
            match self.format.format {
                Format::Text => {
                    write!(anstream::stdout(), "{}", bench_view::text(&measurements))?;
                }
                Format::Json => {
                    for measurement in &measurements {
                        JsonLine::bench(measurement).print()?;
                    }
                }
            }
        }
        Ok(ran)
    }

    fn print_costs(&self, costs: &[Cost]) -> Result<(), CommandError> {
        match self.format.format {
            Format::Text => write!(anstream::stdout(), "{}", bench_view::costs(costs))?,
            Format::Json => {
                for cost in costs {
                    JsonLine::cost(cost).print()?;
                }
            }
        }
        Ok(())
    }
}

/// Everything that is measured; each operation is one world.
fn benches(scenarios: &[&'static dyn Scenario], first_seed: u64) -> Vec<Bench<'static>> {
    let mut benches = vec![bare_worlds(first_seed), empty_worlds(first_seed)];
    let ours = scenarios
        .iter()
        .map(|scenario| worlds(*scenario, first_seed));
    benches.extend(ours);
    benches
}

/// Bare madsim on its own.
fn bare_worlds(first_seed: u64) -> Bench<'static> {
    Bench {
        name: bench_view::BARE.to_owned(),
        ours: Box::new(move |numbers| {
            let worlds = length(&numbers);
            run_bare(numbers, first_seed);
            vec![done(bench_view::WORLD, worlds)]
        }),
        bare: None,
    }
}

/// Worlds in which nothing happens: what every world costs.
fn empty_worlds(first_seed: u64) -> Bench<'static> {
    Bench {
        name: EMPTY.name().to_owned(),
        ours: Box::new(move |numbers| {
            let worlds = length(&numbers);
            run(EMPTY, numbers, first_seed);
            vec![done(bench_view::WORLD, worlds)]
        }),
        bare: Some(Box::new(move |numbers| run_bare(numbers, first_seed))),
    }
}

/// Worlds of one scenario, one after another.
fn worlds(scenario: &'static dyn Scenario, first_seed: u64) -> Bench<'static> {
    Bench {
        name: scenario.name().to_owned(),
        ours: Box::new(move |numbers| {
            let worlds = length(&numbers);
            let (events, sim_ms) = run(scenario, numbers, first_seed);
            vec![
                done(bench_view::WORLD, worlds),
                done(bench_view::EVENT, events as f64),
                done(bench_view::SIMULATED_SECOND, sim_ms as f64 / 1000.0),
            ]
        }),
        bare: Some(Box::new(move |numbers| run_bare(numbers, first_seed))),
    }
}

/// Events committed to streams, and simulated milliseconds, of these worlds together.
fn run(scenario: &'static dyn Scenario, numbers: Range<u64>, first_seed: u64) -> (u64, u64) {
    let (mut events, mut sim_ms) = (0, 0);
    for number in numbers {
        let plan = Plan::new(scenario, first_seed.wrapping_add(number));
        let outcome = sim::world::run(&plan);
        events += outcome.stream_events;
        sim_ms += outcome.sim_ms;
    }
    (events, sim_ms)
}

fn run_bare(numbers: Range<u64>, first_seed: u64) {
    for number in numbers {
        bare::run(first_seed.wrapping_add(number));
    }
}

fn length(numbers: &Range<u64>) -> f64 {
    (numbers.end - numbers.start) as f64
}

fn done(unit: &'static str, amount: f64) -> Done {
    Done { unit, amount }
}
