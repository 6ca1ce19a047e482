//! The circuit breaker (spec §1.14).

use crate::review::Named;
use processors::circuit_breaker::{contract::*, CircuitBreaker};
use runtime::{
    event::{EventInput, EventType},
    stream::contract::{PAUSED, RESUMED, WOKEN},
};
use semantics::Story;
use serde_json::json;

pub fn stories() -> Vec<Named> {
    vec![
        ("flood", flood().tell()),
        (
            "tripped_below_the_anchor",
            tripped_below_the_anchor().tell(),
        ),
        ("lost_pause", lost_pause().tell()),
    ]
}

fn story(title: &str) -> Story<CircuitBreaker> {
    Story::new(title, "p1:/busy", CircuitBreaker::new)
}

/// A bucket of two tokens to which one comes each second.
fn configured() -> EventInput {
    let limits = json!({ "burstCapacity": 2, "refillRatePerMinute": 60 });
    EventInput::new(CONFIGURED, limits)
}

fn work() -> EventInput {
    EventInput::new(EventType::of("test/work"), json!({}))
}

fn resumed() -> EventInput {
    EventInput::new(RESUMED, json!({}))
}

fn flood() -> Story<CircuitBreaker> {
    story("a flood pauses the stream")
        .event(work())
        .event(configured())
        .event(work())
        .event(EventInput::new(WOKEN, json!({ "incarnationId": "1" })))
        .after_ms(500)
        .event(work())
        .batch([work(), work()])
        .event(resumed())
        .event(EventInput::new(PAUSED, json!({ "reason": "by hand" })))
}

fn tripped_below_the_anchor() -> Story<CircuitBreaker> {
    story("a breaker that tripped below its anchor trips on the next live event (M4)")
        .below_the_anchor(configured())
        .below_the_anchor(work())
        .below_the_anchor(work())
        .below_the_anchor(work())
        .connects()
}

fn lost_pause() -> Story<CircuitBreaker> {
    story("a pause that got lost is appended again")
        .event(configured())
        .losing_call(PAUSED)
        .batch([work(), work(), work()])
        .after_ms(1_000)
}
