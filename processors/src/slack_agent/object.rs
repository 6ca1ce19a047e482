//! The Slack agent as a durable object, named like its thread's stream. The router's subscription
//! brings it to life; it sets nothing up itself.

use super::{contract::SLUG, processor::SlackAgent, signal::Signals};
use crate::hosting::HostedObject;
use runtime::{
    object::{Class, Context, Object},
    processor::ProcessorHost,
};
use std::rc::Rc;

pub const BINDING: &str = "SLACK_AGENT";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, |dependencies| {
        SlackAgent::new(dependencies.stream, Signals::new(dependencies.context))
    });
    HostedObject::new(host, Box::new(|_, _| None))
}
