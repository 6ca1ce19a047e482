//! Measurements as a block of text for each thing that is measured.

use super::plural::plural;
use crate::{
    palette::{DIM, STRONG},
    stream_costs::{Cost, FLAT_RATIO_MAX},
};
use sim::exploration::measure::Measurement;

/// The name of bare madsim as a thing that is measured.
pub const BARE: &str = "bare-madsim";

pub const WORLD: &str = "world";
pub const EVENT: &str = "event";
pub const SIMULATED_SECOND: &str = "simulated-second";

/// The measurements of one thing, such as a scenario: a headline, and a line each. Nothing for no
/// measurement.
pub fn text(measurements: &[Measurement]) -> String {
    let Some(first) = measurements.first() else {
        return String::new();
    };
    let name = match first.name.as_str() {
        BARE => "bare madsim",
        "empty" => "fixed cost of a world, in which nothing happens",
        scenario => scenario,
    };
    let worlds = plural(first.n.round() as u64, WORLD);
    let mut text = format!("{STRONG}{name}{STRONG:#} {DIM}({worlds}){DIM:#}\n");
    for measurement in measurements {
        text += &lines(measurement);
    }
    text.push('\n');
    text
}

/// What an event costs, by operation, shortest stream first: a line for each operation.
pub fn costs(costs: &[Cost]) -> String {
    if costs.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{STRONG}an event, by the length of its stream{STRONG:#} {DIM}(and to the shortest){DIM:#}\n"
    );
    for operation in costs.chunk_by(|one, next| one.operation == next.operation) {
        if operation[0].operation == costs[0].operation {
            let lengths = operation.iter().map(|cost| plural(cost.length, EVENT));
            let lengths = lengths.map(|length| format!("{length:>20}"));
            text += &format!("  {:<10}{}\n", "", lengths.collect::<String>());
        }
        let figure = |cost: &Cost| {
            let ratio = format!("({:.2})", cost.ratio);
            format!("{:>12} {ratio:>7}", duration(cost.ns_per_event))
        };
        let is_flat = operation.iter().all(|cost| cost.ratio <= FLAT_RATIO_MAX);
        text += &format!(
            "  {:<10}{}  {}\n",
            operation[0].operation.name(),
            operation.iter().map(figure).collect::<String>(),
            match is_flat {
                true => format!("flat within {FLAT_RATIO_MAX}"),
                false => format!("not flat within {FLAT_RATIO_MAX}"),
            }
        );
    }
    text.push('\n');
    text
}

fn lines(measurement: &Measurement) -> String {
    let per_s = measurement.per_s();
    let line = |label: &str, value: String| format!("  {label:<20}{value:>12}\n");
    match measurement.unit {
        WORLD => {
            let mut text = line("a world takes", duration(measurement.ns_per_op));
            text += &line("worlds/s", number(per_s));
            if let (Some(bare), Some(ratio)) = (measurement.bare_ns_per_op, measurement.ratio()) {
                let bare = duration(bare);
                let ratio = line("to bare madsim", format!("{ratio:.2} : 1"));
                text += &format!(
                    "{} {DIM}({bare} in the same run){DIM:#}\n",
                    ratio.trim_end()
                );
            }
            text
        }
        EVENT => line("events/s", number(per_s)),
        SIMULATED_SECOND => line("simulated : wall", format!("{} : 1", number(per_s))),
        unit => panic!("nobody measures {unit}"),
    }
}

/// In the unit that leaves at most three digits before the point.
fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// A digit after the point where there are few before it.
fn number(number: f64) -> String {
    match number {
        number if number < 100.0 => format!("{number:.1}"),
        number => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream_costs::Operation;

    fn measurement(name: &str, unit: &'static str, n: f64, ns_per_op: f64) -> Measurement {
        Measurement {
            name: name.to_owned(),
            unit,
            n,
            ns_per_op,
            bare_ns_per_op: (unit == WORLD && name != BARE).then_some(500_000.0),
        }
    }

    fn plain(measurements: &[Measurement]) -> String {
        anstream::adapter::strip_str(&text(measurements)).to_string()
    }

    #[test]
    fn a_scenario_is_a_block() {
        let measurements = [
            measurement("slack", WORLD, 20.0, 3_141_593.0),
            measurement("slack", EVENT, 1_300.0, 48_000.0),
            measurement("slack", SIMULATED_SECOND, 500.0, 100_000.0),
        ];
        let expected = "\
slack (20 worlds)
  a world takes            3.14 ms
  worlds/s                     318
  to bare madsim          6.28 : 1 (500.0 µs in the same run)
  events/s                   20833
  simulated : wall       10000 : 1

";
        assert_eq!(plain(&measurements), expected);
    }

    #[test]
    fn bare_madsim_is_compared_with_nothing() {
        let expected = "\
bare madsim (1 world)
  a world takes           465.3 µs
  worlds/s                    2149

";
        assert_eq!(plain(&[measurement(BARE, WORLD, 1.0, 465_327.0)]), expected);
        assert_eq!(plain(&[]), "");
    }

    #[test]
    fn costs_are_a_table() {
        let cost = |operation, length, ns_per_event, ratio| Cost {
            operation,
            length,
            events: 700,
            ns_per_event,
            ratio,
        };
        let shown = costs(&[
            cost(Operation::Append, 100, 20_000.0, 1.0),
            cost(Operation::Append, 10_000, 20_400.0, 1.02),
            cost(Operation::Delivery, 100, 900.0, 1.0),
            cost(Operation::Delivery, 10_000, 9_000.0, 10.0),
        ]);
        let expected = "\
an event, by the length of its stream (and to the shortest)
                      100 events        10000 events
  append         20.0 µs  (1.00)     20.4 µs  (1.02)  flat within 1.5
  delivery        900 ns  (1.00)      9.0 µs (10.00)  not flat within 1.5

";
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), expected);
        assert_eq!(costs(&[]), "");
    }

    #[test]
    fn durations_have_a_unit_that_fits() {
        let shown = [999.0, 1e3, 110_142.0, 1e6, 2.5e9].map(duration);
        assert_eq!(shown, ["999 ns", "1.0 µs", "110.1 µs", "1.00 ms", "2.50 s"]);
        assert_eq!([23.6, 408.6].map(number), ["23.6", "409"]);
    }
}
