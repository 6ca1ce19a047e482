//! The JSONata reactor (spec §5.5).

use crate::review::Named;
use processors::jsonata_reactor::{contract::*, JsonataReactor};
use runtime::event::{EventInput, EventType, StreamName};
use semantics::Story;
use serde_json::json;

const STREAM: &str = "p1:/shop/orders";
const SHIPMENT: EventType = EventType::of("test/shipment");

pub fn stories() -> Vec<Named> {
    vec![
        ("rules", rules().tell()),
        ("below_the_anchor", below_the_anchor().tell()),
        ("redelivery", redelivery().tell()),
        ("runaway", runaway().tell()),
        ("bad_rule", bad_rule().tell()),
    ]
}

fn story(title: &str) -> Story<JsonataReactor> {
    Story::new(title, STREAM, |given| {
        JsonataReactor::new(given, &StreamName::parse(STREAM).expect("a name"))
    })
}

fn rule(slug: &str, matcher: &str, events: &str) -> EventInput {
    let reactions = json!([{ "type": "append-events", "events": events }]);
    EventInput::new(
        RULE_CONFIGURED,
        json!({ "slug": slug, "matcher": matcher, "reactions": reactions }),
    )
}

/// Orders are shipped.
fn shipping() -> EventInput {
    rule(
        "ship",
        "type = 'test/order'",
        "{'event': {'type': 'test/shipment', 'payload': {'of': offset, 'item': payload.item}}}",
    )
}

fn order(item: &str) -> EventInput {
    EventInput::new(EventType::of("test/order"), json!({ "item": item }))
}

fn rules() -> Story<JsonataReactor> {
    let announce = "{'streamPath': '../news', 'event': {'type': 'test/sold', \
                    'payload': payload.item, 'idempotencyKey': 'sold-' & payload.item}}";
    story("rules react in their order, here and elsewhere; one is replaced")
        .event(order("before any rule"))
        .event(shipping())
        .event(rule("announce", "payload.item", announce))
        .event(order("tea"))
        .event(rule("announce", "false", "[]"))
        .event(order("milk"))
}

fn below_the_anchor() -> Story<JsonataReactor> {
    story("rules below the anchor count, events there lead to nothing")
        .below_the_anchor(shipping())
        .below_the_anchor(order("old"))
        .event(order("new"))
}

fn redelivery() -> Story<JsonataReactor> {
    story("a batch that is delivered again reacts once (X-5)")
        .event(shipping())
        .losing_reply(SHIPMENT)
        .batch([order("tea"), order("milk")])
        .restart()
        .restart_from(1)
}

fn runaway() -> Story<JsonataReactor> {
    let echo = "{'event': {'type': 'test/order', 'payload': {}}}";
    story("a rule that matches what it appends comes to an end")
        .event(rule("echo", "type = 'test/order'", echo))
        .event(order("tea"))
}

fn bad_rule() -> Story<JsonataReactor> {
    story("what is no reaction fails the batch, and nothing of it is appended")
        .event(shipping())
        .event(rule(
            "bad",
            "type = 'test/order'",
            "{'type': 'test/shipment'}",
        ))
        .event(order("tea"))
}
