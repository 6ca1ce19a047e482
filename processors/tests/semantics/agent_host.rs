//! The agent host (spec §5.3).

use crate::review::Named;
use processors::{
    agent::{self, contract::OUTPUT_ADDED, selection::LLM_PROVIDER_SELECTED},
    agent_host::AgentHostProcessor,
    codemode::contract::{SCRIPT_EXECUTION_COMPLETED, SCRIPT_EXECUTION_REQUESTED},
};
use runtime::{
    call::{Argument, CallError},
    event::{EventInput, StreamName},
    stream::contract::CHILD_STREAM_CREATED,
};
use semantics::Story;
use serde_json::{json, Value};
use std::cell::Cell;

const STREAM: &str = "p1:/agents/a";

pub fn stories() -> Vec<Named> {
    vec![
        ("children", children().tell()),
        ("scripts", scripts().tell()),
        ("provider", provider().tell()),
    ]
}

fn own() -> StreamName {
    StreamName::parse(STREAM).expect("a name")
}

fn story(title: &str) -> Story<AgentHostProcessor> {
    Story::new(title, STREAM, |given| {
        AgentHostProcessor::new(given, &own())
    })
}

fn created(path: &str) -> EventInput {
    EventInput::new(CHILD_STREAM_CREATED, json!({ "childPath": path }))
}

fn children() -> Story<AgentHostProcessor> {
    let is_down = Cell::new(true);
    story("streams below an agent's become agents")
        .callee(move |_| match is_down.replace(false) {
            true => Err(CallError::Overloaded("not now".to_owned())),
            false => Ok(Argument::NULL),
        })
        .below_the_anchor(created("/agents/a/old"))
        .event(created("/agents/a/b"))
        .restart()
        .event(created("/agents/a/itx/c"))
}

fn output(content: &str) -> EventInput {
    EventInput::new(OUTPUT_ADDED, json!({ "content": content }))
}

fn completed(outcome: Value) -> EventInput {
    EventInput::new(
        SCRIPT_EXECUTION_COMPLETED,
        json!({ "scriptExecutionId": "agent-output-3", "durationMs": 5, "outcome": outcome }),
    )
}

fn scripts() -> Story<AgentHostProcessor> {
    let code = "async (ctx) => {\n  return await ctx.a.b();\n}";
    story("an answer that is a script is run, and the model told what it came to")
        .below_the_anchor(output(code))
        .event(output("I shall do it."))
        .event(output(&format!("```js\n{code}\n```")))
        .event(completed(
            json!({ "status": "returned", "value": { "b": 1 } }),
        ))
        .event(completed(
            json!({ "status": "threw", "error": "a.b is closed" }),
        ))
        .event(completed(json!({ "status": "returned" })))
        .losing_reply(SCRIPT_EXECUTION_REQUESTED)
        .event(output(code))
        .restart()
}

fn provider() -> Story<AgentHostProcessor> {
    let selected =
        |provider: &str| EventInput::new(LLM_PROVIDER_SELECTED, json!({ "provider": provider }));
    story("a provider that is selected is subscribed, if nobody did")
        .below_the_anchor(selected("openai-ws"))
        .event(agent::object::subscription(&own(), "openai-ws"))
        .event(selected("cloudflare-ai"))
        .event(selected("somebody"))
}
