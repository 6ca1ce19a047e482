//! `streamsim bench`: what worlds cost, beside bare madsim in the same run (design §13).

use super::{
    environment::Environment,
    error::CommandError,
    exit::Exit,
    flags::{Format, FormatFlag, SeedFlag},
    json_line::JsonLine,
    names, values,
};
use crate::{
    palette::{DIM, STRONG},
    registry::EMPTY,
};
use sim::{
    exploration::{
        bare,
        measure::{measure, Bench, Done, Measurement},
    },
    scenario::Scenario,
    world::Plan,
};
use std::{io::Write, ops::Range};

/// Measure worlds on one core, with swarm faults and all oracles, beside bare madsim
#[derive(clap::Args)]
pub struct Arguments {
    /// The scenarios, by name; all when none is given.
    #[arg(value_name = "SCENARIO", value_parser = names::scenario)]
    scenarios: Vec<&'static dyn Scenario>,
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
        for mut bench in benches(&names::selected(&self.scenarios), first_seed) {
            for measurement in measure(&mut bench, self.worlds) {
                ran = true;
                let name = format!("{} of {}", measurement.unit, measurement.name);
                match self.format.format {
                    Format::Text => writeln!(anstream::stdout(), "{}", text(&measurement, &name))?,
                    Format::Json => JsonLine::bench(&measurement, name).print()?,
                }
            }
        }
        Ok(if ran { Exit::Well } else { Exit::Vacuous })
    }
}

/// Everything that is measured; each operation is one world.
fn benches(scenarios: &[&'static dyn Scenario], first_seed: u64) -> Vec<Bench<'static>> {
    let mut benches = vec![bare_worlds(first_seed), worlds(EMPTY, first_seed)];
    let ours = scenarios
        .iter()
        .map(|scenario| worlds(*scenario, first_seed));
    benches.extend(ours);
    benches
}

/// Bare madsim on its own: three nodes, a client, a hundred calls, three restarts.
fn bare_worlds(first_seed: u64) -> Bench<'static> {
    Bench {
        name: "bare madsim".to_owned(),
        ours: Box::new(move |numbers| {
            let worlds = length(&numbers);
            run_bare(numbers, first_seed);
            vec![Done {
                unit: "world",
                amount: worlds,
            }]
        }),
        bare: None,
    }
}

/// Worlds of one scenario, one after another.
fn worlds(scenario: &'static dyn Scenario, first_seed: u64) -> Bench<'static> {
    Bench {
        name: scenario.name().to_owned(),
        ours: Box::new(move |numbers| {
            let worlds = length(&numbers);
            let (mut events, mut sim_ms) = (0, 0);
            for number in numbers {
                let plan = Plan::new(scenario, first_seed.wrapping_add(number));
                let outcome = sim::world::run(&plan);
                events += outcome.stream_events;
                sim_ms += outcome.sim_ms;
            }
            let done = |unit, amount| Done { unit, amount };
            vec![
                done("world", worlds),
                done("event", events as f64),
                done("simulated second", sim_ms as f64 / 1000.0),
            ]
        }),
        bare: Some(Box::new(move |numbers| run_bare(numbers, first_seed))),
    }
}

fn run_bare(numbers: Range<u64>, first_seed: u64) {
    for number in numbers {
        bare::run(first_seed.wrapping_add(number));
    }
}

fn length(numbers: &Range<u64>) -> f64 {
    (numbers.end - numbers.start) as f64
}

fn text(measurement: &Measurement, name: &str) -> String {
    let mut text = format!(
        "{STRONG}{name:<48}{STRONG:#} {:>12.0} ns {:>12.1} /s {DIM}n = {:.0}{DIM:#}",
        measurement.ns_per_op,
        measurement.per_s(),
        measurement.n,
    );
    if let (Some(bare), Some(ratio)) = (measurement.bare_ns_per_op, measurement.ratio()) {
        text += &format!("  {ratio:.2} × bare madsim's {bare:.0} ns");
    }
    text
}
