//! What events hold, and what they leave in the state.

use super::*;
use processors::codemode::call::CALL_DURATION_MS_MAX;
use runtime::processor::Fold;

/// A whole session: every event that it consumes, and what each leaves in the state.
#[test]
fn a_session_from_beginning_to_end() {
    run(|| async {
        let (bench, _) = with_tools(None);
        bench.say(event_provider(&["slack", "agent"])).await;
        bench
            .say(EventInput::new(
                VARS_UPDATED,
                json!({ "vars": { "team": "T1" } }),
            ))
            .await;
        let code = "async (ctx) => {
  console.log('asking for', ctx.codemode.vars.team);
  const { channel } = await ctx.slack.agent.threadInfo();
  return [channel, await ctx.tools.post({ channel, done: () => {} })];
}";
        bench.say(script("s", code)).await;
        let call = requested_call(&bench).await;
        bench
            .say(answer(&call, returned(json!({ "channel": "C1" }))))
            .await;
        bench.run_ms(200).await;
        bench
            .say(script("t", "(ctx) => ctx.slack.agent.threadInfo()"))
            .await;
        bench.run_ms(200).await;
        bench.restart();
        bench.ring().await.unwrap();
        bench.run_ms(CALL_DURATION_MS_MAX + 1_000).await;
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| {
            insta::assert_snapshot!("codemode_session", bench.stream.render());
            insta::assert_snapshot!("codemode_states", states(&bench.stream.all()));
        });
    });
}

/// What each event leaves in the state, without what it left as it was.
fn states(log: &[Arc<Event>]) -> String {
    let mut lines = String::new();
    let mut before = json!(State::default());
    for event in log {
        let fold = Fold::of::<CodemodeProcessor>();
        let after = fold.run(log, event.offset).expect("it parses");
        let kind = event.kind.as_str();
        lines += &format!("{:>3} {}\n", event.offset, kind.rsplit('/').next().unwrap());
        for (field, value) in after.as_object().unwrap() {
            if before.get(field) != Some(value) {
                lines += &format!("      {field}: {value}\n");
            }
        }
        before = after;
    }
    lines
}

#[test]
fn payloads_that_do_not_fit_are_refused() {
    run(|| async {
        let function = json!({ "functionCallId": "c", "functionPath": [], "invocationKind": "rpc", "path": ["a"], "providerPath": ["a"] });
        let with = |field: &str, value: Value| {
            let mut payload = function.clone();
            payload["args"] = json!([]);
            payload[field] = value;
            payload
        };
        for (kind, payload) in [
            (
                SCRIPT_EXECUTION_REQUESTED,
                json!({ "scriptExecutionId": "s", "code": "" }),
            ),
            (SCRIPT_EXECUTION_REQUESTED, json!({ "code": "() => 1" })),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": [], "instructions": "a", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": [""], "instructions": "a", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": ["a"], "instructions": " ", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": ["a"], "instructions": "a", "invocation": { "kind": "rpc" } }),
            ),
            (VARS_UPDATED, json!({ "vars": { "a": 1 } })),
            (LOG_EMITTED, json!({ "level": "debug", "message": "m" })),
            (SESSION_STARTED, json!({ "sessionCapabilityCallable": {} })),
            (FUNCTION_CALL_REQUESTED, with("path", json!([]))),
            (FUNCTION_CALL_REQUESTED, with("functionPath", json!([""]))),
            (
                FUNCTION_CALL_REQUESTED,
                with("invocationKind", json!("fetch")),
            ),
            (
                FUNCTION_CALL_COMPLETED,
                with("outcome", json!({ "status": "lost" })),
            ),
        ] {
            let bench = bench();
            bench
                .stream
                .push(EventInput::new(kind.clone(), payload.clone()));
            assert!(bench.try_deliver().await.is_err(), "{kind}: {payload}");
        }
    });
}
