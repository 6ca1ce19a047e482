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

#[test]
fn the_session_says_once_that_it_has_started_before_the_checkpoint() {
    run(|| async {
        let bench = bench();
        bench.stream.fail_next(SESSION_STARTED, Fault::LostCall);
        bench.stream.fail_next(SESSION_STARTED, Fault::LostReply);
        bench
            .stream
            .push(EventInput::new(VARS_UPDATED, json!({ "vars": {} })));
        bench.deliver().await;
        bench.run_ms(200).await;
        bench
            .say(EventInput::new(VARS_UPDATED, json!({ "vars": {} })))
            .await;
        let started = bench.appended(&SESSION_STARTED);
        assert_eq!(started.len(), 1);
        assert_eq!(key(&started[0]), SESSION_STARTED.as_str());
        let callable = &payload(&started[0])["sessionCapabilityCallable"];
        assert_eq!(callable["via"]["durableObject"]["name"], "p1:/agents/a");
        assert!(bench.state().session_started);
    });
}

#[test]
fn what_lies_below_the_anchor_starts_no_session() {
    run(|| async {
        let bench = with(Setting {
            anchor: 1,
            ..Setting::default()
        });
        bench
            .say(EventInput::new(VARS_UPDATED, json!({ "vars": {} })))
            .await;
        assert_eq!(bench.count(&SESSION_STARTED), 0);
    });
}

#[test]
fn a_script_reads_the_variables_as_of_its_event() {
    run(|| async {
        let bench = bench();
        let vars = |vars: Value| EventInput::new(VARS_UPDATED, json!({ "vars": vars }));
        bench.stream.push(vars(json!({ "a": "1", "b": "1" })));
        bench
            .stream
            .push(script("early", "(ctx) => ctx.codemode.vars"));
        bench.stream.push(vars(json!({ "b": "2", "c": "2" })));
        bench
            .stream
            .push(script("late", "(ctx) => ctx.codemode.vars"));
        bench.run_ms(200).await;
        let mut ends = ends(&bench);
        ends.sort_by_key(|(id, _)| id.clone());
        assert_eq!(ends[0].1, returned(json!({ "a": "1", "b": "1" })));
        assert_eq!(ends[1].1, returned(json!({ "a": "1", "b": "2", "c": "2" })));
    });
}

#[test]
fn a_script_knows_where_it_runs() {
    run(|| async {
        let outcome = outcome_of("({ env, console: own }) => [env, own === console]").await;
        let place = json!({ "namespace": "p1", "path": "/agents/a" });
        assert_eq!(outcome, returned(json!([place, true])));
    });
}

#[test]
fn the_lines_of_a_script_come_in_order_under_keys_that_count_them() {
    run(|| async {
        let bench = bench();
        let code = "async (ctx) => {
            console.log('one', { n: 1 });
            ctx.console.warn('two');
            await new Promise((resolve) => setTimeout(resolve, 100));
            console.error('three');
        }";
        bench.stream.fail_next(LOG_EMITTED, Fault::LostCall);
        bench.stream.fail_next(LOG_EMITTED, Fault::LostReply);
        let requested = bench.say(script("s", code)).await;
        bench.run_ms(5_000).await;
        let lines = bench.appended(&LOG_EMITTED);
        let shown: Vec<String> = lines
            .iter()
            .map(|line| {
                let payload = payload(line);
                assert_eq!(payload["scriptExecutionId"], "s");
                format!("{} {} {}", key(line), payload["level"], payload["message"])
            })
            .collect();
        assert_eq!(
            shown,
            [
                format!("codemode/log-emitted/0@{requested} \"log\" \"one {{\\\"n\\\":1}}\""),
                format!("codemode/log-emitted/1@{requested} \"warn\" \"two\""),
                format!("codemode/log-emitted/2@{requested} \"error\" \"three\""),
            ]
        );
        let end = bench.appended(&SCRIPT_EXECUTION_COMPLETED).remove(0);
        assert!(lines.iter().all(|line| line.offset < end.offset));
        assert_eq!(payload(&end)["outcome"], json!({ "status": "returned" }));
    });
}

