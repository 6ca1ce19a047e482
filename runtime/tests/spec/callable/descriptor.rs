//! The descriptor (spec §4.1): what is taken, and what is refused with which words.

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

#[test]
fn every_form_round_trips() {
    let rpcs = vias().into_iter().map(rpc);
    let fetches = vias().into_iter().map(fetch);
    let more = [
        full_rpc(),
        full_fetch(),
        fetch(url("http://a.test")),
        fetch(url("HTTP://A.test:80/%7e?")),
        with(fetch(service()), "fetchRequest", json!({})),
        with(fetch(service()), "fetchRequest", json!({ "path": {} })),
        with(rpc(service()), "argsMode", json!("positional")),
    ];
    for descriptor in rpcs.chain(fetches).chain(more) {
        let callable = Callable::parse(&descriptor).unwrap();
        assert_eq!(callable.to_json(), descriptor);
        let text = serde_json::to_string(&callable).unwrap();
        assert_eq!(serde_json::from_str::<Callable>(&text).unwrap(), callable);
    }
}

#[test]
fn a_refusal_names_the_field_and_the_value() {
    let descriptor = with(rpc(object(json!({ "name": 7 }))), "rpcMethod", json!("go"));
    assert_eq!(
        refusal(&descriptor),
        "via.durableObject.name must be a string, but is 7"
    );
    let error = serde_json::from_value::<Callable>(descriptor).unwrap_err();
    assert!(error.to_string().contains("via.durableObject.name"));
    assert_eq!(
        refusal(&json!([])),
        "the descriptor must be an object, but is []"
    );
    let long = with(rpc(service()), "rpcMethod", json!("é".repeat(300)));
    assert!(refusal(&long).ends_with("éé…"));
}

#[test]
fn every_object_is_strict() {
    let worker = rpc(dynamic_worker());
    for (descriptor, places) in [
        (
            full_rpc(),
            vec!["", "/via", "/via/durableObject", "/transformInput"],
        ),
        (
            full_fetch(),
            vec![
                "",
                "/via",
                "/fetchRequest",
                "/fetchRequest/body",
                "/fetchRequest/path",
            ],
        ),
        (
            worker,
            vec!["/via", "/via/workerCode", "/via/loader", "/via/entrypoint"],
        ),
        (rpc(loopback("Plain")), vec!["/via"]),
        (rpc(service()), vec!["/via"]),
    ] {
        for place in places {
            let refusal = refusal(&changed(
                descriptor.clone(),
                &format!("{place}/extra"),
                Some(json!(1)),
            ));
            assert!(
                refusal.contains("extra is not known here"),
                "{place}: {refusal}"
            );
        }
    }
    // What another kind of callable or via may have.
    for (descriptor, field) in [
        (full_rpc(), "/fetchRequest"),
        (full_fetch(), "/rpcMethod"),
        (full_fetch(), "/argsMode"),
        (full_rpc(), "/via/props"),
        (rpc(service()), "/via/props"),
        (rpc(loopback("Plain")), "/via/bindingName"),
        (rpc(loopback("Plain")), "/via/durableObject"),
        (full_fetch(), "/via/bindingName"),
    ] {
        refusal(&changed(descriptor, field, Some(json!({}))));
    }
}

