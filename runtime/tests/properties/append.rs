//! Whatever append takes also reduces, reads back as it was given, and is a consumable event; what it
//! refuses has changed nothing (spec §1.1–§1.3; M2).

use crate::{
    strategies::{cases, draft, events, Draft},
    support::{run, Stream},
};
use proptest::{collection::vec, prelude::*};
use runtime::{
    event::{Event, Timestamp},
    stream::CoreState,
};
use serde_json::{json, Map, Value};

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn what_is_taken_reduces_and_what_is_refused_changes_nothing(
        batches in vec(vec(draft(), 0..5), 1..6),
    ) {
        run(|world| async move {
            let stream = world.stream("p1:/a");
            stream.runtime_state().await;
            for drafts in batches {
                append(&stream, &drafts).await;
            }
            rebuilds(&stream).await;
        });
    }
}

/// Everything that an append could change: the log as it is read, its rows, the stored state.
#[derive(Debug, PartialEq)]
struct Evidence {
    log: Vec<Event>,
    rows: String,
    state: Option<String>,
}

impl Evidence {
    async fn of(stream: &Stream) -> Self {
        let disk = stream.world.disk(&stream.name);
        let tables = ["events", "event_chunks", "event_keys"];
        Evidence {
            log: stream.log().await,
            rows: format!("{:?}", tables.map(|table| disk.rows(table))),
            state: disk.kv("state"),
        }
    }
}

async fn append(stream: &Stream, drafts: &[Draft]) {
    let before = Evidence::of(stream).await;
    let given = events(drafts, before.log.len() as u64);
    let outcome = stream.try_append(json!(given)).await;
    let after = Evidence::of(stream).await;
    let Ok(taken) = outcome else {
        assert_eq!(after, before, "a refused batch changed something");
        return;
    };
    assert_eq!(taken.len(), given.len());
    let mut log = before.log;
    for (event, given) in taken.iter().zip(&given) {
        let place = event.offset.0 as usize - 1;
        if place == log.len() {
            assert_as_given(event, given);
            log.push(event.clone());
        }
        let hit = given.get("idempotencyKey").and_then(Value::as_str);
        let key = event.idempotency_key.as_ref();
        assert_eq!(key.map(|key| key.as_str()), hit.map(str::trim));
        assert_eq!(&log[place], event, "the result is what the log holds");
    }
    assert_eq!(after.log, log, "nothing else was appended");
    stream.world.settle().await;
}

/// A committed event is the input, with an offset and a time, and passes for a consumed event.
fn assert_as_given(event: &Event, given: &Value) {
    let mut committed = json(event);
    assert_consumable(&committed);
    let offset = committed.remove("offset").expect("checked");
    committed.remove("createdAt");
    let mut given = given.as_object().expect("it was taken").clone();
    if let Some(precondition) = given.remove("offset") {
        assert_eq!(precondition, offset);
    }
    if let Some(Value::String(key)) = given.get_mut("idempotencyKey") {
        *key = key.trim().to_owned();
    }
    assert_eq!(committed, given);
}

fn json(event: &Event) -> Map<String, Value> {
    let Ok(Value::Object(fields)) = serde_json::to_value(event) else {
        panic!("an event is an object");
    };
    fields
}

/// The schema of a consumed event, written out by hand.
fn assert_consumable(fields: &Map<String, Value>) {
    for (name, value) in fields {
        let fits = match (name.as_str(), value) {
            ("type", Value::String(_)) | ("payload", _) | ("metadata", Value::Object(_)) => true,
            ("source", Value::Object(source)) => source.iter().all(is_processor),
            ("idempotencyKey", Value::String(key)) => !key.is_empty() && key.trim() == key,
            ("offset", offset) => offset.is_u64(),
            ("createdAt", Value::String(at)) => {
                at.ends_with('Z') && serde_json::from_value::<Timestamp>(json!(at)).is_ok()
            }
            _ => false,
        };
        assert!(fits, "{name}: {value}");
    }
    for required in ["type", "offset", "createdAt"] {
        assert!(fields.contains_key(required), "{required}");
    }
}

fn is_processor((name, value): (&String, &Value)) -> bool {
    let names: Option<Vec<_>> = value.as_object().map(|fields| fields.keys().collect());
    name == "processor" && names.is_some_and(|names| names == ["slug", "version"])
}

/// A later incarnation finds the rows only, and reduces them all.
async fn rebuilds(stream: &Stream) {
    let before = stream.log().await;
    assert_eq!(stream.state().await, folded(&before), "live");
    stream.world.crash(&stream.name);
    let disk = stream.world.disk(&stream.name);
    disk.tamper("state", None);
    let state = stream.state().await;
    let after = stream.log().await;
    assert_eq!(state, folded(&after), "rebuilt");
    assert_eq!(after[..before.len()], before, "read back");
}

/// The state after a log, as the reducer alone has it.
pub fn folded(log: &[Event]) -> Value {
    let mut state = CoreState::default();
    for event in log {
        state.reduce(event).expect("a committed event reduces");
    }
    json!(state)
}