#[test]
fn a_script_that_writes_too_much_is_not_heard_any_longer() {
    run(|| async {
        let bench = bench();
        let code = "() => { for (let n = 0; n < 1500; n++) console.log(n); }";
        bench.say(script("s", code)).await;
        bench.run_ms(500).await;
        let lines = bench.appended(&LOG_EMITTED);
        assert_eq!(lines.len(), 1_001);
        let last = payload(lines.last().unwrap());
        assert_eq!(last["message"], "further lines are left out");
    });
}

#[test]
fn whatever_a_script_throws_is_told_as_a_message() {
    run(|| async {
        for (code, message) in [
            (
                "async () => { throw new RangeError('too far'); }",
                "too far",
            ),
            ("() => { throw 'a text'; }", "a text"),
            ("() => { throw null; }", "null"),
            (
                "() => { throw { toString() { throw 1; } }; }",
                "an error that cannot be shown",
            ),
            ("() => missing", "missing is not defined"),
            ("7", "a script is one function expression"),
            (
                "() => new Promise(() => {})",
                "the script waits for something that will never happen",
            ),
            (
                "() => { for (;;) {} }",
                "the script was stopped: it exceeded its limit of work",
            ),
        ] {
            assert_eq!(outcome_of(code).await, threw(message), "{code}");
        }
        let outcome = outcome_of("async () => {").await;
        assert_eq!(outcome["status"], "threw", "{outcome}");
    });
}

#[test]
fn a_script_that_wants_all_the_memory_fails_alone() {
    run(|| async {
        let bench = bench();
        let greedy = "() => { const all = []; for (;;) all.push('x'.repeat(1e6) + all.length); }";
        bench.stream.push(script("greedy", greedy));
        bench.stream.push(script("modest", "() => 1"));
        bench.run_ms(200).await;
        let ends = ends(&bench);
        let of = |id: &str| &ends.iter().find(|(script, _)| script == id).unwrap().1;
        assert_eq!(of("greedy")["status"], "threw");
        assert_eq!(*of("modest"), returned(json!(1)));
    });
}

#[test]
fn a_script_that_never_ends_is_stopped_when_its_time_is_up() {
    run(|| async {
        let bench = bench();
        let code = "() => new Promise((resolve) => setTimeout(resolve, 1e9))";
        bench.say(script("s", code)).await;
        bench.run_ms(SCRIPT_DURATION_MS_MAX - 1_000).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 0);
        assert!(bench.owes().await);
        bench.run_ms(2_000).await;
        let message = "the script was stopped: it ran for more than 300 s";
        assert_eq!(end(&bench), threw(message));
        let ended = payload(&bench.appended(&SCRIPT_EXECUTION_COMPLETED)[0]);
        assert_eq!(ended["durationMs"], SCRIPT_DURATION_MS_MAX);
    });
}

#[test]
fn undefined_is_no_value_and_null_is_one() {
    run(|| async {
        assert_eq!(
            outcome_of("() => {}").await,
            json!({ "status": "returned" })
        );
        assert_eq!(outcome_of("() => null").await, returned(json!(null)));
    });
}

#[test]
fn what_is_not_json_is_told_by_markers() {
    run(|| async {
        let code = "async () => {
            const self = { name: 'loop' };
            self.self = self;
            return [
                () => 1, 10n, NaN, Symbol('s'), undefined, self, new Date(0), new Map([['k', 1]]),
                new Response('x', { status: 404 }), new Request('https://a.test/'), new Uint8Array(3),
                new TypeError('oh'), Promise.resolve(1), { getReader() {} }, '\\ud800', new Headers({ a: 'b' }),
            ];
        }";
        let expected = json!([
            "[function]", "[bigint 10]", "[number NaN]", "[symbol]", null,
            { "name": "loop", "self": "[circular]" }, "1970-01-01T00:00:00.000Z", { "k": 1 },
            "[response 404]", "[request GET https://a.test/]", "[3 bytes]",
            { "name": "TypeError", "message": "oh" }, "[promise]", "[stream]", "\u{fffd}", { "a": "b" },
        ]);
        assert_eq!(outcome_of(code).await, returned(expected));
    });
}

