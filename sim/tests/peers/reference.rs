//! The published shapes (the folder `shared/data` beside the repository): OpenAI's schema, and the
//! keys of Slack's replies and deliveries. Where the folder is absent, the checks say so and pass.

use jsonschema::Validator;
use serde_json::{json, Value};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
};

pub fn find(name: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data").join(name))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: there is no shared/data/{name}");
    }
    found
}

fn read(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(find(name)?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The schema of one definition, such as `ResponsesServerEvent`.
pub fn openai_schema(definition: &str) -> Option<Validator> {
    let mut schema = read("openai-responses.schema.json")?;
    // A word of the 2019 draft, left in a filter of tools that the fake does not have.
    let filter = schema["$defs"]["CompoundFilter"].as_object_mut().unwrap();
    filter.remove("$recursiveAnchor");
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/$defs/{definition}"),
        "$defs": schema["$defs"],
    });
    Some(jsonschema::validator_for(&root).unwrap())
}

/// What something that OpenAI sends ought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// On a WebSocket.
    ServerEvent,
    /// In a stream.
    StreamEvent,
    /// A whole body.
    Response,
    /// What a body has below `error`.
    Error,
}

impl Shape {
    const COUNT: usize = Shape::Error as usize + 1;

    const fn definition(self) -> &'static str {
        match self {
            Shape::ServerEvent => "ResponsesServerEvent",
            Shape::StreamEvent => "ResponseStreamEvent",
            Shape::Response => "Response",
            Shape::Error => "ErrorPayload",
        }
    }
}

/// Everything by its schema; an event on a WebSocket that is no error by that of streams, too.
pub fn check_openai(sent: &[(Shape, Value)]) {
    static SCHEMAS: [OnceLock<Option<Validator>>; Shape::COUNT] =
        [const { OnceLock::new() }; Shape::COUNT];
    let is_valid = |shape: Shape, value: &Value| {
        let schema = SCHEMAS[shape as usize].get_or_init(|| openai_schema(shape.definition()));
        schema.as_ref().is_none_or(|schema| schema.is_valid(value))
    };
    for (shape, value) in sent {
        let is_valid = match shape {
            Shape::ServerEvent if value["type"] != "error" => {
                is_valid(*shape, value) && is_valid(Shape::StreamEvent, value)
            }
            shape => is_valid(*shape, value),
        };
        assert!(is_valid, "no {shape:?}: {value:#}");
    }
}

/// Every key of `value` is one that the reference of this name has at `pointer`.
pub fn check_slack_keys(name: &str, pointer: &str, value: &Value) {
    check_slack_keys_of(&[name], pointer, value);
}

/// As [`check_slack_keys`], for several references taken together.
pub fn check_slack_keys_of(names: &[&str], pointer: &str, value: &Value) {
    let mut known = BTreeSet::new();
    for name in names {
        let Some(shape) = read(&format!("slack-shapes/{name}.json")) else {
            return;
        };
        let place = shape.pointer(pointer).expect("the reference has the place");
        known.extend(place.as_object().unwrap().keys().cloned());
    }
    let keys: BTreeSet<String> = value
        .as_object()
        .unwrap_or_else(|| panic!("{value} is an object"))
        .keys()
        .cloned()
        .collect();
    let unknown: Vec<_> = keys.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "{names:?}{pointer} has no {unknown:?}, but {value:#} does"
    );
}

#[test]
fn the_schema_turns_a_wrong_event_down() {
    let Some(schema) = openai_schema("ResponsesServerEvent") else {
        return;
    };
    assert!(!schema.is_valid(&json!({"type": "response.created", "sequence_number": 0})));
    assert!(!schema.is_valid(&json!({"type": "response.output_text.delta"})));
}
