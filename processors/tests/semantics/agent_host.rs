//! The agent host (spec §5.3).

use crate::review::Named;
use processors::agent_host::AgentHostProcessor;
use runtime::{
    call::{Argument, CallError},
    event::{EventInput, StreamName},
    stream::contract::CHILD_STREAM_CREATED,
};
use semantics::Story;
use serde_json::json;
use std::cell::Cell;

const STREAM: &str = "p1:/agents/a";

pub fn stories() -> Vec<Named> {
    vec![("children", children().tell())]
}

fn created(path: &str) -> EventInput {
    EventInput::new(CHILD_STREAM_CREATED, json!({ "childPath": path }))
}

fn children() -> Story<AgentHostProcessor> {
    let is_down = Cell::new(true);
    Story::new("streams below an agent's become agents", STREAM, |given| {
        AgentHostProcessor::new(given, &StreamName::parse(STREAM).expect("a name"))
    })
    .callee(move |_| match is_down.replace(false) {
        true => Err(CallError::Overloaded("not now".to_owned())),
        false => Ok(Argument::NULL),
    })
    .below_the_anchor(created("/agents/a/old"))
    .event(created("/agents/a/b"))
    .restart()
    .event(created("/agents/a/itx/c"))
}