#[test]
fn what_is_optional_may_be_absent_but_never_null() {
    let worker = rpc(dynamic_worker());
    for (descriptor, fields) in [
        (full_rpc(), vec!["/schema", "/argsMode", "/transformInput"]),
        (
            full_rpc(),
            vec!["/transformInput/shallowMerge", "/transformInput/jsonata"],
        ),
        (
            full_fetch(),
            vec!["/schema", "/transformInput", "/fetchRequest"],
        ),
        (
            full_fetch(),
            vec![
                "/fetchRequest/method",
                "/fetchRequest/headers",
                "/fetchRequest/query",
                "/fetchRequest/body",
                "/fetchRequest/path",
                "/fetchRequest/path/base",
                "/fetchRequest/path/mode",
            ],
        ),
        (
            worker.clone(),
            vec![
                "/via/workerLoaderBindingName",
                "/via/workerCode/compatibilityFlags",
                "/via/loader",
                "/via/entrypoint",
                "/via/entrypoint/name",
            ],
        ),
    ] {
        for field in fields {
            let absent = changed(descriptor.clone(), field, None);
            assert!(Callable::parse(&absent).is_ok(), "{field}");
            let null = refusal(&changed(descriptor.clone(), field, Some(Value::Null)));
            assert!(null.contains("but is null"), "{field}: {null}");
        }
    }
    for (descriptor, fields) in [
        (
            full_rpc(),
            vec![
                "/type",
                "/via",
                "/rpcMethod",
                "/via/type",
                "/via/bindingType",
            ],
        ),
        (full_rpc(), vec!["/via/bindingName", "/via/durableObject"]),
        (full_fetch(), vec!["/via/url", "/fetchRequest/body/jsonata"]),
        (
            worker.clone(),
            vec!["/via/workerCode", "/via/loader/id", "/via/loader/type"],
        ),
        (
            worker,
            vec![
                "/via/workerCode/compatibilityDate",
                "/via/workerCode/mainModule",
                "/via/workerCode/modules",
            ],
        ),
        (rpc(loopback("Plain")), vec!["/via/exportName"]),
    ] {
        for field in fields {
            let absent = refusal(&changed(descriptor.clone(), field, None));
            assert!(absent.contains("must have"), "{field}: {absent}");
        }
    }
}

#[test]
fn the_schema_is_one_literal() {
    let words = "schema must be \"https://schemas.iterate.com/callable/v1\"";
    refused(
        full_rpc(),
        [(
            "/schema",
            json!("https://schemas.iterate.com/callable/v2"),
            words,
        )],
    );
    refused(full_fetch(), [("/schema", json!(""), words)]);
}

#[test]
fn kinds_are_known_ones() {
    refused(
        full_rpc(),
        [
            (
                "/type",
                json!("rpc"),
                "type must be \"fetch\" or \"workers-rpc\"",
            ),
            ("/via/type", json!("http"), "via.type must be"),
            (
                "/via/type",
                json!("url"),
                "via.type must be \"env-binding\" or",
            ),
            (
                "/via/bindingType",
                json!("queue"),
                "via.bindingType must be",
            ),
            ("/argsMode", json!("Object"), "argsMode must be"),
        ],
    );
    refused(
        rpc(loopback("Plain")),
        [(
            "/via/bindingType",
            json!("dynamic-worker"),
            "via.bindingType must be",
        )],
    );
}

#[test]
fn names_are_not_empty() {
    let words = "must not be empty";
    refused(
        full_rpc(),
        [
            ("/via/bindingName", json!(""), words),
            ("/via/durableObject", json!({ "name": "" }), words),
            ("/via/durableObject", json!({ "id": "" }), words),
            ("/transformInput/jsonata", json!(""), words),
        ],
    );
    refused(
        full_fetch(),
        [("/fetchRequest/body/jsonata", json!(""), words)],
    );
    refused(
        rpc(loopback("Plain")),
        [("/via/exportName", json!(""), words)],
    );
}

#[test]
fn an_object_has_either_a_name_or_an_id() {
    let words = "via.durableObject must have either";
    refused(
        full_rpc(),
        [
            ("/via/durableObject", json!({}), words),
            (
                "/via/durableObject",
                json!({ "name": "t", "id": "i" }),
                words,
            ),
            ("/via/durableObject", json!("t"), "must be an object"),
        ],
    );
}

#[test]
fn a_url_is_absolute_http_without_hash_and_user() {
    refused(
        full_fetch(),
        [
            ("/via/url", json!("/b"), "must be an absolute URL"),
            ("/via/url", json!("//a.test/b"), "must be an absolute URL"),
            ("/via/url", json!("https://"), "must be an absolute URL"),
            (
                "/via/url",
                json!("ftp://a.test"),
                "must be an http or https URL",
            ),
            (
                "/via/url",
                json!("https://a.test/#b"),
                "must not have a hash",
            ),
            (
                "/via/url",
                json!("https://a.test/#"),
                "must not have a hash",
            ),
            (
                "/via/url",
                json!("https://u@a.test"),
                "must not have a user",
            ),
            (
                "/via/url",
                json!("https://:p@a.test"),
                "must not have a user",
            ),
        ],
    );
    refused(
        with(rpc(service()), "via", url("https://a.test")),
        [("/rpcMethod", json!("go"), "via.type")],
    );
}

