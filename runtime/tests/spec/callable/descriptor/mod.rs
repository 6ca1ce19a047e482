//! The descriptor (spec §4.1): what is taken, and what is refused with which words.
//!
//! - [`forms`]: its objects: strict, optional, known. - [`fields`]: what may stand in each.

mod fields;
mod forms;

use super::{changed, fetch, loopback, loopback_object, object, rpc, service, url, with};
use runtime::callable::{Callable, HostedProcessor};
use serde_json::{json, Value};

fn full_rpc() -> Value {
    json!({
        "type": "workers-rpc",
        "schema": "https://schemas.iterate.com/callable/v1",
        "via": object(json!({ "name": "t" })),
        "rpcMethod": "go",
        "argsMode": "object",
        "transformInput": { "shallowMerge": { "a": [1, null] }, "jsonata": "$" },
    })
}

fn full_fetch() -> Value {
    json!({
        "type": "fetch",
        "schema": "https://schemas.iterate.com/callable/v1",
        "via": url("https://a.test/b?c=d"),
        "transformInput": { "shallowMerge": {}, "jsonata": "$" },
        "fetchRequest": {
            "method": "PUT",
            "headers": { "x-a": "b", "x-c": "" },
            "query": { "text": "a b", "number": 1.5, "truth": false },
            "body": { "jsonata": "a" },
            "path": { "base": "/b/c", "mode": "replace" },
        },
    })
}

fn dynamic_worker() -> Value {
    json!({
        "type": "env-binding",
        "bindingType": "dynamic-worker",
        "workerLoaderBindingName": "LOADER_2",
        "workerCode": {
            "compatibilityDate": "2026-06-01",
            "compatibilityFlags": ["nodejs_compat"],
            "mainModule": "main.js",
            "modules": { "main.js": "export default {}", "other.js": "" },
        },
        "loader": { "type": "get", "id": "w1" },
        "entrypoint": { "name": "Other", "props": null },
    })
}

fn vias() -> Vec<Value> {
    vec![
        service(),
        object(json!({ "name": "t" })),
        object(json!({ "id": "i" })),
        dynamic_worker(),
        loopback("Plain"),
        with(loopback("Plain"), "props", json!({ "a": 1 })),
        with(loopback("Plain"), "props", Value::Null),
        loopback_object(json!({ "name": "t" })),
        loopback_object(json!({ "id": "i" })),
    ]
}

fn refusal(descriptor: &Value) -> String {
    let refused = Callable::parse(descriptor);
    refused
        .expect_err(&format!("{descriptor} is refused"))
        .to_string()
}

/// Every change is refused, in words that have these in them.
fn refused(
    descriptor: Value,
    cases: impl IntoIterator<Item = (&'static str, Value, &'static str)>,
) {
    for (pointer, value, words) in cases {
        let refusal = refusal(&changed(descriptor.clone(), pointer, Some(value.clone())));
        assert!(refusal.contains(words), "{pointer} = {value}: {refusal}");
    }
}

fn taken(descriptor: Value, cases: impl IntoIterator<Item = (&'static str, Value)>) {
    for (pointer, value) in cases {
        let descriptor = changed(descriptor.clone(), pointer, Some(value));
        assert_eq!(Callable::parse(&descriptor).unwrap().to_json(), descriptor);
    }
}
