//! The agent (spec §5.1, §7.3).

use crate::review::Named;
use processors::{
    agent::{contract::*, partial::PartialAnswer, AgentProcessor},
    codemode::contract::TOOL_PROVIDER_REGISTERED,
};
use runtime::event::{EventInput, Offset};
use semantics::Story;
use serde_json::{json, Value};

const DEBOUNCE_MS: u64 = 200;

pub fn stories() -> Vec<Named> {
    vec![
        ("turn", turn().tell()),
        ("queue", queue().tell()),
        ("interrupt", interrupt().tell()),
        (
            "interrupt_partial_answer",
            interrupt_partial_answer().tell(),
        ),
        ("interrupt_scheduled", interrupt_scheduled().tell()),
        ("failure", failure().tell()),
        ("note", note().tell()),
        ("two_inputs_at_once", two_inputs_at_once().tell()),
        ("below_the_anchor", below_the_anchor().tell()),
        ("lost_timer", lost_timer().tell()),
        ("redelivery", redelivery().tell()),
    ]
}

fn story(title: &str) -> Story<AgentProcessor> {
    Story::new(title, "p1:/agents/a", AgentProcessor::new)
}

/// Configured before the agent subscribed.
fn configured(title: &str) -> Story<AgentProcessor> {
    story(title).below_the_anchor(configuration())
}

fn configuration() -> EventInput {
    EventInput::new(
        LLM_CONFIG_UPDATED,
        json!({ "model": "m-1", "runOpts": { "t": 1 }, "debounceMs": DEBOUNCE_MS }),
    )
}

fn input(content: &str) -> EventInput {
    EventInput::new(INPUT_ADDED, json!({ "content": content }))
}

fn input_with(content: &str, behaviour: Behaviour) -> EventInput {
    EventInput::new(INPUT_ADDED, InputAdded::new(content, behaviour))
}

fn output(request: Offset) -> EventInput {
    let output = json!({ "content": "an answer", "llmRequestId": request });
    EventInput::new(OUTPUT_ADDED, output)
}

fn completed(request: Offset) -> EventInput {
    ended(request, json!({ "status": "success" }))
}

fn failed(request: Offset) -> EventInput {
    let error = json!({ "message": "overloaded" });
    ended(request, json!({ "status": "failure", "error": error }))
}

fn ended(request: Offset, result: Value) -> EventInput {
    EventInput::new(
        LLM_REQUEST_COMPLETED,
        json!({ "llmRequestId": request, "provider": "test", "durationMs": 1, "result": result }),
    )
}

fn turn() -> Story<AgentProcessor> {
    story("a turn: configured, asked, answered")
        .event(configuration())
        .event(EventInput::new(
            SYSTEM_PROMPT_UPDATED,
            json!({ "systemPrompt": "Be brief." }),
        ))
        .event(input("hello"))
        .after_ms(DEBOUNCE_MS)
        .about(LLM_REQUEST_REQUESTED, output)
        .about(LLM_REQUEST_REQUESTED, completed)
}

fn queue() -> Story<AgentProcessor> {
    configured("an input waits for the request under way")
        .event(input("one"))
        .after_ms(DEBOUNCE_MS)
        .event(input("two"))
        .event(input("three"))
        .about(LLM_REQUEST_REQUESTED, completed)
        .after_ms(DEBOUNCE_MS)
}

fn interrupt() -> Story<AgentProcessor> {
    configured("an input interrupts the request under way; its output comes too late")
        .event(input("one"))
        .after_ms(DEBOUNCE_MS)
        .event(input_with("stop", Behaviour::InterruptCurrentRequest))
        .event(output(Offset(4)))
        .event(completed(Offset(4)))
        .after_ms(DEBOUNCE_MS)
}

fn interrupt_partial_answer() -> Story<AgentProcessor> {
    let title = "what the model had said goes in with the cancellation (#1886)";
    let build = |given| {
        let said = PartialAnswer::default();
        said.begin(Offset(4));
        said.add(Offset(4), "First, the\nfacts");
        AgentProcessor::new(given).hearing(said)
    };
    Story::new(title, "p1:/agents/a", build)
        .below_the_anchor(configuration())
        .event(input("one"))
        .after_ms(DEBOUNCE_MS)
        .event(input_with("stop", Behaviour::InterruptCurrentRequest))
        .after_ms(DEBOUNCE_MS)
}

fn interrupt_scheduled() -> Story<AgentProcessor> {
    configured("an input interrupts a request that waits for its debounce")
        .event(input("one"))
        .after_ms(DEBOUNCE_MS / 2)
        .event(input_with("stop", Behaviour::InterruptCurrentRequest))
        .after_ms(DEBOUNCE_MS / 2)
        .after_ms(DEBOUNCE_MS / 2)
}

fn failure() -> Story<AgentProcessor> {
    configured("a request that failed is repeated, later and later")
        .event(input("hello"))
        .after_ms(DEBOUNCE_MS)
        .about(LLM_REQUEST_REQUESTED, failed)
        .after_ms(2_000)
        .about(LLM_REQUEST_REQUESTED, failed)
        .after_ms(8_000)
        .about(LLM_REQUEST_REQUESTED, completed)
}

fn note() -> Story<AgentProcessor> {
    configured("notes for the model ask for no request")
        .event(input_with("by the way", Behaviour::DontTriggerRequest))
        .event(EventInput::new(
            CAPABILITY_NOTED,
            json!({ "name": "search", "instructions": "Searches the web." }),
        ))
        .event(EventInput::new(
            TOOL_PROVIDER_REGISTERED,
            json!({
                "path": ["slack", "chat"],
                "instructions": "Posts.\nTakes a text.",
                "invocation": { "kind": "event" },
            }),
        ))
        .event(EventInput::new(
            OUTPUT_ADDED,
            json!({ "content": "of nobody's request" }),
        ))
        .after_ms(DEBOUNCE_MS)
}

fn two_inputs_at_once() -> Story<AgentProcessor> {
    configured("two inputs in one batch are one request (#1620)")
        .batch([input("one"), input("two")])
        .after_ms(DEBOUNCE_MS)
}

fn below_the_anchor() -> Story<AgentProcessor> {
    configured("an input below the anchor is answered once the agent connects (#1481)")
        .below_the_anchor(input("hello"))
        .connects()
        .after_ms(DEBOUNCE_MS)
}

fn lost_timer() -> Story<AgentProcessor> {
    configured("a debounce that died with its object is handed off by the next one (#1460)")
        .event(input("hello"))
        .restart()
        .connects()
        .about(LLM_REQUEST_REQUESTED, completed)
        .event(input("again"))
        .restart()
        .alarm()
        .after_ms(DEBOUNCE_MS)
}

fn redelivery() -> Story<AgentProcessor> {
    configured("what is delivered again changes nothing")
        .losing_reply(LLM_REQUEST_SCHEDULED)
        .event(input("hello"))
        .restart()
        .after_ms(DEBOUNCE_MS)
        .about(LLM_REQUEST_REQUESTED, completed)
        .restart_from(1)
}
