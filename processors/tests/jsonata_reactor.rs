//! The JSONata reactor, case by case (spec §5.5, §7.6; bugs X-5, B-37).

mod support;

use processors::jsonata_reactor::{
    contract::*,
    reaction::{DEPTH_KEY, DEPTH_MAX},
    JsonataReactor,
};
use runtime::{
    event::{Event, EventInput, EventType, Offset, StreamName},
    processor::Processor,
    quirk::Quirk,
    stream::contract::{ERROR_OCCURRED, PAUSED, RESUMED},
};
use serde_json::{json, Value};
use std::sync::Arc;
use support::{connected, key, payload, run, stream::Fault, Bench, Setting};

const ORDER: EventType = EventType::of("test/order");
const SHIPMENT: EventType = EventType::of("test/shipment");
const OWN: &str = "p1:/shop/orders";

type Reactor = Bench<JsonataReactor>;

fn reactor() -> Reactor {
    reactor_with(Setting::default())
}

fn reactor_with(setting: Setting) -> Reactor {
    let own = StreamName::parse(OWN).unwrap();
    Bench::with(move |given| JsonataReactor::new(given, &own), setting)
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
    EventInput::new(ORDER, json!({ "item": item }))
}

fn shipments(reactor: &Reactor) -> Vec<Value> {
    let appended = reactor.appended(&SHIPMENT);
    appended.iter().map(|event| payload(event)).collect()
}

fn kinds_and_keys(events: &[Arc<Event>]) -> Vec<String> {
    let named = |event: &Arc<Event>| format!("{} {}", event.kind, key(event));
    events.iter().map(named).collect()
}

/// The batch fails, with this in its message, and leaves nothing behind.
async fn fails(reactor: &Reactor, expected: &str) {
    let (events, checkpoint) = (reactor.stream.all().len(), reactor.checkpoint());
    let error = reactor.try_deliver().await.unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.is_transient());
    assert_eq!(reactor.stream.all().len(), events);
    assert_eq!(reactor.checkpoint(), checkpoint);
}

#[test]
fn the_contract_and_the_initial_state_are_those_of_the_spec() {
    assert_eq!(JsonataReactor::contract().slug, "jsonata-reactor");
    assert_eq!(CONTRACT.check(), Ok(()));
    let initial = serde_json::to_value(State::default()).unwrap();
    assert_eq!(initial, json!({ "rulesBySlug": {} }));
}

#[test]
fn a_matching_rule_appends_what_it_computes() {
    run(|| async {
        let reactor = reactor();
        reactor.say(shipping()).await;
        reactor.say(order("tea")).await;
        reactor.deliver().await;
        assert_eq!(shipments(&reactor), [json!({ "of": 2, "item": "tea" })]);
        let shipment = &reactor.appended(&SHIPMENT)[0];
        assert_eq!(key(shipment), "jsonata-reactor/reaction/ship/0/0@2");
        let depth = &shipment.metadata.as_ref().unwrap()[DEPTH_KEY];
        assert_eq!(*depth, json!(1));
    });
}

#[test]
fn an_event_that_does_not_match_leads_to_nothing() {
    run(|| async {
        let reactor = reactor();
        reactor.say(shipping()).await;
        let at = reactor.say(EventInput::new(SHIPMENT, json!({}))).await;
        assert_eq!(reactor.checkpoint(), at);
        assert_eq!(reactor.stream.all().len(), 2);
    });
}

#[test]
fn rule_events_lead_to_nothing() {
    run(|| async {
        let reactor = reactor();
        let all = rule(
            "all",
            "true",
            "{'event': {'type': 'test/seen', 'payload': null}}",
        );
        reactor.say(all.clone()).await;
        reactor.say(shipping()).await;
        reactor.say(all).await;
        assert_eq!(reactor.stream.all().len(), 3);
    });
}

#[test]
fn a_rule_applies_from_its_event_on() {
    run(|| async {
        let reactor = reactor();
        for event in [order("before"), shipping(), order("after")] {
            reactor.stream.push(event);
        }
        reactor.deliver().await;
        assert_eq!(shipments(&reactor), [json!({ "of": 3, "item": "after" })]);
    });
}

#[test]
fn a_rule_that_is_configured_anew_replaces_the_old_one() {
    run(|| async {
        let reactor = reactor();
        reactor.say(shipping()).await;
        let other = "{'event': {'type': 'test/other', 'payload': {}}}";
        reactor
            .say(rule("ship", "type = 'test/order'", other))
            .await;
        reactor.say(order("tea")).await;
        assert_eq!(reactor.count(&SHIPMENT), 0);
        assert_eq!(reactor.count(&EventType::of("test/other")), 1);
    });
}

