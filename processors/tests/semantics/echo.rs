//! The echo (spec §1.14).

use crate::review::Named;
use processors::echo::{contract::*, EchoProcessor};
use runtime::event::{EventInput, EventType};
use semantics::Story;
use serde_json::json;

pub fn stories() -> Vec<Named> {
    vec![("echo", echo().tell())]
}

fn example(message: &str) -> EventInput {
    EventInput::new(EXAMPLE, json!({ "message": message }))
}

fn echo() -> Story<EchoProcessor> {
    Story::new("examples are echoed, each once", "p1:/loud", |given| {
        EchoProcessor::new(given.stream)
    })
    .below_the_anchor(example("old"))
    .event(example("one"))
    .event(EventInput::new(EventType::of("test/other"), 7))
    .losing_reply(ECHOED)
    .batch([example("two"), example("three")])
    .restart_from(2)
}
