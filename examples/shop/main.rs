//! A processor of one's own, and everything around it: a shop whose stock keeper orders more when
//! something runs low.
//!
//! - [`contract`]: the events and the state. - [`keeper`]: the processor: reducer and effects.
//! - [`object`]: the durable object that hosts it. - [`scenario`]: a day in the shop, its goals, and
//!   the oracle that judges it.
//! - The tests: what the keeper does with each event, as text; and days in the shop.
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
    use contract::{Moved, DELIVERED, SOLD};
    use keeper::StockKeeper;
    use runtime::event::{EventInput, EventType};
    use semantics::{untold, Story};
    use sim::world::{run, FailureKind, Outcome, Plan};

    fn tea(kind: EventType, count: i64) -> EventInput {
        let item = "tea".to_owned();
        EventInput::new(kind, Moved { item, count })
    }

    /// What is snapshotted here is reviewed like code. The crash in the end delivers the sales again,
    /// and no second order is placed.
    #[test]
    fn what_runs_low_is_ordered_once() {
        let story = Story::new("what runs low is ordered once", "p1:/shop", |given| {
            StockKeeper {
                stream: given.stream,
                is_careful: true,
            }
        });
        let told = story
            .event(tea(DELIVERED, 4))
            .event(tea(SOLD, 1))
            .event(tea(SOLD, 1))
            .restart_from(1)
            .tell();
        insta::assert_snapshot!(told, @r#"
        stock-keeper: what runs low is ordered once

        @1 shop/delivered {"item":"tea","count":4}
          state
            on_shelf: {} → {"tea":4}

        @2 shop/sold {"item":"tea","count":1}
          state
            on_shelf.tea: 4 → 3

        @3 shop/sold {"item":"tea","count":1}
          state
            on_shelf.tea: 3 → 2
          append @4 shop/ordered
            key stock-keeper/ordered@3
            item: "tea"

        the object restarts from its checkpoint at @1

        @2 shop/sold (again)
        @3 shop/sold (again)
          state
            on_shelf.tea: 4 → 2
          append @4 shop/ordered: was there

        the end: checkpoint @3
        "#);
        assert!(untold([&told]).is_empty(), "a type is never delivered");
    }

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
