//! A worker that brings its own code (spec §4.1): loaded when it is called, kept if it has an id.

use super::{fetch, on_stage, rpc, with, Stage};
use http::StatusCode;
use runtime::{
    call::{Argument, Arguments, CallError},
    callable::{
        assert_dispatch_context, connect_websocket, dispatch, dispatch_fetch, Binding, Callable,
        CallableError, DispatchContext, ErrorCode, JavaScriptLoader, LOADER_BINDING,
    },
    http::Request,
};
use serde_json::{json, Value};
use std::rc::Rc;

const COUNTER: &str = r#"
    import { WorkerEntrypoint } from "cloudflare:workers";
    import { twice } from "./lib/twice.js";
    let calls = 0;
    export default {
        go(input) { calls += 1; return { calls, input, twice: twice(calls) }; },
        fail() { throw new RangeError("its own words"); },
        async fetch(request) {
            const url = new URL(request.url);
            return Response.json({ path: url.pathname, method: request.method, body: await request.text() });
        },
    };
    export class Named extends WorkerEntrypoint {
        go() { return this.ctx.props; }
        count(...inputs) { return inputs.length; }
    }
    export const deaf = { go() { return "deaf"; } };
"#;

fn worker(source: &str) -> Value {
    json!({
        "type": "env-binding",
        "bindingType": "dynamic-worker",
        "workerCode": {
            "compatibilityDate": "2026-06-01",
            "mainModule": "main.js",
            "modules": {
                "main.js": source,
                "lib/twice.js": "export const twice = (number) => 2 * number;",
            },
        },
    })
}

fn kept(source: &str, id: &str) -> Value {
    with(worker(source), "loader", json!({ "type": "get", "id": id }))
}

fn entrypoint(via: Value, entrypoint: Value) -> Value {
    with(via, "entrypoint", entrypoint)
}

fn with_loader(stage: &mut Stage) {
    let loader = Binding::WorkerLoader(Rc::new(JavaScriptLoader::new(&stage.client)));
    stage.dispatch.env = stage.dispatch.env.clone().with(LOADER_BINDING, loader);
}

#[test]
fn a_method_of_a_dynamic_worker_is_called() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let answer = stage
            .dispatch(rpc(worker(COUNTER)), json!({ "a": [1] }))
            .await;
        let expected = json!({ "calls": 1, "input": { "a": [1] }, "twice": 2 });
        assert_eq!(answer.unwrap(), expected);
        let nothing = stage.dispatch(rpc(worker(COUNTER)), json!({})).await;
        assert_eq!(nothing.unwrap()["input"], json!({}));
        let named = entrypoint(worker(COUNTER), json!({ "name": "Named" }));
        let count = with(rpc(named), "rpcMethod", json!("count"));
        let count = with(count, "argsMode", json!("positional"));
        for (inputs, expected) in [(json!([]), 0), (json!([1, 2, 3]), 3), (json!([{}]), 1)] {
            let answer = stage.dispatch(count.clone(), inputs).await;
            assert_eq!(answer.unwrap(), json!(expected));
        }
    });
}

#[test]
fn a_dynamic_worker_answers_requests() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let callable = with(
            fetch(worker(COUNTER)),
            "fetchRequest",
            json!({ "path": { "base": "/base" } }),
        );
        let answer = stage.dispatch(callable.clone(), json!({ "a": 1 })).await;
        let expected = json!({ "path": "/base", "method": "POST", "body": "{\"a\":1}" });
        assert_eq!(answer.unwrap(), expected);
        let callable = Callable::parse(&callable).unwrap();
        let request = Request::get("https://x.test/in".parse().unwrap());
        let answer = dispatch_fetch(&stage.dispatch, &callable, request).await;
        let mut answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        let answer: Value = answer.body.parse().await.unwrap();
        assert_eq!(answer["path"], json!("/base/in"));
    });
}

#[test]
fn an_entrypoint_is_named_and_gets_its_props() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        for (chosen, props) in [
            (
                json!({ "name": "Named", "props": { "user": 1 } }),
                json!({ "user": 1 }),
            ),
            (json!({ "name": "Named", "props": null }), Value::Null),
            (json!({ "name": "Named" }), json!({})),
        ] {
            let via = entrypoint(worker(COUNTER), chosen);
            assert_eq!(stage.dispatch(rpc(via), json!({})).await.unwrap(), props);
        }
    });
}

