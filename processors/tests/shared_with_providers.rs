//! What an agent shares with its providers, seen from openai-ws (spec §5.4, §5.11; bugs B-42, B-61, B-69):
//! whose a request is, what the model has said so far, and that nobody begins what was cancelled.

mod support;

use processors::{
    agent::{
        contract as agent,
        partial::PartialAnswer,
        selection::{Provider, LLM_PROVIDER_SELECTED},
    },
    openai_ws::{contract::*, OpenAiEndpoint, OpenAiWsProcessor},
};
use runtime::{
    event::{EventInput, Offset},
    quirk::Quirk,
};
use serde_json::json;
use std::rc::Rc;
use support::{
    connected,
    openai::{FakeOpenAi, Script},
    run, Bench, Setting,
};

type TestBench = Bench<OpenAiWsProcessor>;

fn bench(
    script: impl IntoIterator<Item = Script>,
    quirk: Option<Quirk>,
) -> (TestBench, Rc<FakeOpenAi>, PartialAnswer) {
    let openai = FakeOpenAi::following(script);
    let setting = Setting {
        service: Some(openai.service()),
        quirk,
        ..Setting::default()
    };
    let endpoint = OpenAiEndpoint {
        host: "api.openai.com".to_owned(),
        port: 443,
        api_key: "sk-test-000".to_owned(),
    };
    let partial_answer = PartialAnswer::default();
    let told = partial_answer.clone();
    let build = move |dependencies| {
        OpenAiWsProcessor::new(dependencies, endpoint.clone()).telling(told.clone())
    };
    (Bench::with(build, setting), openai, partial_answer)
}

fn select(bench: &TestBench, provider: &str) {
    let selected = json!({ "provider": provider });
    bench
        .stream
        .push(EventInput::new(LLM_PROVIDER_SELECTED, selected));
}

fn request(bench: &TestBench) -> Offset {
    bench.stream.push(EventInput::new(
        agent::INPUT_ADDED,
        json!({ "content": "hello" }),
    ));
    let requested = json!({ "model": "m-1" });
    bench
        .stream
        .push(EventInput::new(agent::LLM_REQUEST_REQUESTED, requested))
}

fn cancelled(request: Offset) -> EventInput {
    let cancelled = json!({
        "phase": "requested",
        "llmRequestId": request,
        "reason": "interrupted-by-user-input",
    });
    EventInput::new(agent::LLM_REQUEST_CANCELLED, cancelled)
}

#[test]
fn a_request_for_another_provider_is_left_to_it() {
    run(|| async {
        let (bench, openai, _) = bench([], None);
        select(&bench, "cloudflare-ai");
        let theirs = request(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0);
        assert!(!bench.owes().await);
        bench.restart();
        bench.stream.push(connected("openai-ws"));
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0, "nor is it taken up later");
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 0);
        let completed = json!({
            "llmRequestId": theirs,
            "provider": "cloudflare-ai",
            "durationMs": 1,
            "result": { "status": "success" },
        });
        bench
            .say(EventInput::new(agent::LLM_REQUEST_COMPLETED, completed))
            .await;
        assert_eq!(bench.state().requests.len(), 0);
        select(&bench, "openai-ws");
        request(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
    });
}

#[test]
fn a_request_is_brought_to_its_end_by_the_provider_that_it_was_made_for() {
    run(|| async {
        let (bench, openai, _) = bench([Script::AnswerAfterMs(5_000, "lost")], None);
        request(&bench);
        bench.run_ms(1_000).await;
        select(&bench, "cloudflare-ai");
        bench.deliver().await;
        bench.restart();
        bench.stream.push(connected("openai-ws"));
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 2, "also in another life");
        assert_eq!(bench.count(&agent::LLM_REQUEST_COMPLETED), 1);
    });
}

#[test]
fn a_selection_of_nobody_changes_nothing() {
    run(|| async {
        let (bench, openai, _) = bench([], None);
        select(&bench, "cloudflare-ai");
        select(&bench, "nobody");
        request(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0);
        assert_eq!(bench.state().selected_provider, Provider::CloudflareAi);
    });
}

#[test]
fn quirk_b42_answers_whoever_is_selected() {
    run(|| async {
        let (bench, openai, _) = bench([], Some(Quirk::B42));
        select(&bench, "cloudflare-ai");
        request(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(bench.count(&agent::OUTPUT_ADDED), 1);
    });
}

#[test]
fn b61_the_agent_hears_what_the_model_says_as_it_says_it() {
    run(|| async {
        let (bench, _, partial_answer) = bench([Script::AnswerAfterMs(500, "Well")], None);
        let first = request(&bench);
        bench.run_ms(200).await;
        assert_eq!(partial_answer.of(first), None);
        bench.run_ms(1_000).await;
        assert_eq!(partial_answer.of(first).unwrap(), "Well");
        let second = request(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(partial_answer.of(first), None);
        assert_eq!(partial_answer.of(second).unwrap(), "ok");
    });
}

#[test]
fn quirk_b69_begins_what_was_cancelled() {
    for (quirk, asked) in [(None, 1), (Some(Quirk::B69), 2)] {
        run(|| async {
            let (bench, openai, _) = bench([Script::AnswerAfterMs(5_000, "lost")], quirk);
            let request = request(&bench);
            bench.run_ms(1_000).await;
            bench.restart();
            bench.stream.push(cancelled(request));
            bench.run_ms(1_000).await;
            assert_eq!(openai.asked(), asked);
        });
    }
}
