//! Calls of functions: who is called, what is told of it, how it ends.

use super::*;
use crate::support::pass_ms;
use processors::codemode::call::{CallRequest, CALL_DURATION_MS_MAX};

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
