//! The reactor of a stream as a durable object, named like the stream. A subscription brings it to life;
//! it sets nothing up itself.

use super::{contract::SLUG, processor::JsonataReactor};
use crate::hosting::HostedObject;
use runtime::{
    object::{Class, Context, Object},
    processor::ProcessorHost,
};
use std::rc::Rc;

pub const BINDING: &str = "JSONATA_REACTOR";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    let own = host.stream_name().clone();
    host.add(SLUG, |dependencies| JsonataReactor::new(dependencies, &own));
    HostedObject::new(host, Box::new(|_, _| None))
}