#[test]
fn an_event_below_the_anchor_leads_to_nothing_and_its_rules_count() {
    run(|| async {
        let setting = Setting {
            anchor: 2,
            ..Setting::default()
        };
        let reactor = reactor_with(setting);
        for event in [shipping(), order("old"), order("new")] {
            reactor.stream.push(event);
        }
        reactor.deliver().await;
        assert_eq!(shipments(&reactor), [json!({ "of": 3, "item": "new" })]);
    });
}

#[test]
fn rules_react_in_the_order_in_which_they_were_first_configured() {
    run(|| async {
        let reactor = reactor();
        let says = |slug: &str, what: &str| {
            let events = format!("{{'event': {{'type': 'test/{what}', 'payload': null}}}}");
            rule(slug, "type = 'test/order'", &events)
        };
        for event in [says("z", "z"), says("a", "a"), says("z", "again")] {
            reactor.say(event).await;
        }
        for item in ["tea", "milk"] {
            reactor.stream.push(order(item));
        }
        reactor.deliver().await;
        assert_eq!(
            kinds_and_keys(&reactor.stream.all()[5..]),
            [
                "test/again jsonata-reactor/reaction/z/0/0@4",
                "test/a jsonata-reactor/reaction/a/0/0@4",
                "test/again jsonata-reactor/reaction/z/0/0@5",
                "test/a jsonata-reactor/reaction/a/0/0@5",
            ]
        );
    });
}

#[test]
fn a_reaction_is_one_event_or_a_list_or_nothing() {
    run(|| async {
        let reactor = reactor();
        let each = "payload.items.{'event': {'type': 'test/shipment', 'payload': {'item': $}}}";
        reactor.say(rule("each", "payload.items", each)).await;
        for items in [json!(["a", "b"]), json!(["c"]), json!([])] {
            let many = EventInput::new(ORDER, json!({ "items": items }));
            reactor.say(many).await;
        }
        let items: Vec<Value> = shipments(&reactor)
            .iter()
            .map(|shipment| shipment["item"].clone())
            .collect();
        assert_eq!(items, ["a", "b", "c"]);
        assert_eq!(
            key(&reactor.appended(&SHIPMENT)[1]),
            "jsonata-reactor/reaction/each/0/1@2"
        );
    });
}

#[test]
fn a_rule_may_have_several_reactions() {
    run(|| async {
        let reactor = reactor();
        let says = |what: &str| {
            let events = format!("{{'event': {{'type': 'test/{what}', 'payload': null}}}}");
            json!({ "type": "append-events", "events": events })
        };
        let two = json!({
            "slug": "two", "matcher": "type = 'test/order'", "reactions": [says("one"), says("two")],
        });
        reactor.say(EventInput::new(RULE_CONFIGURED, two)).await;
        reactor.say(order("tea")).await;
        assert_eq!(
            kinds_and_keys(&reactor.stream.all()[2..]),
            [
                "test/one jsonata-reactor/reaction/two/0/0@2",
                "test/two jsonata-reactor/reaction/two/1/0@2",
            ]
        );
    });
}

#[test]
fn a_stream_path_is_passed_through_and_resolved_against_the_own_one() {
    run(|| async {
        let reactor = reactor();
        for (slug, path) in [
            ("up", "../depot"),
            ("down", "late"),
            ("own", "/shop/orders"),
        ] {
            let events = format!(
                "{{'streamPath': '{path}', 'event': {{'type': 'test/shipment', 'payload': {{}}}}}}"
            );
            reactor
                .say(rule(slug, "type = 'test/order'", &events))
                .await;
        }
        reactor.stream.clock_ms.set(77);
        reactor.say(order("tea")).await;
        assert_eq!(
            kinds_and_keys(&reactor.stream.at("/shop/depot").all()),
            ["test/shipment jsonata-reactor/reaction/up/0/0//shop/orders/77@4"]
        );
        assert_eq!(reactor.stream.at("/shop/orders/late").all().len(), 1);
        assert_eq!(
            kinds_and_keys(&reactor.appended(&SHIPMENT)),
            ["test/shipment jsonata-reactor/reaction/own/0/0@4"]
        );
    });
}

#[test]
fn what_a_reaction_says_of_itself_is_kept() {
    run(|| async {
        let reactor = reactor();
        let events = "{'event': {'type': ' test/shipment ', 'payload': 7, 'metadata': {'a': 1}, \
                      'idempotencyKey': 'ship-' & payload.item}}";
        reactor
            .say(rule("ship", "type = 'test/order'", events))
            .await;
        reactor.say(order("tea")).await;
        reactor.say(order("tea")).await;
        let shipments = reactor.appended(&SHIPMENT);
        assert_eq!(shipments.len(), 1, "the rule's own key");
        assert_eq!(key(&shipments[0]), "ship-tea");
        assert_eq!(payload(&shipments[0]), json!(7));
        let metadata = shipments[0].metadata.clone().unwrap();
        assert_eq!(Value::from(metadata), json!({ "a": 1, DEPTH_KEY: 1 }));
    });
}

