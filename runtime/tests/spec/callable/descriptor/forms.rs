//! The objects of a descriptor: strict, with optional parts that are never null, of known kinds and of this
//! generation.

use super::*;

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

/// Found by fuzzing: a host that is not all ASCII, with a capital letter in it.
#[test]
fn a_host_may_be_of_any_script() {
    for host in ["J\u{25e}.test", "B\u{dc}CHER.test"] {
        let descriptor = fetch(url(&format!("http://{host}/")));
        let callable = Callable::parse(&descriptor).unwrap();
        assert_eq!(callable.to_json(), descriptor);
    }
}
