//! The echo of a stream as a durable object, named like the stream. A subscription brings it to
//! life; it sets nothing up itself. Its one method of its own waits until the echo has heard what is in
//! the stream.

use super::{contract::SLUG, processor::EchoProcessor};
use crate::hosting::{HostedObject, Methods};
use runtime::{
    call::Argument,
    object::{Class, Context, Object, Reply},
    processor::ProcessorHost,
};
use std::rc::Rc;

pub const BINDING: &str = "ECHO";

/// Answers with [`CatchUp`](runtime::processor::CatchUp), or an error, after 5 s at the latest.
pub const CATCH_UP: &str = "catchUp";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, |dependencies| EchoProcessor::new(dependencies.stream));
    let waiting = host.clone();
    let methods: Methods = Box::new(move |method, _| {
        let host = waiting.clone();
        let caught_up = async move { Ok(Argument::json(host.catch_up(SLUG).await?)) };
        (method == CATCH_UP).then(|| Box::pin(caught_up) as Reply)
    });
    HostedObject::new(host, methods)
}