/// the batch fails after its first reaction, or its checkpoint is lost.
#[test]
fn a_batch_that_is_delivered_again_reacts_once() {
    for fault in [Fault::LostCall, Fault::LostReply] {
        run(|| async move {
            let reactor = reactor();
            reactor.say(shipping()).await;
            reactor.stream.fail_next(SHIPMENT, fault);
            reactor.stream.push(order("tea"));
            reactor.stream.push(order("milk"));
            let error = reactor.try_deliver().await.unwrap_err();
            assert!(error.is_transient());
            reactor.deliver().await;
            reactor.restart_losing(1);
            reactor.deliver().await;
            assert_eq!(
                shipments(&reactor),
                [
                    json!({ "of": 2, "item": "tea" }),
                    json!({ "of": 3, "item": "milk" })
                ]
            );
        });
    }
}

#[test]
fn with_its_quirk_on_a_batch_that_is_delivered_again_reacts_again() {
    run(|| async {
        let setting = Setting {
            quirk: Some(Quirk::X5),
            ..Setting::default()
        };
        let reactor = reactor_with(setting);
        reactor.say(shipping()).await;
        reactor.stream.fail_next(SHIPMENT, Fault::LostReply);
        reactor.stream.push(order("tea"));
        reactor.try_deliver().await.unwrap_err();
        reactor.deliver().await;
        assert_eq!(reactor.count(&SHIPMENT), 2);
        assert_eq!(key(&reactor.appended(&SHIPMENT)[0]), "");
    });
}

/// Without keys of place and time, the second log's reaction would hit the first one's key.
#[test]
fn a_log_that_began_anew_reacts_on_other_streams_again() {
    run(|| async {
        let elsewhere = || {
            rule(
                "ship",
                "type = 'test/order'",
                "{'streamPath': '/depot', 'event': {'type': 'test/shipment', 'payload': {}}}",
            )
        };
        let mut keys = Vec::new();
        for began_ms in [1_000, 2_000] {
            let reactor = reactor();
            reactor.stream.clock_ms.set(began_ms);
            reactor.say(elsewhere()).await;
            reactor.say(order("tea")).await;
            keys.extend(kinds_and_keys(&reactor.stream.at("/depot").all()));
        }
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1]);
    });
}

#[test]
fn what_is_no_reaction_fails_the_batch_and_leaves_nothing() {
    for (events, expected) in [
        ("'text'", "no reaction"),
        ("null", "no reaction"),
        ("{'type': 'test/shipment', 'payload': {}}", "unknown field"),
        (
            "{'event': {'type': '', 'payload': {}}}",
            "must not be blank",
        ),
        ("{'event': {'type': 'test/x'}}", "missing field `payload`"),
        (
            "{'event': {'type': 'test/x', 'payload': 1, 'offset': 1}}",
            "unknown field `offset`",
        ),
        (
            "{'event': {'type': 'test/x', 'payload': 1, 'idempotencyKey': ' '}}",
            "must not be blank",
        ),
        (
            "{'streamPath': '../../..', 'event': {'type': 'test/x', 'payload': 1}}",
            "escapes",
        ),
        (
            "[{'event': {'type': 'test/x', 'payload': 1}}, 7]",
            "no reaction",
        ),
        ("$error('sorry')", "sorry"),
        ("(", "JSONata"),
    ] {
        run(|| async move {
            let reactor = reactor();
            reactor.say(shipping()).await;
            reactor
                .say(rule("bad", "type = 'test/order'", events))
                .await;
            reactor
                .stream
                .push(EventInput::new(ORDER, json!({ "item": "tea" })));
            fails(&reactor, expected).await;
        });
    }
}

#[test]
fn a_matcher_that_cannot_be_evaluated_fails_the_batch() {
    run(|| async {
        let reactor = reactor();
        reactor.say(rule("bad", "$error('no')", "[]")).await;
        reactor.stream.push(order("tea"));
        fails(&reactor, "rule \"bad\"").await;
    });
}

#[test]
fn a_rule_event_of_another_shape_fails_its_batch() {
    let reaction = |kind: &str| json!({ "type": kind, "events": "[]" });
    for misfit in [
        json!({ "slug": " ", "matcher": "true", "reactions": [] }),
        json!({ "slug": "a", "matcher": "", "reactions": [] }),
        json!({ "slug": "a", "matcher": "true" }),
        json!({ "slug": "a", "matcher": "true", "reactions": [reaction("send-mail")] }),
        json!({ "slug": "a", "matcher": "true", "reactions": [["append-events", "[]"]] }),
        json!({ "slug": "a", "matcher": "true", "reactions": [], "more": 1 }),
    ] {
        run(|| async move {
            let reactor = reactor();
            reactor
                .stream
                .push(EventInput::new(RULE_CONFIGURED, misfit));
            fails(&reactor, "rule-configured").await;
        });
    }
}

