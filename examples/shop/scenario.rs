//! A day in the shop: deliveries and sales in some order, at some times, while objects crash, calls
//! get lost and writes are slow. The harness adds the faults; this file says what people do, and what
//! must be true in the evening.

use super::{
    contract::*,
    keeper::StockKeeper,
    object::{self, BINDING},
};
use futures_util::future::BoxFuture;
use processors::hosting::subscription;
use runtime::{
    event::{EventInput, StreamName, StreamPath},
    object::Class,
    processor::Fold,
    stream,
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{
        DeliveriesIncrease, Evidence, KeysAreUnique, OffsetsAreDense, Oracle, Quiesces,
        StateIsFold, Violation,
    },
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::{collections::BTreeMap, sync::Arc};

pub struct Shop {
    name: &'static str,
    about: &'static str,
    classes: &'static [Class],
}

impl Shop {
    pub const CAREFUL: Shop = Shop {
        name: "shop",
        about: "a day in a shop whose keeper orders what runs low",
        classes: &[stream::CLASS, object::CAREFUL],
    };
    pub const CARELESS: Shop = Shop {
        name: "shop-careless",
        about: "the same day, with a keeper who orders in the background",
        classes: &[stream::CLASS, object::CARELESS],
    };
}

const CUSTOMERS: u64 = 8;
const ITEMS: [&str; 2] = ["tea", "milk"];

/// What a day is drawn from.
static ITEM: Site = Site::operation(
    "workload.item",
    Shape::Below {
        count: ITEMS.len() as u64,
    },
    "what a customer buys",
);
static PAUSE: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 400 },
    "how long until the next customer comes",
);

const ORDERED_GOAL: Goal = Goal {
    name: "ordered",
    about: "something ran low",
};
const CRASHED: Goal = Goal {
    name: "crashed",
    about: "some object crashed",
};

/// What a customer does: data, so that a day can be written down, and repeated without some of it.
#[derive(Serialize, Deserialize)]
struct Sale {
    after_ms: u64,
    number: u64,
    item: String,
}

/// The customers of a day.
fn sales(draws: &Draws<'_>) -> Vec<Sale> {
    let sale = |number| {
        let customer = format!("customer {number}");
        Sale {
            after_ms: 1 + draws.draw(&PAUSE, customer.as_str()),
            number,
            item: ITEMS[draws.draw(&ITEM, customer.as_str()) as usize].to_owned(),
        }
    };
    (0..CUSTOMERS).map(sale).collect()
}

impl Scenario for Shop {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn goals(&self) -> &'static [Goal] {
        &[ORDERED_GOAL, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        self.classes
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let keeper = subscription(
                BINDING,
                &shop(),
                SLUG,
                "keeper".to_owned(),
                "keeper-subscription".to_owned(),
            );
            let mut opening = vec![keeper];
            opening
                .extend(ITEMS.map(|item| moved(DELIVERED, item, 5).keyed(format!("open/{item}"))));
            world.append(shop(), opening).await;
            for Sale {
                after_ms,
                number,
                item,
            } in world.operations("customers", sales)
            {
                world.sleep(after_ms).await;
                let sale = moved(SOLD, &item, 1).keyed(format!("sale/{number}"));
                drop(world.append(shop(), vec![sale]));
            }
        })
    }

    /// The first five hold for every scenario; the last one knows the shop.
    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &StateIsFold,
            &Orders,
            &Quiesces,
        ]
    }

    fn folds(&self) -> &'static [Fold] {
        const FOLDS: &[Fold] = &[Fold::of::<StockKeeper>()];
        FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let mut events = evidence.log(&shop()).iter();
        let ordered = events.any(|event| event.kind == ORDERED);
        let goals = [(ORDERED_GOAL, ordered), (CRASHED, evidence.crashes > 0)];
        let reached = goals.into_iter().filter(|(_, reached)| *reached);
        reached.map(|(goal, _)| goal.name).collect()
    }
}

fn shop() -> StreamName {
    StreamName::new("p1", StreamPath::parse("/shop").expect("a path"))
}

fn moved(kind: runtime::event::EventType, item: &str, count: i64) -> EventInput {
    let item = item.to_owned();
    EventInput::new(kind, Moved { item, count })
}

/// Reads the shop's log. Asserts that an item was ordered as often as it became low. Does not assert
/// how soon.
pub struct Orders;

impl Oracle for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn asserts(&self) -> &'static str {
        "an item is ordered as often as it becomes low"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let (mut shelf, mut due, mut placed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for event in evidence.log(&shop()) {
            if event.kind == ORDERED {
                let Ordered { item } = event.payload().expect("the keeper wrote it");
                *placed.entry(item).or_insert(0) += 1;
            } else if event.kind == SOLD || event.kind == DELIVERED {
                let Moved { item, count } = event.payload().expect("the workload wrote it");
                let change = if event.kind == SOLD { -count } else { count };
                let on_shelf = shelf.entry(item.clone()).or_insert(0);
                let was_low = *on_shelf < LOW;
                *on_shelf += change;
                if !was_low && *on_shelf < LOW {
                    *due.entry(item).or_insert(0) += 1;
                }
            }
        }
        let mut right = 0;
        for item in ITEMS {
            let count = |orders: &BTreeMap<String, u32>| orders.get(item).copied().unwrap_or(0);
            let (due, placed) = (count(&due), count(&placed));
            let message = format!("{item} became low {due} times, and was ordered {placed} times");
            if placed > due {
                return Err(Violation::safety("too-many", message));
            }
            if placed < due {
                return Err(Violation::liveness("missing", message));
            }
            right += u64::from(due);
        }
        Ok(right)
    }
}
