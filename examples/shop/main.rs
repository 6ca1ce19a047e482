//! A processor of one's own, and everything around it: a shop whose stock keeper orders more when
//! something runs low.
//!
//! - [`contract`]: the events and the state. - [`keeper`]: the processor: reducer and effects.
//! - [`object`]: the durable object that hosts it. - [`scenario`]: a day in the shop, its goals, and
//!   the oracle that judges it.
//!
//! `cargo run --release --example shop -- explore` runs thousands of days. The command is the same as
//! `streamsim`, with these scenarios in place of its own.

mod contract;
mod keeper;
mod object;
mod scenario;

use scenario::Shop;
use sim::scenario::Scenario;
use std::process::ExitCode;

/// The second one has a keeper with a mistake in it, for the harness to find.
static SCENARIOS: [&dyn Scenario; 2] = [&Shop::CAREFUL, &Shop::CARELESS];

fn main() -> ExitCode {
    scenarios::command::main_with(&SCENARIOS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::world::{run, FailureKind, Outcome, Plan};

    fn days(shop: &'static Shop, count: u64) -> impl Iterator<Item = Outcome> {
        (0..count).map(|seed| run(&Plan::new(shop, seed)))
    }

    #[test]
    fn whatever_fails_everything_that_runs_low_is_ordered_once() {
        let mut reached = std::collections::BTreeSet::new();
        for (seed, day) in days(&Shop::CAREFUL, 150).enumerate() {
            assert_eq!(day.failure, None, "seed {seed}");
            reached.extend(day.goals);
        }
        for goal in Shop::CAREFUL.goals() {
            assert!(
                reached.contains(goal.name),
                "{} was never reached",
                goal.name
            );
        }
    }

    #[test]
    fn an_order_that_is_placed_in_the_background_gets_lost_on_some_day() {
        let lost = days(&Shop::CARELESS, 500).find_map(|day| day.failure);
        let lost = lost.expect("no day loses an order");
        assert_eq!(lost.key, "orders/missing");
        assert_eq!(lost.kind, FailureKind::Liveness);
    }
}
