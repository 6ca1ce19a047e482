//! Codemode (spec §5.10, §7.7).

use crate::review::Named;
use processors::codemode::{
    call::CALL_DURATION_MS_MAX, contract::*, providers, CodemodeProcessor, Session,
};
use runtime::{
    call::Argument,
    callable::Callable,
    event::{EventInput, Offset},
};
use semantics::{Answer, Story};
use serde_json::{json, Value};

pub fn stories() -> Vec<Named> {
    vec![
        ("script", script_story().tell()),
        ("providers", providers_story().tell()),
        ("redelivery", redelivery().tell()),
        ("died", died().tell()),
        ("unanswered", unanswered().tell()),
        ("below_the_anchor", below_the_anchor().tell()),
        ("fetch", fetch().tell()),
    ]
}

fn story(title: &str) -> Story<CodemodeProcessor> {
    Story::new(title, "p1:/agents/a", |given| {
        CodemodeProcessor::new(Session::new(given))
    })
    .callee(|call| {
        let function = call.arguments.require("functionPath")?.to_json();
        Ok(Argument::json(json!({ "called": function })))
    })
}

fn script(id: &str, code: &str) -> EventInput {
    let payload = json!({ "scriptExecutionId": id, "code": code });
    EventInput::new(SCRIPT_EXECUTION_REQUESTED, payload).keyed(format!("ask/{id}"))
}

fn provider(path: &[&str], invocation: Value) -> EventInput {
    let payload = json!({ "path": path, "instructions": "Ask.", "invocation": invocation });
    EventInput::new(TOOL_PROVIDER_REGISTERED, payload)
}

fn by_event(path: &[&str]) -> EventInput {
    provider(path, json!({ "kind": "event" }))
}

fn by_rpc(path: &[&str]) -> EventInput {
    let callable = Callable::object_method("TOOLS", "p1:/tools", "callTool");
    provider(path, json!({ "kind": "rpc", "callable": callable }))
}

/// What `slack.agent` answers to a call.
fn answer(id: &str) -> impl FnOnce(Offset) -> EventInput {
    let payload = json!({
        "durationMs": 0,
        "functionCallId": id,
        "functionPath": ["threadInfo"],
        "invocationKind": "event",
        "outcome": { "status": "returned", "value": { "channel": "C1" } },
        "path": ["slack", "agent", "threadInfo"],
        "providerPath": ["slack", "agent"],
        "scriptExecutionId": "s",
    });
    move |call| {
        let key = format!("slack-agent/function-call-completed@{call}");
        EventInput::new(FUNCTION_CALL_COMPLETED, payload).keyed(key)
    }
}

/// The first identifier that a session draws.
const FIRST: &str = "00000000-0000-0001-0000-000000000001";

fn script_story() -> Story<CodemodeProcessor> {
    let code = "async (ctx) => { console.log('for', ctx.codemode.vars.team); return 6 * 7; }";
    story("a script reads the variables as of its event, writes lines, and ends")
        .event(EventInput::new(
            VARS_UPDATED,
            json!({ "vars": { "team": "T1" } }),
        ))
        .event(script("s", code))
        .event(script("t", "() => { throw new Error('on purpose'); }"))
}

fn providers_story() -> Story<CodemodeProcessor> {
    let code = "async (ctx) => {
  const { channel } = await ctx.slack.agent.threadInfo();
  return await ctx.slack.chat.postMessage({ channel, onDone: () => {} });
}";
    story("the provider with the longest path is called, by event or over rpc")
        .batch([by_rpc(&["slack"]), by_event(&["slack", "agent"])])
        .event(script("s", code))
        .about(FUNCTION_CALL_REQUESTED, answer(FIRST))
}

fn redelivery() -> Story<CodemodeProcessor> {
    story("a batch that fails and comes again runs its script once")
        .losing_reply(SESSION_STARTED)
        .batch([
            by_rpc(&["tools"]),
            script("s", "(ctx) => ctx.tools.count()"),
            script("s", "(ctx) => ctx.tools.count()").keyed("asked again"),
        ])
}

fn died() -> Story<CodemodeProcessor> {
    let code = "async (ctx) => { await ctx.tools.count(); await ctx.slack.agent.threadInfo(); }";
    story("a script whose session died is settled, and a call by event waits on (X-12)")
        .batch([by_rpc(&["tools"]), by_event(&["slack", "agent"])])
        .event(script("s", code))
        .restart()
        .alarm()
        .about(
            FUNCTION_CALL_REQUESTED,
            answer("00000000-0000-0001-0000-000000000002"),
        )
}

fn unanswered() -> Story<CodemodeProcessor> {
    story("a call that nobody answers ends when its time is up")
        .batch([by_event(&["slack", "agent"])])
        .event(script("s", "(ctx) => ctx.slack.agent.threadInfo()"))
        .after_ms(CALL_DURATION_MS_MAX)
        .about(FUNCTION_CALL_REQUESTED, answer(FIRST))
}

fn below_the_anchor() -> Story<CodemodeProcessor> {
    story("a script that was asked for before the session was there is not run")
        .below_the_anchor(script("s", "() => 1"))
        .event(EventInput::new(VARS_UPDATED, json!({ "vars": {} })))
}

fn fetch() -> Story<CodemodeProcessor> {
    let code = "async () => (await (await fetch('https://a.test/x', { method: 'POST', body: 'hi' })).json()).ok";
    story("a global fetch is a call of the provider fetch")
        .host("a.test", |_| Answer::Json(200, json!({ "ok": true })))
        .batch(providers::defaults())
        .event(script("s", code))
}