#[test]
fn a_method_is_one_identifier() {
    for method in ["", "1a", "a-b", "a.b", "é", "a b"] {
        let refusal = refusal(&with(full_rpc(), "rpcMethod", json!(method)));
        assert!(
            refusal.contains("rpcMethod must be one identifier"),
            "{refusal}"
        );
    }
    for method in ["_a1", "$", "requestStreamSubscription"] {
        taken(full_rpc(), [("/rpcMethod", json!(method))]);
    }
}

#[test]
fn methods_that_every_object_has_are_denied() {
    let denied = "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ \
        alarm apply bind call connect constructor dup email fetch hasOwnProperty isPrototypeOf \
        prototype propertyIsEnumerable queue scheduled tail then toLocaleString toString trace \
        valueOf webSocketClose webSocketError webSocketMessage";
    for method in denied.split_whitespace() {
        let refusal = refusal(&with(full_rpc(), "rpcMethod", json!(method)));
        assert!(
            refusal.contains("must not be a method that every object has"),
            "{refusal}"
        );
        assert!(refusal.contains(method));
    }
}

#[test]
fn a_transform_does_something() {
    refused(
        full_rpc(),
        [
            ("/transformInput", json!({}), "transformInput must have"),
            (
                "/transformInput/shallowMerge",
                json!([]),
                "must be an object",
            ),
            ("/transformInput/jsonata", json!(1), "must be a string"),
        ],
    );
}

#[test]
fn positional_arguments_cannot_come_from_a_merge_alone() {
    let merge = json!({ "shallowMerge": { "a": 1 } });
    let positional = with(full_rpc(), "argsMode", json!("positional"));
    assert!(Callable::parse(&positional).is_ok());
    refused(
        positional,
        [(
            "/transformInput",
            merge.clone(),
            "transformInput must have \"jsonata\"",
        )],
    );
    taken(full_rpc(), [("/transformInput", merge)]);
}

#[test]
fn a_dynamic_worker_has_its_modules() {
    refused(
        rpc(dynamic_worker()),
        [
            (
                "/via/workerCode/compatibilityDate",
                json!("2026-6-01"),
                "must be a date",
            ),
            (
                "/via/workerCode/compatibilityDate",
                json!("2026-06-01 "),
                "must be a date",
            ),
            (
                "/via/workerCode/compatibilityFlags",
                json!(["a", 1]),
                "must be a list of strings",
            ),
            (
                "/via/workerCode/mainModule",
                json!("absent.js"),
                "must be one of the modules",
            ),
            (
                "/via/workerCode/modules",
                json!({}),
                "must be one of the modules",
            ),
            (
                "/via/workerCode/modules",
                json!({ "main.js": 1 }),
                "modules.main.js must be a string",
            ),
            (
                "/via/workerCode/modules",
                json!({ "main.js": "", "a.ts": "" }),
                "end in \".js\", unlike \"a.ts\"",
            ),
            (
                "/via/loader",
                json!({ "type": "load", "id": "i" }),
                "via.loader.type must be \"get\"",
            ),
            ("/via/loader/id", json!(""), "must not be empty"),
            ("/via/entrypoint/name", json!(""), "must not be empty"),
            (
                "/via/workerLoaderBindingName",
                json!(""),
                "must not be empty",
            ),
        ],
    );
    taken(
        rpc(dynamic_worker()),
        [
            ("/via/entrypoint", json!({})),
            ("/via/entrypoint", json!({ "props": { "a": [1] } })),
            ("/via/workerCode/compatibilityFlags", json!([])),
        ],
    );
}

