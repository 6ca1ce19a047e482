//! The openai-ws processor, case by case (spec §7.4; B-26, B-27, B-53 beside those that its files name).
//! One file per subject.

mod cancellation;
mod conversation;
mod recovery;
mod refused_appends;
#[path = "../support/mod.rs"]
mod support;

use processors::{
    agent::contract as agent,
    openai_ws::{contract::*, OpenAiEndpoint, OpenAiWsProcessor, SILENCE_MS_MAX},
};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Dependencies,
    quirk::Quirk,
    stream::contract::{PAUSED, RESUMED},
};
use serde_json::{json, Value};
use std::rc::Rc;
use support::{
    connected, key,
    openai::{FakeOpenAi, Script},
    pass_ms, payload, run,
    stream::Fault,
    Bench, Setting,
};

fn processor(dependencies: Dependencies) -> OpenAiWsProcessor {
    let endpoint = OpenAiEndpoint {
        host: "api.openai.com".to_owned(),
        port: 443,
        api_key: "sk-test-000".to_owned(),
    };
    OpenAiWsProcessor::new(dependencies, endpoint)
}

fn bench(script: impl IntoIterator<Item = Script>) -> (Bench<OpenAiWsProcessor>, Rc<FakeOpenAi>) {
    bench_with(script, Setting::default())
}

fn bench_with(
    script: impl IntoIterator<Item = Script>,
    setting: Setting,
) -> (Bench<OpenAiWsProcessor>, Rc<FakeOpenAi>) {
    let openai = FakeOpenAi::following(script);
    let setting = Setting {
        service: Some(openai.service()),
        ..setting
    };
    (Bench::with(processor, setting), openai)
}

type TestBench = Bench<OpenAiWsProcessor>;

fn input(bench: &TestBench, content: &str) {
    let input = json!({ "content": content });
    bench
        .stream
        .push(EventInput::new(agent::INPUT_ADDED, input));
}

fn requested(bench: &TestBench) -> Offset {
    let requested = json!({ "model": "m-1" });
    bench
        .stream
        .push(EventInput::new(agent::LLM_REQUEST_REQUESTED, requested))
}

/// An input and a request for it, delivered.
async fn ask(bench: &TestBench, content: &str) -> Offset {
    input(bench, content);
    let request = requested(bench);
    bench.deliver().await;
    request
}

fn cancelled(request: Offset) -> EventInput {
    EventInput::new(
        agent::LLM_REQUEST_CANCELLED,
        json!({
            "phase": "requested",
            "llmRequestId": request,
            "reason": "interrupted-by-user-input",
        }),
    )
}

fn started(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_STARTED,
        json!({ "connectionId": "c", "llmRequestId": request, "model": "gpt-5.5" }),
    )
    .keyed(format!("openai-ws/llm-request-started@{request}"))
}

fn terminals(bench: &TestBench, kind: &EventType) -> Vec<(u64, String)> {
    let appended = bench.appended(kind);
    appended
        .iter()
        .map(|event| {
            let payload = payload(event);
            let status = payload["result"]["status"].as_str().unwrap().to_owned();
            (payload["llmRequestId"].as_u64().unwrap(), status)
        })
        .collect()
}

fn agent_terminals(bench: &TestBench) -> Vec<(u64, String)> {
    terminals(bench, &agent::LLM_REQUEST_COMPLETED)
}

fn provider_terminals(bench: &TestBench) -> Vec<(u64, String)> {
    terminals(bench, &PROVIDER_LLM_REQUEST_COMPLETED)
}

fn outputs(bench: &TestBench) -> Vec<String> {
    let appended = bench.appended(&agent::OUTPUT_ADDED);
    let content = |event| payload(event)["content"].as_str().unwrap().to_owned();
    appended.iter().map(|event| content(event)).collect()
}

fn success(request: Offset) -> Vec<(u64, String)> {
    vec![(request.0, "success".to_owned())]
}

fn failure(request: Offset) -> Vec<(u64, String)> {
    vec![(request.0, "failure".to_owned())]
}

fn texts(request: &Value) -> Vec<String> {
    let items = request["input"].as_array().unwrap();
    let text = |item: &Value| item["content"][0]["text"].as_str().unwrap().to_owned();
    items.iter().map(text).collect()
}

async fn crash_after_started(quirk: Option<Quirk>) -> (TestBench, Rc<FakeOpenAi>, Offset) {
    let script = [Script::AnswerAfterMs(5_000, "lost"), Script::Answer("hi")];
    let setting = Setting {
        quirk,
        ..Setting::default()
    };
    let (bench, openai) = bench_with(script, setting);
    let request = ask(&bench, "hello").await;
    bench.run_ms(1_000).await;
    assert_eq!(bench.count(&LLM_REQUEST_STARTED), 1);
    bench.restart();
    (bench, openai, request)
}
