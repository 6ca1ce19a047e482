//! Scripts: what they see, what they say, how they end.

use super::*;
use crate::support::stream::Fault;
use processors::codemode::execution::SCRIPT_DURATION_MS_MAX;

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