#[test]
fn the_session_itself_answers_below_codemode() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["slack", "agent"])).await;
        let code = "async (ctx) => [await ctx.codemode.ping(), await ctx.codemode.debugInfo()]";
        bench.say(script("s", code)).await;
        bench.run_ms(200).await;
        let outcome = end(&bench);
        let (pong, info) = (&outcome["value"][0], &outcome["value"][1]);
        assert_eq!(pong, "pong");
        assert_eq!(info["session"], "p1:/agents/a");
        assert_eq!(info["toolProviders"][0]["path"], json!(["slack", "agent"]));
        assert_eq!(info["openScriptExecutions"], json!(["s"]));
        assert_eq!(bench.count(&FUNCTION_CALL_REQUESTED), 0);
        let unknown = outcome_of("(ctx) => ctx.codemode.nothing.there()").await;
        assert_eq!(
            unknown,
            threw("There is no function codemode.nothing.there.")
        );
    });
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

#[test]
fn a_provider_that_listens_to_events_is_called_and_answers() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["slack", "agent"])).await;
        let code = "async (ctx) => (await ctx.slack.agent.threadInfo('a', { b: 1 })).channel";
        bench.say(script("s", code)).await;
        let call = requested_call(&bench).await;
        let id = payload(&call)["functionCallId"].clone();
        let expected = json!({
            "args": ["a", { "b": 1 }],
            "functionCallId": id,
            "functionPath": ["threadInfo"],
            "invocationKind": "event",
            "path": ["slack", "agent", "threadInfo"],
            "providerPath": ["slack", "agent"],
            "scriptExecutionId": "s",
        });
        assert_eq!(payload(&call), expected);
        let requested = format!("codemode:function-call-requested:{}", id.as_str().unwrap());
        assert_eq!(key(&call), requested);
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 0);
        bench
            .say(answer(&call, returned(json!({ "channel": "C1" }))))
            .await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), returned(json!("C1")));
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
        assert!(!bench.owes().await);
    });
}

#[test]
fn what_a_provider_throws_the_script_may_catch() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        let code = "async (ctx) => {
            try { await ctx.a.b(); } catch (error) { return [error instanceof Error, error.message]; }
        }";
        bench.say(script("s", code)).await;
        let call = requested_call(&bench).await;
        bench.say(answer(&call, threw("no route"))).await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), returned(json!([true, "no route"])));
    });
}

#[test]
fn the_provider_with_the_longest_fitting_path_is_called() {
    run(|| async {
        let bench = bench();
        for path in [
            &["a"][..],
            &["a", "b", "c"],
            &["a", "b"],
            &["a", "b", "x"],
            &["b"],
        ] {
            bench.stream.push(event_provider(path));
        }
        let code = "(ctx) => { ctx.a.b.c.d(); ctx.a.b.c(); ctx.a.b.cc(); ctx.a(); ctx.a.x.b(); return ctx.c.a(); }";
        bench.say(script("s", code)).await;
        bench.run_ms(300).await;
        let calls = bench.appended(&FUNCTION_CALL_REQUESTED);
        let resolved: Vec<Value> = calls
            .iter()
            .map(|call| json!([payload(call)["providerPath"], payload(call)["functionPath"]]))
            .collect();
        assert_eq!(
            resolved,
            [
                json!([["a", "b", "c"], ["d"]]),
                json!([["a", "b", "c"], []]),
                json!([["a", "b"], ["cc"]]),
                json!([["a"], []]),
                json!([["a"], ["x", "b"]]),
            ]
        );
        assert_eq!(
            end(&bench),
            threw("No codemode provider registered for c.a.")
        );
    });
}

#[test]
fn a_later_registration_of_a_path_replaces_the_earlier_one() {
    run(|| async {
        let bench = bench();
        bench.stream.push(rpc_provider(&["a"]));
        bench.stream.push(event_provider(&["a"]));
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        let call = requested_call(&bench).await;
        assert_eq!(payload(&call)["invocationKind"], "event");
    });
}

