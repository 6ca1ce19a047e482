//! The codemode processor (spec §5.10, §7.7): scripts, the functions that they call, and what becomes of
//! both when their session dies. Over a stream in memory.

mod support;

use processors::codemode::{
    call::{CallRequest, CALL_DURATION_MS_MAX},
    contract::*,
    execution::SCRIPT_DURATION_MS_MAX,
    CodemodeProcessor, Session,
};
use runtime::{
    call::{Argument, CallError},
    callable::Callable,
    event::{Event, EventInput, Offset},
    quirk::Quirk,
    stream::contract::{PAUSED, RESUMED},
};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use support::{
    key, pass_ms, payload,
    platform::Callee,
    run,
    stream::{FakeStream, Fault},
    Bench, Setting,
};

type CodemodeBench = Bench<CodemodeProcessor>;

fn bench() -> CodemodeBench {
    with(Setting::default())
}

fn with(setting: Setting) -> CodemodeBench {
    Bench::with(
        |dependencies| CodemodeProcessor::new(Session::new(dependencies)),
        setting,
    )
}

fn script(id: &str, code: &str) -> EventInput {
    let payload = json!({ "scriptExecutionId": id, "code": code });
    EventInput::new(SCRIPT_EXECUTION_REQUESTED, payload).keyed(format!("ask/{id}"))
}

fn provider(path: &[&str], invocation: Value) -> EventInput {
    let payload = json!({ "path": path, "instructions": "Ask.", "invocation": invocation });
    EventInput::new(TOOL_PROVIDER_REGISTERED, payload)
}

fn event_provider(path: &[&str]) -> EventInput {
    provider(path, json!({ "kind": "event" }))
}

fn rpc_provider(path: &[&str]) -> EventInput {
    let callable = Callable::object_method("TOOLS", "p1:/tools", "callTool");
    provider(path, json!({ "kind": "rpc", "callable": callable }))
}

/// How the scripts ended, by id, in the order of the stream.
fn ends(bench: &CodemodeBench) -> Vec<(String, Value)> {
    let ended = bench.appended(&SCRIPT_EXECUTION_COMPLETED);
    let end = |event: &Arc<Event>| {
        let payload = payload(event);
        let id = payload["scriptExecutionId"].as_str().unwrap().to_owned();
        (id, payload["outcome"].clone())
    };
    ended.iter().map(end).collect()
}

fn end(bench: &CodemodeBench) -> Value {
    match ends(bench).as_slice() {
        [(_, outcome)] => outcome.clone(),
        ends => panic!("not one end: {ends:?}"),
    }
}

fn returned(value: Value) -> Value {
    json!({ "status": "returned", "value": value })
}

fn threw(error: &str) -> Value {
    json!({ "status": "threw", "error": error })
}

/// What a script of that code ends with.
async fn outcome_of(code: &str) -> Value {
    let bench = bench();
    bench.say(script("s", code)).await;
    bench.run_ms(200).await;
    end(&bench)
}

#[test]
fn a_script_runs_and_its_end_is_told() {
    run(|| async {
        let bench = bench();
        let requested = bench.say(script("s", "async (ctx) => 6 * 7")).await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), returned(json!(42)));
        let ended = bench.appended(&SCRIPT_EXECUTION_COMPLETED).remove(0);
        let expected = format!("codemode/script-execution-completed@{requested}");
        assert_eq!(key(&ended), expected);
        assert!(payload(&ended)["durationMs"].is_u64());
        assert!(!bench.owes().await);
    });
}
