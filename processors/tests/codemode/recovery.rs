//! What is left when a session dies, when the stream does not take something, when a batch comes again.

use super::*;
use crate::support::{
    pass_ms,
    stream::{FakeStream, Fault},
};
use processors::codemode::call::CALL_DURATION_MS_MAX;
use runtime::{
    processor::Checkpoints,
    stream::contract::{PAUSED, RESUMED},
};

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

/// The script was told that it failed, and has gone on: made now, it would come behind the one after it.
#[test]
fn a_call_that_its_script_has_given_up_is_not_made_later() {
    run(|| async {
        let (bench, tools) = with_tools(None);
        bench.stream.push(idempotent_provider(&["tools"]));
        for _ in 0..5 {
            bench
                .stream
                .fail_next(FUNCTION_CALL_REQUESTED, Fault::LostReply);
        }
        let code = "async (ctx) => {
            const first = await ctx.tools.count(1).catch(() => 'gave up');
            return [first, await ctx.tools.count(2)];
        }";
        bench.say(script("s", code)).await;
        bench.run_ms(30_000).await;
        while bench.owes().await {
            bench.ring().await.unwrap();
            bench.run_ms(1_000).await;
        }
        assert_eq!(end(&bench), returned(json!(["gave up", 1])));
        assert_eq!(tools.calls.borrow().len(), 1, "the second one");
        let ended = bench.appended(&FUNCTION_CALL_COMPLETED);
        let statuses = ended
            .iter()
            .map(|end| payload(end)["outcome"]["status"].clone());
        let mut statuses: Vec<_> = statuses.collect();
        statuses.sort_by_key(|status| status.to_string());
        assert_eq!(statuses, ["returned", "threw"]);
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

#[test]
fn a_checkpoint_of_production_is_read_and_what_is_open_in_it_is_settled() {
    run(|| async {
        let bench = bench();
        let requested = bench.stream.push(script("open", "() => 1"));
        let state = json!({
            "sessionStarted": true,
            "vars": { "a": "1" },
            "toolProviders": {},
            "scriptExecutions": {
                "open": { "status": "requested", "code": "() => 1", "scriptExecutionId": "open" },
                "done": {
                    "status": "completed",
                    "durationMs": 5,
                    "outcome": { "status": "returned", "value": 1 },
                    "scriptExecutionId": "done",
                },
            },
            "functionCalls": {
                "done": { "status": "completed", "functionCallId": "done", "outcome": { "status": "returned" } },
            },
        });
        let snapshot = json!({ "offset": requested, "state": state }).to_string();
        bench.checkpoints.write(requested, snapshot, true).unwrap();
        assert_eq!(bench.state().vars["a"], "1");
        assert!(bench.owes().await);
        bench.ring().await.unwrap();
        bench.run_ms(100).await;
        assert_eq!(ends(&bench), [("open".to_owned(), threw(SCRIPT_DIED))]);
        let ended = bench.appended(&SCRIPT_EXECUTION_COMPLETED).remove(0);
        let expected = format!("codemode/script-execution-completed@{requested}");
        assert_eq!(key(&ended), expected, "found in the log");
        assert!(!bench.owes().await);
    });
}