#[test]
fn a_provider_that_was_registered_a_moment_ago_is_found() {
    run(|| async {
        let bench = bench();
        let code = "async (ctx) => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            return await ctx.a.b();
        }";
        bench.say(script("s", code)).await;
        // The processor has not seen it when the script calls.
        bench.stream.push(event_provider(&["a"]));
        pass_ms(100).await;
        assert_eq!(bench.count(&FUNCTION_CALL_REQUESTED), 1);
    });
}

#[test]
fn a_call_that_nobody_answers_ends_when_its_time_is_up() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        let call = requested_call(&bench).await;
        bench.run_ms(CALL_DURATION_MS_MAX - 1_000).await;
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 0);
        bench.run_ms(2_000).await;
        let message = "a.b was not answered within 60 s";
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED).remove(0);
        assert_eq!(payload(&ended)["outcome"], threw(message));
        assert_eq!(end(&bench), threw(message));
        // The answer comes after all: it changes nothing.
        bench.say(answer(&call, returned(json!(1)))).await;
        bench.run_ms(200).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 1);
        assert!(!bench.owes().await);
    });
}

#[test]
fn an_answer_that_comes_with_the_time_out_counts() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        let call = requested_call(&bench).await;
        // It stands in the stream before the time is up, and is not delivered.
        bench.stream.push(answer(&call, returned(json!("in time"))));
        pass_ms(CALL_DURATION_MS_MAX + 1_000).await;
        bench.run_ms(200).await;
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
        assert_eq!(end(&bench), returned(json!("in time")));
    });
}

#[test]
fn an_answer_that_comes_when_the_script_has_ended_harms_nobody() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench
            .say(script(
                "s",
                "(ctx) => { ctx.a.b(); return new Promise((go) => setTimeout(go, 100, 1)); }",
            ))
            .await;
        let call = requested_call(&bench).await;
        bench.run_ms(300).await;
        assert_eq!(end(&bench), returned(json!(1)));
        assert!(bench.owes().await, "the call has not ended");
        bench.say(answer(&call, returned(json!(2)))).await;
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
        assert!(!bench.owes().await);
    });
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

#[test]
fn a_provider_over_rpc_is_called_and_its_answer_is_told() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench
            .say(script("s", "(ctx) => ctx.tools.files.read({ path: '/a' })"))
            .await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), returned(json!(1)));
        let call = payload(&bench.appended(&FUNCTION_CALL_REQUESTED)[0]);
        let id = call["functionCallId"].as_str().unwrap().to_owned();
        let mut expected = call.clone();
        expected["codemodeSessionCapability"] = json!("live");
        assert_eq!(*tools.calls.borrow(), [expected]);
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED).remove(0);
        assert_eq!(
            key(&ended),
            format!("codemode:function-call-completed:{id}")
        );
        assert_eq!(payload(&ended)["outcome"], returned(json!(1)));
        assert_eq!(payload(&ended)["scriptExecutionId"], "s");
        tools.fails.set(true);
        bench
            .say(script("again", "(ctx) => ctx.tools.files.read()"))
            .await;
        bench.run_ms(200).await;
        assert_eq!(ends(&bench)[1].1, threw("the tool is busy"));
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED).remove(1);
        assert_eq!(payload(&ended)["outcome"], threw("the tool is busy"));
    });
}

#[test]
fn a_provider_that_cannot_be_reached_is_an_error_of_the_call() {
    run(|| async {
        let bench = bench();
        let missing = Callable::export_method("Missing", None, "callFunction");
        bench
            .say(provider(
                &["a"],
                json!({ "kind": "rpc", "callable": missing }),
            ))
            .await;
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        bench.run_ms(200).await;
        let message = "RESOLUTION_FAILED: there is no export \"Missing\"";
        assert_eq!(end(&bench), threw(message));
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED).remove(0);
        assert_eq!(payload(&ended)["outcome"], threw(message));
    });
}

