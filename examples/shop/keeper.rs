//! The stock keeper: when an item becomes low, it orders more.
//!
//! The order is registered with `hook.block`: the checkpoint does not pass the sale before the order
//! stands in the stream. If the object dies in between, the sale is delivered again, and the order is
//! placed again under the same key, which the stream takes once.
//!
//! The careless keeper registers it with `hook.background`: whoever crashes then has a checkpoint
//! behind the sale, and nobody orders.

use super::contract::*;
use runtime::{
    event::{Event, EventInput, PayloadError},
    processor::{Contract, Hook, Processor, Reduced, StreamPort},
};
use std::rc::Rc;

/// A movement of an item, with its sign.
pub struct Movement {
    item: String,
    change: i64,
}

pub struct StockKeeper {
    pub stream: Rc<dyn StreamPort>,
    pub is_careful: bool,
}

impl Processor for StockKeeper {
    type State = Stock;
    type Consumed = Movement;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Movement, PayloadError> {
        let Moved { item, count } = event.payload()?;
        let change = if event.kind == SOLD { -count } else { count };
        Ok(Movement { item, change })
    }

    fn reduce(stock: &mut Stock, _event: &Event, movement: &Movement) {
        let on_shelf = stock.on_shelf.entry(movement.item.clone()).or_default();
        *on_shelf += movement.change;
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let item = &reduced.consumed.item;
        let was_low = reduced.previous_state.is_low(item);
        if was_low || !reduced.state.is_low(item) {
            return;
        }
        let order = EventInput::new(ORDERED, Ordered { item: item.clone() })
            .keyed(CONTRACT.key_at("ordered", reduced.event.offset));
        let stream = self.stream.clone();
        let place = async move {
            stream.append_batch(None, vec![order]).await?;
            Ok(())
        };
        match self.is_careful {
            true => hook.block(place),
            false => hook.background("order", place),
        }
    }
}
