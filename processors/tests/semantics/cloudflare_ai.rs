//! The cloudflare-ai provider (spec §5.4, §7.4).

use crate::review::Named;
use processors::{
    agent::{contract as agent, selection::LLM_PROVIDER_SELECTED},
    cloudflare_ai::{contract::*, CloudflareAiProcessor, WorkersAiEndpoint},
};
use runtime::event::{EventInput, Offset};
use semantics::{Answer, Story};
use serde_json::json;
use std::cell::Cell;

const HOST: &str = "api.cloudflare.com";

pub fn stories() -> Vec<Named> {
    vec![
        ("answer", answer().tell()),
        ("cancelled", cancelled().tell()),
        ("failure", failure().tell()),
        ("nobody_there", nobody_there().tell()),
        ("taken_up", taken_up().tell()),
        ("settled_elsewhere", settled_elsewhere().tell()),
        ("another_provider", another_provider().tell()),
    ]
}

/// It is the one that is selected.
fn story(title: &str) -> Story<CloudflareAiProcessor> {
    unselected(title).event(selected(SLUG))
}

fn unselected(title: &str) -> Story<CloudflareAiProcessor> {
    Story::new(title, "p1:/agents/a", |given| {
        let endpoint = WorkersAiEndpoint {
            host: HOST.to_owned(),
            account_id: "acc-1".to_owned(),
            api_token: "cf-test-000".to_owned(),
        };
        CloudflareAiProcessor::new(given, endpoint)
    })
}

fn selected(provider: &str) -> EventInput {
    EventInput::new(LLM_PROVIDER_SELECTED, json!({ "provider": provider }))
}

fn input(content: &str) -> EventInput {
    EventInput::new(agent::INPUT_ADDED, json!({ "content": content }))
}

fn requested() -> EventInput {
    let requested = json!({ "model": "@cf/moonshotai/kimi-k2.5" });
    EventInput::new(agent::LLM_REQUEST_REQUESTED, requested)
}

fn says(text: &str) -> Answer {
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3 });
    let result = json!({ "response": text, "usage": usage });
    Answer::Json(200, json!({ "success": true, "result": result }))
}

fn answer() -> Story<CloudflareAiProcessor> {
    story("a request is asked of the model that it names")
        .host(HOST, |_| says("an answer"))
        .event(input("hello"))
        .event(requested())
}

fn cancelled() -> Story<CloudflareAiProcessor> {
    story("what was cancelled is not asked")
        .host(HOST, |_| says("an answer"))
        .event(input("hello"))
        .batch([
            requested(),
            EventInput::new(
                agent::LLM_REQUEST_CANCELLED,
                json!({
                    "phase": "requested",
                    "llmRequestId": 3,
                    "reason": "interrupted-by-user-input",
                }),
            ),
        ])
}

fn failure() -> Story<CloudflareAiProcessor> {
    story("a service that has no capacity, and one that says nothing")
        .host(HOST, {
            let is_first = Cell::new(true);
            move |_| match is_first.replace(false) {
                true => {
                    let message = "AiError: Capacity temporarily exceeded, please try again.";
                    let error = json!({ "code": 3040, "message": message });
                    Answer::Json(429, json!({ "success": false, "errors": [error] }))
                }
                false => Answer::Json(200, json!({ "success": true, "result": {} })),
            }
        })
        .event(input("hello"))
        .event(requested())
        .event(requested())
}

fn nobody_there() -> Story<CloudflareAiProcessor> {
    story("a service that cannot be reached")
        .event(input("hello"))
        .event(requested())
}

fn taken_up() -> Story<CloudflareAiProcessor> {
    story("a request that was started, by an object that died, is taken up by the next one")
        .host(HOST, |_| says("an answer"))
        .event(input("hello"))
        .batch([
            requested(),
            EventInput::new(
                LLM_REQUEST_STARTED,
                json!({ "llmRequestId": 3, "model": "@cf/moonshotai/kimi-k2.5", "runOpts": {} }),
            ),
        ])
        .connects()
        .restart_from(2)
}

fn settled_elsewhere() -> Story<CloudflareAiProcessor> {
    unselected("what another has brought to an end is left alone")
        .host(HOST, |_| says("an answer"))
        .below_the_anchor(selected(SLUG))
        .below_the_anchor(input("hello"))
        .below_the_anchor(requested())
        .below_the_anchor(EventInput::new(
            agent::LLM_REQUEST_COMPLETED,
            json!({
                "llmRequestId": 3, "provider": "another", "durationMs": 1,
                "result": { "status": "success" },
            }),
        ))
        .connects()
}

fn another_provider() -> Story<CloudflareAiProcessor> {
    story("a request is left to the provider that is selected (#1523)")
        .host(HOST, |_| says("an answer"))
        .event(selected("openai-ws"))
        .event(input("hello"))
        .event(requested())
        .about(agent::LLM_REQUEST_REQUESTED, |request: Offset| {
            EventInput::new(
                agent::LLM_REQUEST_CANCELLED,
                json!({
                    "phase": "requested",
                    "llmRequestId": request,
                    "reason": "interrupted-by-user-input",
                }),
            )
        })
}