#[test]
fn a_request_template_is_well_formed() {
    refused(
        full_fetch(),
        [
            (
                "/fetchRequest/method",
                json!("TRACE"),
                "fetchRequest.method must be",
            ),
            (
                "/fetchRequest/method",
                json!("get"),
                "fetchRequest.method must be",
            ),
            (
                "/fetchRequest/headers",
                json!({ "a": 1 }),
                "fetchRequest.headers.a must be a string",
            ),
            (
                "/fetchRequest/query",
                json!({ "a": null }),
                "fetchRequest.query.a must be",
            ),
            (
                "/fetchRequest/query",
                json!({ "a": [] }),
                "fetchRequest.query.a must be",
            ),
            (
                "/fetchRequest/path/mode",
                json!("append"),
                "fetchRequest.path.mode must be",
            ),
        ],
    );
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        taken(full_fetch(), [("/fetchRequest/method", json!(method))]);
    }
    for method in ["GET", "HEAD"] {
        let words = "fetchRequest.body must be absent";
        refused(
            full_fetch(),
            [("/fetchRequest/method", json!(method), words)],
        );
        let bare = changed(full_fetch(), "/fetchRequest/body", None);
        taken(bare, [("/fetchRequest/method", json!(method))]);
    }
}

#[test]
fn a_base_path_cannot_leave_itself() {
    for (base, words) in [
        ("", "exactly one \"/\""),
        ("b", "exactly one \"/\""),
        ("//a.test/b", "exactly one \"/\""),
        ("https://a.test", "exactly one \"/\""),
        ("/a?b", "query or hash"),
        ("/a#b", "query or hash"),
        ("/a\\b", "backslash"),
        ("/a%5Cb", "backslash"),
        ("/./a", "dot segments"),
        ("/a/..", "dot segments"),
        ("/a/%2e%2E/b", "dot segments"),
        ("/a/.%2e", "dot segments"),
        ("/a%2f..%2fb", "dot segments"),
    ] {
        refused(
            full_fetch(),
            [("/fetchRequest/path/base", json!(base), words)],
        );
    }
    for base in [
        "/", "/a", "/a/", "/a//b", "/a.b/...", "/%3F", "/%zz", "/%", "/ä b",
    ] {
        taken(full_fetch(), [("/fetchRequest/path/base", json!(base))]);
    }
}

#[test]
fn older_generations_are_refused() {
    for (descriptor, words) in [
        (
            json!({
                "kind": "rpc",
                "target": { "type": "durable-object", "bindingName": "A", "name": "n" },
                "rpcMethod": "go",
            }),
            "must have \"type\"",
        ),
        (
            json!({ "kind": "fetch", "target": { "type": "http", "url": "https://a.test" } }),
            "must have \"type\"",
        ),
        (
            with(full_fetch(), "kind", json!("fetch")),
            "kind is not known here",
        ),
        (
            with(full_fetch(), "target", json!({ "type": "http" })),
            "target is not known here",
        ),
        (
            with(full_fetch(), "pathMode", json!("prefix")),
            "pathMode is not known here",
        ),
        (
            with(full_fetch(), "requestTemplate", json!({})),
            "requestTemplate is not known here",
        ),
        (
            with(full_rpc(), "passthroughArgs", json!({})),
            "passthroughArgs is not known here",
        ),
    ] {
        let refusal = refusal(&descriptor);
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn the_standard_descriptor_tells_its_processor() {
    let standard = Callable::hosted_processor("AGENT", "p1:/agents/a", "agent");
    assert_eq!(
        standard.to_json(),
        json!({
            "type": "workers-rpc",
            "via": {
                "type": "env-binding",
                "bindingType": "durable-object-namespace",
                "bindingName": "AGENT",
                "durableObject": { "name": "p1:/agents/a" },
            },
            "rpcMethod": "requestStreamSubscription",
            "argsMode": "object",
            "transformInput": { "shallowMerge": { "processorName": "agent" } },
        })
    );
    let hosted = HostedProcessor {
        binding_name: "AGENT",
        object: "p1:/agents/a",
        processor: "agent",
    };
    assert_eq!(standard.as_hosted_processor(), Some(hosted));
    for (pointer, value) in [
        ("/rpcMethod", json!("other")),
        ("/via/durableObject", json!({ "id": "i" })),
        ("/via", service()),
        ("/transformInput", json!({ "jsonata": "$" })),
        ("/transformInput/shallowMerge", json!({})),
        (
            "/transformInput/shallowMerge",
            json!({ "processorName": 7 }),
        ),
    ] {
        let other = changed(standard.to_json(), pointer, Some(value));
        let other = Callable::parse(&other).unwrap();
        assert_eq!(other.as_hosted_processor(), None, "{pointer}");
    }
    let fetch = Callable::parse(&full_fetch()).unwrap();
    assert_eq!(fetch.as_hosted_processor(), None);
}
