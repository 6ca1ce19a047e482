//! The fields of a descriptor: names, urls, methods, transforms, modules, requests and their paths.

use super::*;

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
