//! The agent processor, case by case (spec §7.3). One file per subject.

mod anchor;
mod hand_off;
mod inputs;
mod partial_answer;
mod races;
mod rendering;
#[path = "../support/mod.rs"]
mod support;

use processors::{
    agent::{contract::*, partial::PartialAnswer, AgentProcessor},
    codemode::contract::TOOL_PROVIDER_REGISTERED,
};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Checkpoints,
    quirk::Quirk,
};
use serde_json::json;
use support::{connected, key, pass_ms, payload, run, stream::Fault, Bench, Setting};

const DEBOUNCE_MS: u64 = 200;

fn bench() -> Bench<AgentProcessor> {
    bench_with(Setting::default())
}

fn bench_with(setting: Setting) -> Bench<AgentProcessor> {
    configured(Bench::with(AgentProcessor::new, setting))
}

fn bench_of(quirk: Quirk) -> Bench<AgentProcessor> {
    bench_with(Setting {
        quirk: Some(quirk),
        ..Setting::default()
    })
}

fn below_anchor(quirk: Option<Quirk>) -> Bench<AgentProcessor> {
    bench_with(Setting {
        anchor: 3,
        quirk,
        ..Setting::default()
    })
}

/// An agent, and what it hears of its provider.
fn listening(quirk: Option<Quirk>) -> (Bench<AgentProcessor>, PartialAnswer) {
    let partial_answer = PartialAnswer::default();
    let heard = partial_answer.clone();
    let build = move |dependencies| AgentProcessor::new(dependencies).hearing(heard.clone());
    let setting = Setting {
        quirk,
        ..Setting::default()
    };
    (configured(Bench::with(build, setting)), partial_answer)
}

fn configured(bench: Bench<AgentProcessor>) -> Bench<AgentProcessor> {
    bench.stream.push(EventInput::new(
        LLM_CONFIG_UPDATED,
        json!({ "model": "m-1", "runOpts": { "t": 1 }, "debounceMs": DEBOUNCE_MS }),
    ));
    bench
}

fn input(content: &str) -> EventInput {
    EventInput::new(INPUT_ADDED, json!({ "content": content }))
}

fn input_with(content: &str, behaviour: Behaviour) -> EventInput {
    EventInput::new(INPUT_ADDED, InputAdded::new(content, behaviour))
}

fn scheduled(request_id: &str) -> EventInput {
    EventInput::new(
        LLM_REQUEST_SCHEDULED,
        json!({ "requestId": request_id, "debounceMs": DEBOUNCE_MS, "model": "m-1" }),
    )
}

fn requested() -> EventInput {
    EventInput::new(LLM_REQUEST_REQUESTED, json!({ "model": "m-1" }))
}

fn completed(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_COMPLETED,
        json!({
            "llmRequestId": request,
            "provider": "test",
            "durationMs": 1,
            "result": { "status": "success" },
        }),
    )
}

fn failed(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_COMPLETED,
        json!({
            "llmRequestId": request,
            "provider": "test",
            "durationMs": 1,
            "result": { "status": "failure", "error": { "message": "overloaded" } },
        }),
    )
}

/// Waits for the next request; gives its id, and how long it was scheduled for.
async fn next_request(bench: &Bench<AgentProcessor>) -> (Offset, u64) {
    for _ in 0..80 {
        bench.run_ms(500).await;
        if let Some(CurrentRequest::Requested { llm_request_id }) = bench.state().current_request {
            let scheduled = bench.appended(&LLM_REQUEST_SCHEDULED);
            let last = payload(scheduled.last().unwrap());
            return (llm_request_id, last["debounceMs"].as_u64().unwrap());
        }
    }
    panic!("nothing is requested");
}

fn cancelled_requested(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_CANCELLED,
        json!({
            "phase": "requested",
            "llmRequestId": request,
            "reason": "interrupted-by-user-input",
        }),
    )
}

fn cancelled_scheduled(request_id: &str) -> EventInput {
    EventInput::new(
        LLM_REQUEST_CANCELLED,
        json!({
            "phase": "scheduled",
            "requestId": request_id,
            "reason": "interrupted-by-user-input",
        }),
    )
}

/// The types and keys of what was appended above an offset, without the common prefix.
fn tail(bench: &Bench<AgentProcessor>, after: Offset) -> Vec<String> {
    let all = bench.stream.all();
    all.iter()
        .filter(|event| event.offset > after)
        .map(|event| {
            let kind = event.kind.as_str();
            let kind = kind.rsplit('/').next().unwrap();
            format!("{kind} {}", key(event)).trim().to_owned()
        })
        .collect()
}

fn keys(bench: &Bench<AgentProcessor>, kind: &EventType) -> Vec<String> {
    let appended = bench.appended(kind);
    appended.iter().map(|event| key(event).to_owned()).collect()
}

/// Answers whatever is requested until nothing moves; returns the number of requests.
async fn converse_to_the_end(bench: &Bench<AgentProcessor>) -> usize {
    let mut answered = 0;
    for _ in 0..40 {
        bench.run_ms(500).await;
        if let Some(CurrentRequest::Requested { llm_request_id }) = bench.state().current_request {
            bench.stream.push(completed(llm_request_id));
            answered += 1;
        }
    }
    assert!(!bench.owes().await, "nothing is owed at the end");
    assert_eq!(bench.state().current_request, None);
    answered
}

fn insta_log(name: &str, bench: &Bench<AgentProcessor>) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, bench.stream.render()));
}