#[test]
fn a_global_fetch_calls_the_provider_of_that_path() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["fetch"])).await;
        let code = "async () => {
            const response = await fetch('https://a.test/x?y=1', {
                method: 'post', headers: { 'X-A': 'b' }, body: 'hi',
            });
            return [response.status, response.headers.get('x-c'), await response.text()];
        }";
        bench.say(script("s", code)).await;
        let call = requested_call(&bench).await;
        let init = json!({
            "method": "POST",
            "headers": [["content-type", "text/plain;charset=UTF-8"], ["x-a", "b"]],
            "body": { "text": "hi" },
            "redirect": "follow",
        });
        assert_eq!(payload(&call)["path"], json!(["fetch"]));
        assert_eq!(
            payload(&call)["args"],
            json!(["https://a.test/x?y=1", init])
        );
        let response =
            json!({ "status": 201, "headers": [["x-c", "d"]], "body": { "text": "ho" } });
        bench.say(answer(&call, returned(response))).await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), returned(json!([201, "d", "ho"])));
    });
}

#[test]
fn a_provider_of_fetch_may_answer_with_any_value_or_fail() {
    run(|| async {
        for (outcome, expected) in [
            (returned(json!({ "a": 1 })), json!({ "a": 1 })),
            (returned(json!("\"text\"")), json!("text")),
            (threw("no way there"), json!("TypeError: no way there")),
        ] {
            let bench = bench();
            bench.say(event_provider(&["fetch"])).await;
            let code = "() => fetch('https://a.test/').then((response) => response.json(), String)";
            bench.say(script("s", code)).await;
            let call = requested_call(&bench).await;
            bench.say(answer(&call, outcome)).await;
            bench.run_ms(200).await;
            assert_eq!(end(&bench), returned(expected));
        }
        let message = "No codemode provider registered for fetch.";
        assert_eq!(
            outcome_of("() => fetch('https://a.test/')").await,
            threw(message)
        );
    });
}

#[test]
fn scripts_run_beside_one_another_and_beside_the_batches() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench.stream.push(script("slow", "(ctx) => ctx.a.b()"));
        bench.stream.push(script(
            "fast",
            "(ctx) => new Promise((go) => setTimeout(go, 10, 'fast'))",
        ));
        bench.deliver().await;
        let call = requested_call(&bench).await;
        bench.run_ms(200).await;
        assert_eq!(ends(&bench), [("fast".to_owned(), returned(json!("fast")))]);
        assert_eq!(bench.checkpoint().0, bench.stream.all().len() as u64);
        bench.say(answer(&call, returned(json!("slow")))).await;
        bench.run_ms(200).await;
        assert_eq!(
            ends(&bench)[1],
            ("slow".to_owned(), returned(json!("slow")))
        );
    });
}

#[test]
fn scripts_do_not_see_one_another() {
    run(|| async {
        let bench = bench();
        bench
            .say(script(
                "a",
                "() => { globalThis.seen = 1; JSON.stringify = null; }",
            ))
            .await;
        bench.run_ms(100).await;
        bench.say(script("b", "() => typeof seen")).await;
        bench.run_ms(100).await;
        assert_eq!(ends(&bench)[0].1, json!({ "status": "returned" }));
        assert_eq!(ends(&bench)[1].1, returned(json!("undefined")));
    });
}

#[test]
fn the_same_call_again_is_not_made_twice() {
    run(|| async {
        let session: Rc<RefCell<Option<Rc<Session>>>> = Rc::default();
        let tools: Rc<Tools> = Rc::default();
        let given = session.clone();
        let build = move |dependencies| {
            let session = Session::new(dependencies);
            *given.borrow_mut() = Some(session.clone());
            CodemodeProcessor::new(session)
        };
        let bench = Bench::with(
            build,
            Setting {
                callee: Some(tools.callee()),
                ..Setting::default()
            },
        );
        bench.say(rpc_provider(&["tools"])).await;
        let call = || {
            let request = CallRequest {
                path: FullPath::of(["tools", "count"]).unwrap(),
                args: Vec::new(),
                function_call_id: Some("c1".into()),
                script_execution_id: None,
            };
            session.borrow().clone().unwrap().call_function(request)
        };
        let (first, joined) = futures_util::future::join(call(), call()).await;
        let later = call().await;
        bench.run_ms(100).await;
        bench.restart();
        let reborn = call().await;
        for answer in [first, joined, later, reborn] {
            assert_eq!(answer.unwrap().to_json(), Some(json!(1)));
        }
        assert_eq!(tools.calls.borrow().len(), 1);
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
    });
}

