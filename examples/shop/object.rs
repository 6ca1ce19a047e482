//! The durable object that hosts the keeper. It has the name of its stream, and comes to life when
//! the stream dials it; checkpoint, subscription, replay and recovery are the host's.

use super::{contract::SLUG, keeper::StockKeeper};
use processors::hosting::HostedObject;
use runtime::{
    object::{Class, Context, Object},
    processor::ProcessorHost,
};
use std::rc::Rc;

/// What a subscription names.
pub const BINDING: &str = "SHOP";

pub const CAREFUL: Class = Class {
    binding: BINDING,
    construct: |context| construct(context, true),
};

pub const CARELESS: Class = Class {
    binding: BINDING,
    construct: |context| construct(context, false),
};

fn construct(context: Context, is_careful: bool) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, |dependencies| StockKeeper {
        stream: dependencies.stream,
        is_careful,
    });
    HostedObject::new(host, Box::new(|_, _| None))
}
