//! The openai-ws provider (spec §5.4, §7.4).

use crate::review::Named;
use processors::{
    agent::{contract as agent, selection::LLM_PROVIDER_SELECTED},
    openai_ws::{contract::*, OpenAiEndpoint, OpenAiWsProcessor, SILENCE_MS_MAX},
};
use runtime::event::{EventInput, Offset};
use semantics::{Frame, Story};
use serde_json::{json, Value};
use std::cell::Cell;

const HOST: &str = "api.openai.com";

pub fn stories() -> Vec<Named> {
    vec![
        ("two_requests", two_requests().tell()),
        ("cancelled", cancelled().tell()),
        ("failure", failure().tell()),
        ("nobody_there", nobody_there().tell()),
        ("silence", silence().tell()),
        ("taken_up", taken_up().tell()),
        ("settled_elsewhere", settled_elsewhere().tell()),
        ("another_provider", another_provider().tell()),
    ]
}

fn story(title: &str) -> Story<OpenAiWsProcessor> {
    Story::new(title, "p1:/agents/a", |given| {
        let endpoint = OpenAiEndpoint {
            host: HOST.to_owned(),
            port: 443,
            api_key: "sk-test-000".to_owned(),
        };
        OpenAiWsProcessor::new(given, endpoint)
    })
}

fn input(content: &str) -> EventInput {
    EventInput::new(agent::INPUT_ADDED, json!({ "content": content }))
}

fn requested() -> EventInput {
    EventInput::new(agent::LLM_REQUEST_REQUESTED, json!({ "model": "m-1" }))
}

fn cancelled_request(request: Offset) -> EventInput {
    EventInput::new(
        agent::LLM_REQUEST_CANCELLED,
        json!({
            "phase": "requested",
            "llmRequestId": request,
            "reason": "interrupted-by-user-input",
        }),
    )
}

fn answers(id: &str, text: &str) -> Vec<Frame> {
    let message = json!({ "type": "message", "role": "assistant",
        "content": [{ "type": "output_text", "text": text }] });
    let response = json!({ "id": id, "status": "completed", "output": [message] });
    vec![
        Frame::Json(json!({ "type": "response.created", "response": { "id": id } })),
        Frame::Json(json!({ "type": "response.output_text.delta", "delta": text })),
        Frame::Json(json!({ "type": "response.completed", "response": response })),
    ]
}

/// Answers every request, the first one with `resp_1`.
fn answering() -> impl Fn(&Value) -> Vec<Frame> {
    let asked = Cell::new(0);
    move |_| {
        asked.set(asked.get() + 1);
        answers(&format!("resp_{}", asked.get()), "an answer")
    }
}

fn another_provider() -> Story<OpenAiWsProcessor> {
    let selected =
        |provider: &str| EventInput::new(LLM_PROVIDER_SELECTED, json!({ "provider": provider }));
    story("a request is left to the provider that is selected (#1523)")
        .socket(HOST, answering())
        .event(selected("cloudflare-ai"))
        .event(input("hello"))
        .event(requested())
        .event(cancelled_request(Offset(3)))
        .event(selected("openai-ws"))
        .event(requested())
}

fn two_requests() -> Story<OpenAiWsProcessor> {
    story("two requests, one socket: the second continues from the first")
        .socket(HOST, answering())
        .event(EventInput::new(
            CONFIG_UPDATED,
            json!({ "model": "gpt-5.5-mini" }),
        ))
        .event(input("hello"))
        .event(requested())
        .event(input("and now?"))
        .event(requested())
}

fn cancelled() -> Story<OpenAiWsProcessor> {
    story("a request that is cancelled closes its socket; the next one opens another")
        .socket(HOST, {
            let is_first = Cell::new(true);
            move |_| match is_first.replace(false) {
                true => Vec::new(),
                false => answers("resp_2", "an answer"),
            }
        })
        .event(input("hello"))
        .event(requested())
        .about(agent::LLM_REQUEST_REQUESTED, cancelled_request)
        .event(requested())
}

fn failure() -> Story<OpenAiWsProcessor> {
    story("a response that fails, and one whose socket ends")
        .socket(HOST, {
            let is_first = Cell::new(true);
            move |_| match is_first.replace(false) {
                true => {
                    let error = json!({ "code": "server_error", "message": "sorry" });
                    let response = json!({ "error": error });
                    vec![Frame::Json(
                        json!({ "type": "response.failed", "response": response }),
                    )]
                }
                false => vec![Frame::Close(1011)],
            }
        })
        .event(input("hello"))
        .event(requested())
        .event(requested())
}

fn nobody_there() -> Story<OpenAiWsProcessor> {
    story("a service that cannot be reached")
        .event(input("hello"))
        .event(requested())
}

fn silence() -> Story<OpenAiWsProcessor> {
    story("a service that says nothing")
        .socket(HOST, |_| Vec::new())
        .event(input("hello"))
        .event(requested())
        .after_ms(2 * SILENCE_MS_MAX)
}

fn taken_up() -> Story<OpenAiWsProcessor> {
    story("a request that died with its object is taken up by the next one")
        .socket(HOST, {
            let is_first = Cell::new(true);
            move |_| match is_first.replace(false) {
                true => Vec::new(),
                false => answers("resp_1", "an answer"),
            }
        })
        .event(input("hello"))
        .event(requested())
        .restart()
        .connects()
        .restart_from(2)
}

fn settled_elsewhere() -> Story<OpenAiWsProcessor> {
    story("what another has brought to an end is left alone")
        .socket(HOST, answering())
        .below_the_anchor(input("hello"))
        .below_the_anchor(requested())
        .below_the_anchor(EventInput::new(
            agent::LLM_REQUEST_COMPLETED,
            json!({
                "llmRequestId": 2, "provider": "another", "durationMs": 1,
                "result": { "status": "success" },
            }),
        ))
        .connects()
}