const SCRIPT_DIED: &str =
    "the session ended while the script ran; how far it came is unknown, and it is not run again";
const CALL_DIED: &str = "the session ended during the call; whether it had its effect is unknown";

/// A script that calls a tool, and then waits for an event.
const TWO_CALLS: &str = "async (ctx) => { await ctx.tools.count(); return await ctx.wait.here(); }";

#[test]
fn a_script_whose_session_died_is_settled_and_not_run_again() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench.stream.push(event_provider(&["wait"]));
        let requested = bench.say(script("s", TWO_CALLS)).await;
        bench.run_ms(500).await;
        assert_eq!(tools.calls.borrow().len(), 1);
        bench.restart();
        bench.ring().await.unwrap();
        bench.run_ms(200).await;
        assert_eq!(end(&bench), threw(SCRIPT_DIED));
        let ended = bench.appended(&SCRIPT_EXECUTION_COMPLETED).remove(0);
        let expected = format!("codemode/script-execution-completed@{requested}");
        assert_eq!(key(&ended), expected);
        bench.ring().await.unwrap();
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 1);
        assert_eq!(tools.calls.borrow().len(), 1);
        assert!(!bench.owes().await);
    });
}

#[test]
fn with_x12_a_script_whose_session_died_stays_open_for_ever() {
    run(|| async {
        let (bench, _) = with_tools(Some(Quirk::X12));
        bench.stream.push(event_provider(&["wait"]));
        bench.say(script("s", TWO_CALLS)).await;
        bench.run_ms(500).await;
        bench.restart();
        bench.ring().await.unwrap();
        bench
            .say(EventInput::new(VARS_UPDATED, json!({ "vars": {} })))
            .await;
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 0);
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1, "only the tool's");
    });
}

#[test]
fn the_next_batch_settles_what_died_too() {
    run(|| async {
        let (bench, _) = with_tools(None);
        bench.stream.push(event_provider(&["wait"]));
        bench.say(script("s", TWO_CALLS)).await;
        bench.run_ms(500).await;
        bench.restart();
        bench
            .say(EventInput::new(VARS_UPDATED, json!({ "vars": {} })))
            .await;
        bench.run_ms(200).await;
        assert_eq!(end(&bench), threw(SCRIPT_DIED));
    });
}

#[test]
fn a_call_by_event_whose_waiter_died_still_gets_its_one_answer() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        let call = requested_call(&bench).await;
        bench.run_ms(100).await;
        bench.restart();
        bench.ring().await.unwrap();
        bench.run_ms(200).await;
        assert_eq!(end(&bench), threw(SCRIPT_DIED));
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 0);
        bench.say(answer(&call, returned(json!(1)))).await;
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
        assert!(!bench.owes().await);
    });
}

#[test]
fn a_call_by_event_whose_waiter_died_ends_when_its_time_is_up() {
    run(|| async {
        let bench = bench();
        bench.say(event_provider(&["a"])).await;
        bench.say(script("s", "(ctx) => ctx.a.b()")).await;
        requested_call(&bench).await;
        bench.run_ms(100).await;
        bench.restart();
        bench.ring().await.unwrap();
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED);
        assert_eq!(ended.len(), 1);
        let message = "a.b was not answered within 60 s";
        assert_eq!(payload(&ended[0])["outcome"], threw(message));
        assert!(!bench.owes().await);
    });
}

