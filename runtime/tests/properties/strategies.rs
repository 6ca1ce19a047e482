//! What is generated: JSON, events as appenders hand them in, batches of them, paths; and how many
//! cases.

use crate::support::configure;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed},
};
use runtime::event::EventType;
use serde_json::{json, Map, Value};

/// So many cases, the same in every run. A failing case is printed, and written nowhere.
pub fn cases(cases: u32) -> Config {
    let chosen = Config::default();
    Config {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => chosen.cases,
            None => cases,
        },
        rng_seed: match chosen.rng_seed {
            RngSeed::Random => RngSeed::Fixed(0x5EED),
            fixed => fixed,
        },
        failure_persistence: None,
        ..chosen
    }
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]{1,3}",
        1 => Just(String::new()),
        1 => Just(" \t".to_owned()),
        1 => Just(" ä€ ".to_owned()),
        1 => Just("\"\\/\u{0}\u{7f}\u{2028}".to_owned()),
        1 => any::<String>(),
    ]
}

pub fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i64..100).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1e3..1e3f64).prop_map(Value::from),
    ]
}

/// Any JSON, nested.
pub fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            map_of(inner).prop_map(Value::from),
        ]
    })
}

fn map_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    btree_map(text(), values, 0..4).prop_map(|map| map.into_iter().collect())
}

/// An event as it is handed in: which offset it asks for is known when its stream is.
#[derive(Clone, Debug)]
pub struct Draft {
    pub fields: Map<String, Value>,
    pub precondition: Precondition,
}

#[derive(Clone, Copy, Debug)]
pub enum Precondition {
    None,
    /// The offset that the event will get, if everything before it in the batch is new.
    Next,
    Absolute(u64),
}

impl Draft {
    /// The event as JSON, at that place of a batch on top of `head`.
    pub fn event(&self, head: u64, place: usize) -> Value {
        let mut fields = self.fields.clone();
        let offset = match self.precondition {
            Precondition::None => None,
            Precondition::Next => Some(head + 1 + place as u64),
            Precondition::Absolute(offset) => Some(offset),
        };
        if let Some(offset) = offset {
            fields.insert("offset".to_owned(), json!(offset));
        }
        Value::Object(fields)
    }
}

/// The events of a batch, as JSON.
pub fn events(drafts: &[Draft], head: u64) -> Vec<Value> {
    let placed = drafts.iter().zip(0..);
    placed
        .map(|(draft, place)| draft.event(head, place))
        .collect()
}

/// An event that may be refused, for any of the reasons that there are.
pub fn draft() -> impl Strategy<Value = Draft> {
    let precondition = prop_oneof![
        16 => Just(Precondition::None),
        4 => Just(Precondition::Next),
        1 => (0u64..20).prop_map(Precondition::Absolute),
    ];
    let fields = prop_oneof![12 => any_event(), 6 => core_event(), 1 => misshapen_event()];
    (fields, precondition).prop_map(|(fields, precondition)| Draft {
        fields,
        precondition,
    })
}

/// An event that any stream takes which is not paused, unless its key is known.
pub fn domain_event() -> impl Strategy<Value = Value> {
    any_event().prop_map(Value::Object)
}

/// An event of the core with a payload that fits, but for those that pause and resume.
pub fn sound_core_event() -> impl Strategy<Value = Value> {
    let sound = select(sound_core_payloads());
    sound.prop_map(|(kind, payload)| json!({ "type": core(kind), "payload": payload }))
}

fn core(word: &str) -> String {
    format!("events.iterate.com/stream/{word}")
}

/// Every core type with payloads that fit.
fn sound_core_payloads() -> Vec<(&'static str, Value)> {
    let announcement = json!({
        "slug": "s", "version": "1", "description": "", "consumes": ["*"], "emits": [],
        "ownedEvents": [{ "type": "test/a" }],
    });
    let callable = configure("k", "NOBODY", "p1:/a", "s")["payload"].clone();
    let mut other_key = callable.clone();
    other_key["subscriptionKey"] = json!("l");
    let legacy = json!({
        "type": "built-in", "transport": "workers-rpc", "processorSlug": "s",
    });
    vec![
        ("woken", json!({ "incarnationId": "i" })),
        (
            "configured",
            json!({ "config": { "simulatedStorageSyncDelayMs": 7 } }),
        ),
        (
            "metadata-updated",
            json!({ "metadata": { "title": " ä ", "n": [1.5] } }),
        ),
        ("metadata-updated", json!({ "metadata": {}, "more": 1 })),
        ("child-stream-created", json!({ "childPath": "/a/b/c" })),
        ("child-stream-created", json!({ "childPath": "/elsewhere" })),
        ("subscription-configured", callable),
        ("subscription-configured", other_key),
        (
            "subscription-configured",
            json!({ "subscriptionKey": "k", "subscriber": legacy }),
        ),
        ("processor-registered", announcement.clone()),
        (
            "subscriber-connected",
            json!({
                "subscriptionKey": " k ", "direction": "inbound",
                "subscriber": { "incarnationId": "i", "processor": announcement },
            }),
        ),
        (
            "subscriber-disconnected",
            json!({ "subscriptionKey": "k", "reason": "idle" }),
        ),
        (
            "error-occurred",
            json!({ "message": "m", "error": { "message": "e", "code": "c" } }),
        ),
        ("something-else", json!({ "any": 1 })),
    ]
}

