//! Codemode (spec §5.10, §7.7): scripts, the functions that they call, and what becomes of both when
//! their session dies.
//!
//! - [`scripts`], [`calls`], [`recovery`], [`contract`]: the processor, over a stream in memory.
//! - [`session`], [`servers`]: the object, over real streams, in the small world of the runtime's own tests.

mod calls;
mod contract;
mod recovery;
mod scripts;
mod servers;
mod session;
#[allow(dead_code, unused_imports)]
#[path = "../../../runtime/tests/spec/support/mod.rs"]
mod small_world;
#[path = "../support/mod.rs"]
mod support;

use processors::codemode::{contract::*, CodemodeProcessor, Session};
use runtime::{
    call::{Argument, CallError},
    callable::Callable,
    event::{Event, EventInput},
    quirk::Quirk,
};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use support::{key, payload, platform::Callee, run, Bench, Setting};

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

/// One that makes a call once, however often it is dispatched.
fn idempotent_provider(path: &[&str]) -> EventInput {
    let callable = Callable::object_method("TOOLS", "p1:/tools", "callTool");
    let invocation = json!({ "kind": "rpc", "callable": callable, "isIdempotent": true });
    provider(path, invocation)
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

/// Answers a call by event, as the processor of a provider does.
fn answer(call: &Event, outcome: Value) -> EventInput {
    let mut payload = payload(call);
    let completed = payload.as_object_mut().unwrap();
    completed.remove("args");
    completed.insert("outcome".to_owned(), outcome);
    completed.insert("durationMs".to_owned(), json!(0));
    let key = format!("provider/function-call-completed@{}", call.offset);
    EventInput::new(FUNCTION_CALL_COMPLETED, payload).keyed(key)
}

/// The call of a function that the script made first.
async fn requested_call(bench: &CodemodeBench) -> Arc<Event> {
    for _ in 0..100 {
        if let Some(call) = bench.appended(&FUNCTION_CALL_REQUESTED).first() {
            return call.clone();
        }
        bench.run_ms(50).await;
    }
    panic!("no function was called");
}

/// An object that is called over rpc.
#[derive(Default)]
struct Tools {
    calls: RefCell<Vec<Value>>,
    fails: Cell<bool>,
    /// So many replies get lost.
    lost: Cell<u32>,
}

impl Tools {
    fn callee(self: &Rc<Self>) -> Callee {
        let tools = self.clone();
        Rc::new(move |call| {
            assert_eq!(call.target.object().to_string(), "tools p1:/tools");
            assert_eq!(call.method, "callTool");
            let mut seen = json!({});
            for (name, value) in call.arguments.iter() {
                seen[name] = value.to_json().unwrap_or(json!("live"));
            }
            tools.calls.borrow_mut().push(seen);
            if tools.lost.get() > 0 {
                tools.lost.set(tools.lost.get() - 1);
                return Err(CallError::Disconnected("reply lost".into()));
            }
            match tools.fails.get() {
                false => Ok(Argument::json(tools.calls.borrow().len())),
                true => Err(CallError::remote("busy", "the tool is busy")),
            }
        })
    }
}

fn with_tools(quirk: Option<Quirk>) -> (CodemodeBench, Rc<Tools>) {
    let tools: Rc<Tools> = Rc::default();
    let bench = with(Setting {
        callee: Some(tools.callee()),
        quirk,
        ..Setting::default()
    });
    bench.stream.push(rpc_provider(&["tools"]));
    (bench, tools)
}
