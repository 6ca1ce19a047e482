//! The envelope (spec §1.1): strict, and faithful.

use crate::support::{code, run};
use runtime::event::{Event, EventInput};
use serde_json::{json, Value};

fn parse(input: Value) -> Result<EventInput, String> {
    serde_json::from_value(input).map_err(|error| error.to_string())
}

/// An input with every field.
fn full() -> Value {
    json!({
        "type": "test/x",
        "payload": { "b": 1, "a": [null, 2.5] },
        "metadata": { "trace": "t-1" },
        "source": { "processor": { "slug": "adder", "version": "0.1.0" } },
        "idempotencyKey": "k",
        "offset": 3,
    })
}

fn full_with(field: &str, value: Value) -> Value {
    let mut input = full();
    input[field] = value;
    input
}

#[test]
fn every_field_round_trips() {
    let input = parse(full()).unwrap();
    assert_eq!(serde_json::to_value(&input).unwrap(), full());
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    for input in [
        full_with("createdAt", json!("2026-02-26T20:17:38.963Z")),
        full_with("source", json!({ "worker": "w" })),
        full_with(
            "source",
            json!({ "processor": { "slug": "a", "version": "1", "x": 1 } }),
        ),
    ] {
        assert!(parse(input).unwrap_err().contains("unknown field"));
    }
}

#[test]
fn a_type_is_required_and_is_text() {
    assert!(parse(json!({ "payload": 1 })).is_err());
    assert!(parse(json!({ "type": 7 })).is_err());
}

#[test]
fn a_blank_key_is_refused_and_others_are_trimmed() {
    assert!(parse(full_with("idempotencyKey", json!(" \n"))).is_err());
    let input = parse(full_with("idempotencyKey", json!(" k "))).unwrap();
    assert_eq!(input.idempotency_key.unwrap().as_str(), "k");
}

#[test]
fn an_offset_is_a_whole_number_from_0() {
    for offset in [json!(-1), json!(1.5), json!("3")] {
        assert!(parse(full_with("offset", offset)).is_err());
    }
}

#[test]
fn optional_fields_are_absent_or_given_but_never_null() {
    for field in ["metadata", "source", "idempotencyKey", "offset"] {
        assert!(parse(full_with(field, Value::Null)).is_err(), "{field}");
    }
    let bare = parse(json!({ "type": "test/x" })).unwrap();
    assert_eq!(
        serde_json::to_value(&bare).unwrap(),
        json!({ "type": "test/x" })
    );
}

#[test]
fn a_null_payload_is_kept_apart_from_an_absent_one() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let with_null = json!({ "type": "test/x", "payload": null });
        stream
            .append(json!([with_null, { "type": "test/x" }]))
            .await;
        stream.restart().await;
        let log = stream.log().await;
        assert_eq!(log[2].payload.as_deref(), Some(&Value::Null));
        assert_eq!(log[3].payload, None);
    });
}

/// M2 of the catalogue.
#[test]
fn t4_an_event_with_a_source_commits_and_reads_back() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let committed = stream.try_append(json!([full()])).await.unwrap();
        stream.restart().await;
        assert_eq!(stream.log().await[2], committed[0]);
        let mut expected = full();
        expected["createdAt"] = json!(committed[0].created_at);
        assert_eq!(serde_json::to_value(&committed[0]).unwrap(), expected);
    });
}

#[test]
fn a_committed_event_has_an_iso_time_in_utc_milliseconds() {
    let event = |created_at: &str| {
        let event = json!({ "type": "test/x", "offset": 3, "createdAt": created_at });
        serde_json::from_value::<Event>(event)
    };
    let parsed = event("2026-02-26T21:17:38.963+01:00").unwrap();
    let written = serde_json::to_value(&parsed).unwrap();
    assert_eq!(written["createdAt"], "2026-02-26T20:17:38.963Z");
    assert!(event("yesterday").is_err());
}

#[test]
fn the_stream_refuses_what_does_not_parse() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let refused = stream.try_append(json!([full_with("x", json!(1))])).await;
        assert_eq!(code(refused), "invalid-event");
        let refused = stream
            .ask("append", json!({ "event": { "type": 1 } }))
            .await;
        assert_eq!(code(refused), "invalid-event");
        assert_eq!(stream.log().await.len(), 2);
    });
}

/// serde alone would take a list for a struct: its fields' values, in their order.
#[test]
fn a_list_is_no_object() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let processor = json!({ "processor": ["adder", "0.1.0"] });
        for input in [
            json!(["test/x"]),
            full_with("source", json!([])),
            full_with("source", processor),
            full_with("metadata", json!([])),
        ] {
            let refused = stream.try_append(json!([input])).await;
            assert_eq!(code(refused), "invalid-event", "{input}");
        }
        assert_eq!(stream.append(json!([full()])).await, [3]);
    });
}

/// What a number was when it was appended, it is after a wake.
#[test]
fn numbers_read_back_to_the_last_digit() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let numbers = json!([
            3.102_709_140_823_619_6e218,
            0.1,
            1e-7,
            9_007_199_254_740_993_u64
        ]);
        let event = json!({ "type": "test/x", "payload": numbers });
        stream.append(json!([event])).await;
        stream.restart().await;
        assert_eq!(stream.log().await[2].payload.as_deref(), Some(&numbers));
    });
}
