//! Properties of the descriptor: any valid one round-trips, and nothing that is done to one makes
//! the parser panic, or take what it would write differently.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::{select, Index},
};
use runtime::callable::Callable;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        fraction(),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,8}", inner, 0..4).prop_map(object),
        ]
    })
}

/// A fraction that is the same number as text.
fn fraction() -> impl Strategy<Value = Value> {
    any::<i32>().prop_map(|eighths| json!(f64::from(eighths) / 8.0))
}

fn object(fields: BTreeMap<String, Value>) -> Value {
    Value::Object(fields.into_iter().collect())
}

/// An object of these fields, without those that are absent.
fn present(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let fields = fields.into_iter();
    let present = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn name() -> impl Strategy<Value = Value> {
    ".{1,12}".prop_map(Value::from)
}

fn address() -> impl Strategy<Value = Value> {
    (any::<bool>(), name()).prop_map(|(by_name, value)| match by_name {
        true => json!({ "name": value }),
        false => json!({ "id": value }),
    })
}

fn dynamic_worker() -> impl Strategy<Value = Value> {
    let modules = btree_map("[a-z/]{1,6}\\.js", ".{0,20}".prop_map(Value::from), 1..4);
    let code = (
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        option::of(vec("[a-z_]{1,8}", 0..3)),
        modules,
        any::<Index>(),
    );
    let code = code.prop_map(|(date, flags, modules, main)| {
        let main = main
            .get(&modules.keys().cloned().collect::<Vec<_>>())
            .clone();
        present([
            ("compatibilityDate", Some(date.into())),
            ("compatibilityFlags", flags.map(Value::from)),
            ("mainModule", Some(main.into())),
            ("modules", Some(object(modules))),
        ])
    });
    let entrypoint = (option::of(name()), option::of(any_json()));
    let entrypoint =
        entrypoint.prop_map(|(name, props)| present([("name", name), ("props", props)]));
    let loader = name().prop_map(|id| json!({ "type": "get", "id": id }));
    let parts = (
        option::of(name()),
        code,
        option::of(loader),
        option::of(entrypoint),
    );
    parts.prop_map(|(binding, code, loader, entrypoint)| {
        present([
            ("type", Some(json!("env-binding"))),
            ("bindingType", Some(json!("dynamic-worker"))),
            ("workerLoaderBindingName", binding),
            ("workerCode", Some(code)),
            ("loader", loader),
            ("entrypoint", entrypoint),
        ])
    })
}

fn binding() -> impl Strategy<Value = Value> {
    let of = |kind: &str, binding_type: &str| json!({ "type": kind, "bindingType": binding_type });
    prop_oneof![
        name().prop_map(move |name| {
            let mut via = of("env-binding", "service");
            via["bindingName"] = name;
            via
        }),
        (name(), address()).prop_map(move |(name, address)| {
            let mut via = of("env-binding", "durable-object-namespace");
            via["bindingName"] = name;
            via["durableObject"] = address;
            via
        }),
        (name(), option::of(any_json())).prop_map(move |(name, props)| {
            let mut via = of("loopback-binding", "service");
            via["exportName"] = name;
            if let Some(props) = props {
                via["props"] = props;
            }
            via
        }),
        (name(), address()).prop_map(move |(name, address)| {
            let mut via = of("loopback-binding", "durable-object-namespace");
            via["exportName"] = name;
            via["durableObject"] = address;
            via
        }),
        dynamic_worker(),
    ]
}

fn url() -> impl Strategy<Value = Value> {
    "https?://[a-z]{1,8}\\.test(:[1-9][0-9]{1,3})?(/[a-z.~%20]{0,6}){0,3}(\\?[a-z=&]{0,8})?"
        .prop_map(|url| json!({ "type": "url", "url": url }))
}

/// A transform, and whether it evaluates an expression.
fn transform() -> impl Strategy<Value = (Value, bool)> {
    let base = || btree_map(".{0,8}", any_json(), 0..4).prop_map(object);
    let parts = prop_oneof![
        base().prop_map(|base| (Some(base), None)),
        name().prop_map(|jsonata| (None, Some(jsonata))),
        (base(), name()).prop_map(|(base, jsonata)| (Some(base), Some(jsonata))),
    ];
    parts.prop_map(|(base, jsonata)| {
        let evaluates = jsonata.is_some();
        let transform = present([("shallowMerge", base), ("jsonata", jsonata)]);
        (transform, evaluates)
    })
}

fn fetch_request() -> impl Strategy<Value = Value> {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let headers = btree_map(".{0,8}", ".{0,8}".prop_map(Value::from), 0..3);
    let scalar = prop_oneof![
        ".{0,8}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        fraction(),
        any::<i32>().prop_map(Value::from),
    ];
    let path = (
        option::of("/([a-z]{1,4}/?){0,3}"),
        option::of(select(vec!["prefix", "replace"])),
    );
    let path = path.prop_map(|(base, mode)| {
        present([
            ("base", base.map(Value::from)),
            ("mode", mode.map(Value::from)),
        ])
    });
    let parts = (
        option::of(select(methods.to_vec())),
        option::of(headers.prop_map(object)),
        option::of(btree_map(".{0,8}", scalar, 0..3).prop_map(object)),
        option::of(name()),
        option::of(path),
    );
    parts.prop_map(|(method, headers, query, body, path)| {
        let has_body = !matches!(method, Some("GET" | "HEAD"));
        let body = body.filter(|_| has_body);
        present([
            ("method", method.map(Value::from)),
            ("headers", headers),
            ("query", query),
            ("body", body.map(|jsonata| json!({ "jsonata": jsonata }))),
            ("path", path),
        ])
    })
}

fn schema() -> impl Strategy<Value = Option<Value>> {
    option::of(Just(json!("https://schemas.iterate.com/callable/v1")))
}

fn descriptor() -> impl Strategy<Value = Value> {
    let fetch = (
        schema(),
        prop_oneof![url(), binding()],
        option::of(transform()),
        option::of(fetch_request()),
    );
    let fetch = fetch.prop_map(|(schema, via, transform, fetch_request)| {
        present([
            ("type", Some(json!("fetch"))),
            ("schema", schema),
            ("via", Some(via)),
            ("transformInput", transform.map(|(transform, _)| transform)),
            ("fetchRequest", fetch_request),
        ])
    });
    let rpc = (
        schema(),
        binding(),
        "[a-z_$][A-Za-z0-9_$]{3,8}0",
        option::of(any::<bool>()),
        option::of(transform()),
    );
    let rpc = rpc.prop_map(|(schema, via, method, positional, transform)| {
        let can_be_positional = transform.as_ref().is_none_or(|(_, evaluates)| *evaluates);
        let mode = positional.map(|positional| match positional && can_be_positional {
            true => "positional",
            false => "object",
        });
        present([
            ("type", Some(json!("workers-rpc"))),
            ("schema", schema),
            ("via", Some(via)),
            ("rpcMethod", Some(method.into())),
            ("argsMode", mode.map(Value::from)),
            ("transformInput", transform.map(|(transform, _)| transform)),
        ])
    });
    prop_oneof![fetch, rpc]
}

/// The pointers to every value below.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(field, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                places(item, &format!("{pointer}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// Puts another value in some place, gives an object a field more, or takes one away.
fn mutate(descriptor: &mut Value, place: &Index, field: &str, value: Option<Value>) {
    let mut found = Vec::new();
    places(descriptor, "", &mut found);
    let target = descriptor.pointer_mut(place.get::<String>(&found));
    match (target.expect("it was just found"), value) {
        (Value::Object(fields), Some(value)) if !field.is_empty() => {
            fields.insert(field.to_owned(), value);
        }
        (Value::Object(fields), None) => {
            let name = fields.keys().next().cloned();
            name.map(|name| fields.shift_remove(&name));
        }
        (target, value) => *target = value.unwrap_or_default(),
    }
}

/// Fields that mean something somewhere.
const FIELDS: [&str; 12] = [
    "", "type", "name", "id", "url", "base", "props", "loader", "body", "jsonata", "kind", "schema",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_valid_descriptor_round_trips(descriptor in descriptor()) {
        let callable = Callable::parse(&descriptor);
        let callable = callable.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(callable.to_json(), descriptor);
        let text = serde_json::to_string(&callable).unwrap();
        prop_assert_eq!(serde_json::from_str::<Callable>(&text).unwrap(), callable);
    }

    #[test]
    fn a_mutated_descriptor_is_refused_with_words_or_means_what_it_says(
        descriptor in descriptor(),
        mutations in vec(
            (any::<Index>(), select(FIELDS.to_vec()), option::of(any_json())),
            1..4,
        ),
    ) {
        let mut descriptor = descriptor;
        for (place, field, value) in mutations {
            mutate(&mut descriptor, &place, field, value);
        }
        match Callable::parse(&descriptor) {
            Ok(callable) => prop_assert_eq!(callable.to_json(), descriptor),
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }
}