#[test]
fn a_call_over_rpc_that_died_is_settled_and_not_made_again() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        // The session dies before it hears that its end was taken, and did not come that far.
        for _ in 0..5 {
            bench
                .stream
                .fail_next(FUNCTION_CALL_COMPLETED, Fault::LostCall);
        }
        bench.say(script("s", "(ctx) => ctx.tools.count()")).await;
        bench.run_ms(500).await;
        assert_eq!(tools.calls.borrow().len(), 1);
        bench.restart();
        bench.stream.heal();
        bench.ring().await.unwrap();
        bench.run_ms(200).await;
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED);
        assert_eq!(ended.len(), 1);
        assert_eq!(payload(&ended[0])["outcome"], threw(CALL_DIED));
        assert_eq!(end(&bench), threw(SCRIPT_DIED));
        assert_eq!(tools.calls.borrow().len(), 1);
    });
}

#[test]
fn a_provider_that_knows_its_calls_is_asked_again_when_the_way_to_it_fails() {
    run(|| async {
        for is_idempotent in [true, false] {
            let (bench, tools) = with_tools(None);
            if is_idempotent {
                bench.stream.push(idempotent_provider(&["tools"]));
            }
            tools.lost.set(2);
            bench.say(script("s", "(ctx) => ctx.tools.count()")).await;
            bench.run_ms(5_000).await;
            let calls = tools.calls.borrow();
            let ids: Vec<&Value> = calls.iter().map(|call| &call["functionCallId"]).collect();
            assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one call");
            match is_idempotent {
                true => assert_eq!(end(&bench), returned(json!(3))),
                false => assert_eq!(end(&bench)["status"], "threw"),
            }
            assert_eq!(ids.len(), if is_idempotent { 3 } else { 1 });
            assert_eq!(bench.count(&FUNCTION_CALL_COMPLETED), 1);
        }
    });
}

#[test]
fn what_came_of_a_call_that_died_is_asked_of_a_provider_that_knows_its_calls() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench.stream.push(idempotent_provider(&["tools"]));
        tools.lost.set(u32::MAX);
        bench
            .say(script("s", "(ctx) => ctx.tools.count({ a: 1 })"))
            .await;
        bench.run_ms(500).await;
        let first = tools.calls.borrow()[0].clone();
        bench.restart();
        tools.lost.set(0);
        bench.ring().await.unwrap();
        bench.run_ms(200).await;
        let again = tools.calls.borrow().last().unwrap().clone();
        assert_eq!(again, first);
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED);
        assert_eq!(ended.len(), 1);
        assert_eq!(payload(&ended[0])["outcome"]["status"], "returned");
        assert_eq!(end(&bench), threw(SCRIPT_DIED));
        assert!(!bench.owes().await);
    });
}

#[test]
fn an_end_that_the_stream_does_not_take_is_said_again_when_the_alarm_rings() {
    run(|| async {
        let bench = bench();
        for _ in 0..5 {
            bench
                .stream
                .fail_next(SCRIPT_EXECUTION_COMPLETED, Fault::LostCall);
        }
        bench.stream.fail_next(LOG_EMITTED, Fault::LostReply);
        bench
            .say(script("s", "() => { console.log('line'); return 1; }"))
            .await;
        bench.run_ms(10_000).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_COMPLETED), 0);
        assert!(bench.owes().await);
        bench.ring().await.unwrap();
        bench.run_ms(100).await;
        assert_eq!(end(&bench), returned(json!(1)));
        assert_eq!(bench.count(&LOG_EMITTED), 1);
    });
}

#[test]
fn an_end_whose_reply_got_lost_is_told_once() {
    run(|| async {
        let (bench, _) = with_tools(None);
        bench
            .stream
            .fail_next(SCRIPT_EXECUTION_COMPLETED, Fault::LostReply);
        bench
            .stream
            .fail_next(FUNCTION_CALL_COMPLETED, Fault::LostReply);
        bench
            .stream
            .fail_next(FUNCTION_CALL_REQUESTED, Fault::LostReply);
        bench.say(script("s", "(ctx) => ctx.tools.count()")).await;
        bench.run_ms(10_000).await;
        assert_eq!(end(&bench), returned(json!(1)));
        for kind in [&FUNCTION_CALL_REQUESTED, &FUNCTION_CALL_COMPLETED] {
            assert_eq!(bench.count(kind), 1);
        }
    });
}