#[test]
fn a_worker_with_an_id_is_the_same_one_for_the_life_of_its_loader() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let calls = async |via: Value| -> i64 {
            let answer = stage.dispatch(rpc(via), json!({})).await;
            answer.unwrap()["calls"].as_i64().unwrap()
        };
        assert_eq!(calls(kept(COUNTER, "w1")).await, 1);
        assert_eq!(calls(kept(COUNTER, "w1")).await, 2);
        assert_eq!(calls(kept(COUNTER, "w2")).await, 1);
        let other = "export default { go() { return { calls: -1 } } }";
        assert_eq!(
            calls(kept(other, "w1")).await,
            3,
            "the code is that of the first"
        );
        assert_eq!(calls(worker(COUNTER)).await, 1);
        assert_eq!(
            calls(worker(COUNTER)).await,
            1,
            "without an id it is loaded anew"
        );
        with_loader(&mut stage);
        let answer = stage.dispatch(rpc(kept(COUNTER, "w1")), json!({})).await;
        assert_eq!(answer.unwrap()["calls"], json!(1));
    });
}

#[test]
fn the_platform_has_a_loader() {
    on_stage(|mut stage| async move {
        stage.dispatch = DispatchContext::of_platform(&stage.client);
        for calls in [1, 2] {
            let answer = stage.dispatch(rpc(kept(COUNTER, "w")), json!({})).await;
            assert_eq!(answer.unwrap()["calls"], json!(calls));
        }
    });
}

#[test]
fn a_missing_loader_does_not_resolve() {
    on_stage(|mut stage| async move {
        for descriptor in [rpc(worker(COUNTER)), fetch(worker(COUNTER))] {
            let asserted = assert_dispatch_context(&stage.dispatch, &descriptor);
            assert_eq!(super::code(asserted), ErrorCode::ResolutionFailed);
            let failure = stage.failure(descriptor, json!({})).await;
            assert_eq!(failure.message, "there is no binding \"LOADER\"");
        }
        with_loader(&mut stage);
        let named = |name: &str| {
            rpc(with(
                worker(COUNTER),
                "workerLoaderBindingName",
                json!(name),
            ))
        };
        let failure = stage.failure(named("LOADER_2"), json!({})).await;
        assert_eq!(failure.message, "there is no binding \"LOADER_2\"");
        let failure = stage.failure(named("SERVICE"), json!({})).await;
        assert_eq!(
            failure.message,
            "binding \"SERVICE\" is not a worker loader"
        );
        assert_eq!(failure.code, ErrorCode::ResolutionFailed);
    });
}

#[test]
fn code_that_does_not_load_does_not_resolve() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        for source in [
            "export default {",
            "import './absent.js'",
            "throw new Error('no')",
        ] {
            let failure = stage.failure(rpc(kept(source, "w")), json!({})).await;
            assert_eq!(failure.code, ErrorCode::ResolutionFailed, "{source}");
            assert!(failure.message.contains("does not load"), "{failure}");
        }
        // What failed was not kept.
        let answer = stage.dispatch(rpc(kept(COUNTER, "w")), json!({})).await;
        assert_eq!(answer.unwrap()["calls"], json!(1));
    });
}

#[test]
fn what_a_script_throws_passes_unwrapped() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let fail = with(rpc(worker(COUNTER)), "rpcMethod", json!("fail"));
        let error = stage.dispatch(fail, json!({})).await.unwrap_err();
        let CallableError::Call(error) = error else {
            panic!("wrapped: {error}");
        };
        assert_eq!(error, CallError::remote("RangeError", "its own words"));
    });
}

#[test]
fn an_export_or_method_that_is_missing_is_the_workers_own_error() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let absent = rpc(entrypoint(worker(COUNTER), json!({ "name": "Absent" })));
        let missing = with(rpc(worker(COUNTER)), "rpcMethod", json!("missing"));
        for descriptor in [absent, missing] {
            let error = stage.dispatch(descriptor, json!({})).await.unwrap_err();
            assert!(error.is_permanent());
            assert!(matches!(
                error,
                CallableError::Call(CallError::Unresolved(_))
            ));
        }
    });
}

#[test]
fn an_export_without_fetch_is_not_fetchable() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let deaf = fetch(entrypoint(worker(COUNTER), json!({ "name": "deaf" })));
        let failure = stage.failure(deaf, json!({})).await;
        assert_eq!(failure.code, ErrorCode::ResolutionFailed);
    });
}

#[test]
fn a_live_capability_fits_into_no_script() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let capability = stage
            .client
            .export(Rc::new(|_, _| unreachable!("not called")));
        let payload = Arguments::new().with("stream", Argument::Capability(capability));
        let go = Callable::parse(&rpc(worker(COUNTER))).unwrap();
        let error = dispatch(&stage.dispatch, &go, payload).await.unwrap_err();
        let CallableError::Call(error) = error else {
            panic!("wrapped: {error}");
        };
        assert_eq!(error.code(), Some(CallError::INVALID));
    });
}

#[test]
fn a_script_accepts_no_websocket() {
    on_stage(|mut stage| async move {
        with_loader(&mut stage);
        let callable = Callable::parse(&fetch(worker(COUNTER))).unwrap();
        let outcome = connect_websocket(&stage.dispatch, &callable, Default::default()).await;
        assert_eq!(super::code(outcome.map(drop)), ErrorCode::TransportFailed);
    });
}