fn core_event() -> impl Strategy<Value = Map<String, Value>> {
    let mut sound = sound_core_payloads();
    sound.extend([
        ("paused", json!({ "reason": "r" })),
        ("paused", json!({})),
        ("resumed", json!({ "reason": "r" })),
        ("resumed", json!({})),
        ("resumed", json!({})),
        ("created", json!({ "namespace": "p1", "path": "/a" })),
    ]);
    let kinds: Vec<&'static str> = sound.iter().map(|(kind, _)| *kind).collect();
    // A payload that fits; one that fits another type; any other.
    let sound = prop_oneof![
        8 => select(sound.clone()),
        1 => (select(kinds.clone()), select(sound)).prop_map(|(kind, other)| (kind, other.1)),
        1 => (select(kinds), json_value()),
    ];
    (sound, option::weighted(0.9, Just(())), envelope()).prop_map(
        |((kind, payload), is_present, mut fields)| {
            fields.insert("type".to_owned(), json!(core(kind)));
            if is_present.is_some() {
                fields.insert("payload".to_owned(), payload);
            }
            fields
        },
    )
}

/// Of a type that means nothing to the core.
fn any_event() -> impl Strategy<Value = Map<String, Value>> {
    let kind = prop_oneof![
        6 => select(vec!["test/a", "test/b", "test/c"]).prop_map(str::to_owned),
        1 => text(),
    ];
    let payload = option::of(prop_oneof![1 => Just(Value::Null), 4 => json_value()]);
    (kind, payload, envelope()).prop_map(|(kind, payload, mut fields)| {
        fields.insert("type".to_owned(), json!(EventType::from(&*kind)));
        if let Some(payload) = payload {
            fields.insert("payload".to_owned(), payload);
        }
        fields
    })
}

/// Key, source and metadata. Keys are few, so that they are met again.
fn envelope() -> impl Strategy<Value = Map<String, Value>> {
    let source = select(vec![
        json!({}),
        json!({ "processor": { "slug": "s", "version": "" } }),
    ]);
    let key = select(vec!["k", " k ", "l", "ä", "\u{0}"]).prop_map(Value::from);
    let metadata = map_of(json_value()).prop_map(Value::from);
    let fields = (
        option::weighted(0.2, key),
        option::weighted(0.2, source),
        option::weighted(0.2, metadata),
    );
    fields.prop_map(|(key, source, metadata)| {
        let fields = [
            ("idempotencyKey", key),
            ("source", source),
            ("metadata", metadata),
        ];
        let given = fields.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    })
}

/// A field that is not what it should be, or any object.
fn misshapen_event() -> impl Strategy<Value = Map<String, Value>> {
    let name = select(vec![
        "idempotencyKey",
        "source",
        "metadata",
        "offset",
        "type",
        "createdAt",
        "extra",
    ]);
    let value = prop_oneof![
        3 => json_value(),
        1 => Just(json!({ "processor": { "slug": "s" } })),
        1 => Just(json!(" ")),
    ];
    let misfit = (any_event(), name, value).prop_map(|(mut fields, name, value)| {
        fields.insert(name.to_owned(), value);
        fields
    });
    prop_oneof![4 => misfit, 1 => map_of(json_value())]
}

/// Words of paths, among them all that mean something.
pub fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => select(vec!["a", "b", "ä", " ", "...", ".a", "a:b", "\u{0}"]).prop_map(str::to_owned),
        2 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
    ];
    let segments = (any::<bool>(), vec(segment, 0..8));
    let joined = segments.prop_map(|(is_absolute, segments)| {
        let slash = if is_absolute { "/" } else { "" };
        format!("{slash}{}", segments.join("/"))
    });
    prop_oneof![8 => joined, 1 => any::<String>()]
}