#[test]
fn a_batch_that_fails_and_comes_again_runs_its_script_once() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        for _ in 0..5 {
            bench.stream.fail_next(SESSION_STARTED, Fault::LostCall);
        }
        bench.stream.push(script("s", "(ctx) => ctx.tools.count()"));
        assert!(bench.try_deliver().await.is_err());
        pass_ms(1_000).await;
        assert_eq!(
            tools.calls.borrow().len(),
            0,
            "nothing begins before the checkpoint"
        );
        bench.run_ms(1_000).await;
        assert_eq!(
            (tools.calls.borrow().len(), end(&bench)),
            (1, returned(json!(1)))
        );
    });
}

#[test]
fn a_crash_before_the_checkpoint_runs_the_script_when_its_batch_comes_again() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench.stream.push(script("s", "(ctx) => ctx.tools.count()"));
        bench.stream.fail_next(SESSION_STARTED, Fault::LostCall);
        let deliver = bench.try_deliver();
        let crash = async {
            pass_ms(500).await;
            bench.restart();
        };
        futures_util::future::select(Box::pin(deliver), Box::pin(crash)).await;
        bench.run_ms(1_000).await;
        assert_eq!(
            (tools.calls.borrow().len(), end(&bench)),
            (1, returned(json!(1)))
        );
    });
}

#[test]
fn a_script_that_is_asked_for_again_under_its_id_runs_once() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        let again = || script("s", "(ctx) => ctx.tools.count()").keyed("another key");
        bench.stream.push(script("s", "(ctx) => ctx.tools.count()"));
        bench.stream.push(again());
        bench.run_ms(500).await;
        assert_eq!(
            (tools.calls.borrow().len(), end(&bench)),
            (1, returned(json!(1)))
        );
    });
}

#[test]
fn a_script_below_the_anchor_is_settled_without_being_run() {
    run(|| async {
        let tools: Rc<Tools> = Rc::default();
        let stream: Rc<FakeStream> = Rc::default();
        stream.push(rpc_provider(&["tools"]));
        let requested = stream.push(script("s", "(ctx) => ctx.tools.count()"));
        let bench = with(Setting {
            callee: Some(tools.callee()),
            stream: Some(stream),
            anchor: requested.0,
            ..Setting::default()
        });
        bench.run_ms(500).await;
        let message =
            "the script was not run: it was requested before this session took up its stream";
        assert_eq!(end(&bench), threw(message));
        assert_eq!(tools.calls.borrow().len(), 0);
        assert!(!bench.owes().await);
    });
}

#[test]
fn what_has_ended_further_on_in_an_old_log_is_not_taken_up() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench.stream.push(event_provider(&["a"]));
        let code = "async (ctx) => { await ctx.tools.count(); return await ctx.a.b(); }";
        bench.stream.push(script("s", code));
        bench.run_ms(500).await;
        let call = bench.appended(&FUNCTION_CALL_REQUESTED).remove(1);
        bench.say(answer(&call, returned(json!(2)))).await;
        bench.run_ms(500).await;
        assert_eq!(end(&bench), returned(json!(2)));
        let log = bench.stream.all();
        // Another session takes the log up, event by event.
        let late = with(Setting {
            callee: Some(tools.callee()),
            stream: Some(bench.stream.clone()),
            ..Setting::default()
        });
        for _ in 0..log.len() {
            late.try_deliver_some(1).await.unwrap();
            pass_ms(100).await;
        }
        assert_eq!(bench.stream.all().len(), log.len(), "nothing is appended");
        assert_eq!(tools.calls.borrow().len(), 1);
    });
}

#[test]
fn while_the_stream_is_paused_ends_wait() {
    run(|| async {
        let bench = bench();
        let code = "() => new Promise((go) => setTimeout(go, 100, 1))";
        bench.say(script("s", code)).await;
        bench.stream.push(EventInput::new(PAUSED, json!({})));
        bench.run_ms(1_000).await;
        assert!(bench.ring().await.is_err());
        bench.stream.push(EventInput::new(RESUMED, json!({})));
        bench.ring().await.unwrap();
        bench.run_ms(100).await;
        assert_eq!(end(&bench), returned(json!(1)));
    });
}