#[test]
fn a_paused_stream_holds_the_batch_until_it_is_resumed() {
    run(|| async {
        let reactor = reactor();
        reactor.say(shipping()).await;
        reactor.stream.push(order("tea"));
        reactor.stream.push(EventInput::new(PAUSED, json!({})));
        assert!(reactor.try_deliver().await.unwrap_err().is_paused());
        reactor.stream.push(EventInput::new(RESUMED, json!({})));
        reactor.deliver().await;
        assert_eq!(reactor.count(&SHIPMENT), 1);
    });
}

/// Delivers until nothing is left, at most so often.
async fn deliver_all(reactor: &Reactor, batches_max: u32) {
    for _ in 0..batches_max {
        reactor.deliver().await;
        if reactor.checkpoint() == Offset(reactor.stream.all().len() as u64) {
            return;
        }
    }
    panic!("after {batches_max} batches there is more to deliver");
}

#[test]
fn a_rule_that_matches_what_it_appends_comes_to_an_end_and_says_so_once() {
    run(|| async {
        let reactor = reactor();
        let echo = "{'event': {'type': 'test/order', 'payload': {}}}";
        reactor.say(rule("echo", "type = 'test/order'", echo)).await;
        reactor.stream.push(order("tea"));
        deliver_all(&reactor, 20).await;
        assert_eq!(reactor.count(&ORDER) as u64, 1 + DEPTH_MAX);
        let errors = reactor.appended(&ERROR_OCCURRED);
        assert_eq!(
            kinds_and_keys(&errors),
            [format!(
                "{ERROR_OCCURRED} jsonata-reactor/reactions-stopped@10"
            )]
        );
        let message = payload(&errors[0])["message"].to_string();
        assert!(
            message.contains("rule \\\"echo\\\" is not applied"),
            "{message}"
        );
    });
}

/// What says that it stopped is an event, too, and so is the connection of a subscriber.
#[test]
fn a_rule_that_matches_everything_comes_to_an_end() {
    run(|| async {
        let reactor = reactor();
        let seen = "{'event': {'type': 'test/seen', 'payload': {}}}";
        reactor.say(rule("all", "true", seen)).await;
        reactor.stream.push(connected("jsonata-reactor"));
        deliver_all(&reactor, 20).await;
        assert_eq!(reactor.count(&EventType::of("test/seen")) as u64, DEPTH_MAX);
        assert_eq!(reactor.count(&ERROR_OCCURRED), 1);
    });
}

/// A countdown is no runaway.
#[test]
fn a_recursion_that_ends_by_itself_is_let_run() {
    run(|| async {
        let reactor = reactor();
        let less = "{'event': {'type': 'test/order', 'payload': {'n': payload.n - 1}}}";
        reactor.say(rule("less", "payload.n > 0", less)).await;
        reactor
            .stream
            .push(EventInput::new(ORDER, json!({ "n": DEPTH_MAX })));
        deliver_all(&reactor, 20).await;
        assert_eq!(payload(reactor.appended(&ORDER).last().unwrap())["n"], 0);
        assert_eq!(reactor.count(&ERROR_OCCURRED), 0);
    });
}

#[test]
fn the_depth_of_a_reaction_goes_with_it_to_other_streams() {
    run(|| async {
        let reactor = reactor();
        let elsewhere =
            "{'streamPath': '/depot', 'event': {'type': 'test/shipment', 'payload': {}}}";
        reactor
            .say(rule("ship", "type = 'test/order'", elsewhere))
            .await;
        let mut came = order("tea");
        came.metadata = Some([(DEPTH_KEY.to_owned(), json!(3))].into_iter().collect());
        reactor.say(came).await;
        let there = &reactor.stream.at("/depot").all()[0];
        assert_eq!(there.metadata.as_ref().unwrap()[DEPTH_KEY], json!(4));
    });
}

/// The place of a rule survives the checkpoint.
#[test]
fn the_order_of_rules_survives_a_restart() {
    run(|| async {
        let reactor = reactor();
        for slug in ["z", "a"] {
            let events = format!("{{'event': {{'type': 'test/{slug}', 'payload': null}}}}");
            reactor
                .say(rule(slug, "type = 'test/order'", &events))
                .await;
        }
        reactor.restart();
        reactor.say(order("tea")).await;
        let kinds: Vec<String> = reactor.stream.all()[3..]
            .iter()
            .map(|event| event.kind.to_string())
            .collect();
        assert_eq!(kinds, ["test/z", "test/a"]);
    });
}
