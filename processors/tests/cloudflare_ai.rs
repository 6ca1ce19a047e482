//! The cloudflare-ai processor, case by case (spec §7.4; bugs B-09, B-26, B-27, B-42, X-3, X-15).

mod support;

use processors::{
    agent::{contract as agent, selection::LLM_PROVIDER_SELECTED},
    cloudflare_ai::{contract::*, CloudflareAiProcessor, WorkersAiEndpoint},
    model_request::interruption::SILENCE_MS_MAX,
};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Dependencies,
    quirk::Quirk,
};
use serde_json::{json, Value};
use std::rc::Rc;
use support::{
    connected, key, payload, run,
    stream::Fault,
    workers_ai::{FakeWorkersAi, Script},
    Bench, Setting,
};

const MODEL: &str = "@cf/moonshotai/kimi-k2.5";

type TestBench = Bench<CloudflareAiProcessor>;

fn processor(dependencies: Dependencies) -> CloudflareAiProcessor {
    let endpoint = WorkersAiEndpoint {
        host: "api.cloudflare.com".to_owned(),
        account_id: "acc-1".to_owned(),
        api_token: "cf-test-000".to_owned(),
    };
    CloudflareAiProcessor::new(dependencies, endpoint)
}

fn bench(script: impl IntoIterator<Item = Script>) -> (TestBench, Rc<FakeWorkersAi>) {
    bench_with(script, None)
}

/// The provider is selected.
fn bench_with(
    script: impl IntoIterator<Item = Script>,
    quirk: Option<Quirk>,
) -> (TestBench, Rc<FakeWorkersAi>) {
    let workers_ai = FakeWorkersAi::following(script);
    let setting = Setting {
        service: Some(workers_ai.service()),
        quirk,
        ..Setting::default()
    };
    let bench = Bench::with(processor, setting);
    select(&bench, SLUG);
    (bench, workers_ai)
}

fn select(bench: &TestBench, provider: &str) {
    let selected = json!({ "provider": provider });
    let selected = EventInput::new(LLM_PROVIDER_SELECTED, selected);
    bench.stream.push(selected);
}

fn requested(bench: &TestBench) -> Offset {
    let requested = json!({ "model": MODEL, "runOpts": { "gateway": "main" } });
    let requested = EventInput::new(agent::LLM_REQUEST_REQUESTED, requested);
    bench.stream.push(requested)
}

/// An input and a request for it, delivered.
async fn ask(bench: &TestBench, content: &str) -> Offset {
    let input = json!({ "content": content });
    let input = EventInput::new(agent::INPUT_ADDED, input);
    bench.stream.push(input);
    let request = requested(bench);
    bench.deliver().await;
    request
}

fn started(request: Offset) -> EventInput {
    let started = json!({ "llmRequestId": request, "model": MODEL, "runOpts": {} });
    EventInput::new(LLM_REQUEST_STARTED, started)
        .keyed(format!("cloudflare-ai/llm-request-started@{request}"))
}

fn completed(request: Offset) -> EventInput {
    let result = json!({ "status": "success" });
    let completed = json!({ "llmRequestId": request, "durationMs": 1, "result": result });
    EventInput::new(PROVIDER_LLM_REQUEST_COMPLETED, completed)
}

fn cancelled(request: Offset) -> EventInput {
    let cancelled = json!({
        "phase": "requested",
        "llmRequestId": request,
        "reason": "interrupted-by-user-input",
    });
    EventInput::new(agent::LLM_REQUEST_CANCELLED, cancelled)
}

fn terminals(bench: &TestBench, kind: &EventType) -> Vec<(u64, String)> {
    let appended = bench.appended(kind);
    let terminal = |payload: Value| {
        let status = payload["result"]["status"].as_str().unwrap().to_owned();
        (payload["llmRequestId"].as_u64().unwrap(), status)
    };
    appended.iter().map(|it| terminal(payload(it))).collect()
}

/// Both its own terminal and the agent's are that.
fn ended(bench: &TestBench, request: Offset, status: &str) {
    let ended = [(request.0, status.to_owned())];
    let provider = terminals(bench, &PROVIDER_LLM_REQUEST_COMPLETED);
    assert_eq!(provider, ended);
    assert_eq!(terminals(bench, &agent::LLM_REQUEST_COMPLETED), ended);
}

fn outputs(bench: &TestBench) -> Vec<String> {
    let appended = bench.appended(&agent::OUTPUT_ADDED);
    let content = |event| payload(event)["content"].as_str().unwrap().to_owned();
    appended.iter().map(|event| content(event)).collect()
}

// The cases of the spec.

#[test]
fn a_fresh_request_runs_once_and_is_started_and_completed() {
    run(|| async {
        let (bench, workers_ai) = bench([Script::Answer("hi")]);
        let request = ask(&bench, "hello").await;
        assert!(bench.owes().await);
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 1);
        let asked = workers_ai.request(0);
        assert_eq!(
            asked.head.lines().next().unwrap(),
            "POST /client/v4/accounts/acc-1/ai/run/@cf/moonshotai/kimi-k2.5 HTTP/1.1"
        );
        assert!(asked.head.contains("Bearer cf-test-000"), "{}", asked.head);
        let messages = asked.body["messages"].as_array().unwrap();
        assert_eq!(messages[0]["role"], "system");
        assert_eq!(messages[1], json!({ "role": "user", "content": "hello" }));
        assert_eq!(messages.len(), 2);
        let started = payload(&bench.appended(&LLM_REQUEST_STARTED)[0]);
        assert_eq!(started["runOpts"], json!({ "gateway": "main" }));
        assert_eq!(outputs(&bench), ["hi"]);
        ended(&bench, request, "success");
        assert!(!bench.owes().await);
        assert_eq!(bench.state().requests.len(), 0);
    });
}

#[test]
fn b09_a_redelivered_request_that_the_snapshot_calls_started_runs() {
    run(|| async {
        let (bench, workers_ai) = bench([Script::Silence, Script::Answer("hi")]);
        let request = ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(
            bench.state().requests[&request.0].status,
            RequestStatus::Started
        );
        bench.restart_losing(1);
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 2);
        assert_eq!(outputs(&bench), ["hi"]);
        ended(&bench, request, "success");
    });
}

/// A life that died while the service was silent.
async fn crash_after_started(quirk: Option<Quirk>) -> (TestBench, Rc<FakeWorkersAi>, Offset) {
    let (bench, workers_ai) = bench_with([Script::Silence, Script::Answer("hi")], quirk);
    let request = ask(&bench, "hello").await;
    bench.run_ms(1_000).await;
    bench.restart();
    (bench, workers_ai, request)
}

#[test]
fn what_was_started_is_taken_up_on_connection_alone() {
    run(|| async {
        let (bench, workers_ai, request) = crash_after_started(None).await;
        for _ in 0..6 {
            bench.stream.push(connected("somebody"));
        }
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 2, "B-27: once for each life");
        let failed = bench.appended(&LLM_REQUEST_ATTEMPT_FAILED);
        assert_eq!(failed.len(), 1);
        assert_eq!(payload(&failed[0])["reason"], "host-restarted");
        assert!(key(&failed[0]).starts_with("cloudflare-ai/llm-request-attempt-failed/"));
        assert_eq!(outputs(&bench), ["hi"]);
        ended(&bench, request, "success");
        assert!(!bench.owes().await);
    });
}

#[test]
fn b26_what_was_started_is_taken_up_by_the_alarm() {
    for (quirk, asked) in [(None, 2), (Some(Quirk::B26), 1), (Some(Quirk::B09), 1)] {
        run(|| async {
            let (bench, workers_ai, _) = crash_after_started(quirk).await;
            bench.stream.push(connected("somebody"));
            bench.run_ms(1_000).await;
            bench.ring().await.unwrap();
            bench.ring().await.unwrap();
            bench.run_ms(1_000).await;
            assert_eq!(workers_ai.asked(), asked, "{quirk:?}");
        });
    }
}

/// In V0 each batch began it anew.
#[test]
fn an_ordinary_batch_takes_up_nothing_that_runs_here() {
    run(|| async {
        let (bench, workers_ai) = bench([Script::Silence]);
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        select(&bench, SLUG);
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 1);
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 0);
    });
}

/// V1 waits for a connection. Here the state asks (§0.2), whatever it is that a new life hears of first;
/// and nothing that it hears of later asks once more.
#[test]
fn the_first_batch_of_a_new_life_takes_up_what_was_started_and_no_later_one_does() {
    run(|| async {
        let (bench, workers_ai, request) = crash_after_started(None).await;
        select(&bench, SLUG);
        bench.deliver().await;
        select(&bench, SLUG);
        bench.stream.push(connected(SLUG));
        bench.run_ms(1_000).await;
        select(&bench, SLUG);
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 2, "once in each life");
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 1);
        assert_eq!(outputs(&bench), ["hi"]);
        ended(&bench, request, "success");
    });
}

#[test]
fn what_is_completed_does_not_run_and_appends_nothing() {
    for at_once in [usize::MAX, 1] {
        run(|| async {
            let (bench, workers_ai) = bench([]);
            let request = requested(&bench);
            bench.stream.push(started(request));
            bench.stream.push(connected("browser"));
            bench.stream.push(completed(request));
            let head = bench.stream.push(connected(SLUG));
            while bench.checkpoint() < head {
                bench.try_deliver_some(at_once).await.unwrap();
                support::pass_ms(100).await;
            }
            bench.run_ms(1_000).await;
            bench.ring().await.unwrap();
            bench.run_ms(1_000).await;
            assert_eq!(workers_ai.asked(), 0, "X-15");
            assert_eq!(bench.stream.all().len() as u64, head.0);
        });
    }
}

// What else it must do.

#[test]
fn b42_a_request_for_another_provider_is_left_to_it() {
    for (quirk, asked) in [(None, 0), (Some(Quirk::B42), 1)] {
        run(|| async {
            let (bench, workers_ai) = bench_with([], quirk);
            select(&bench, "openai-ws");
            ask(&bench, "hello").await;
            bench.run_ms(1_000).await;
            assert_eq!(workers_ai.asked(), asked);
        });
    }
}

#[test]
fn requests_run_side_by_side() {
    run(|| async {
        let (bench, workers_ai) = bench([Script::Silence, Script::Answer("two!")]);
        let first = ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        bench.say(cancelled(first)).await;
        let second = ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 2);
        assert_eq!(outputs(&bench), ["two!"]);
        let agent = terminals(&bench, &agent::LLM_REQUEST_COMPLETED);
        assert_eq!(agent, [(second.0, "success".to_owned())]);
        let provider = terminals(&bench, &PROVIDER_LLM_REQUEST_COMPLETED);
        assert_eq!(provider[0], (first.0, "failure".to_owned()));
        assert!(!bench.owes().await);
    });
}

#[test]
fn every_way_not_to_answer_is_a_failure() {
    let refused = [
        (400, 5007),
        (400, 3003),
        (403, 5018),
        (404, 3042),
        (413, 3006),
        (413, 5021),
        (408, 3007),
        (429, 3036),
        (429, 3040),
        (401, 10000),
    ];
    let refused = refused.map(|(status, code)| Script::Refuse(status, code));
    let others = [
        Script::Reply(502, "<html>"),
        Script::Reply(200, "<html>"),
        Script::Reply(200, r#"{"success":true}"#),
        Script::Reply(200, r#"{"success":true,"result":{"response":null}}"#),
        Script::Cut,
        Script::Silence,
    ];
    for way in refused.into_iter().chain(others) {
        run(|| async {
            let (bench, workers_ai) = bench([way.clone()]);
            let request = ask(&bench, "hello").await;
            bench.run_ms(2 * SILENCE_MS_MAX + 1_000).await;
            ended(&bench, request, "failure");
            assert_eq!(workers_ai.asked(), 1, "{way:?}");
            assert_eq!(bench.count(&agent::OUTPUT_ADDED), 0, "{way:?}");
            let failed = payload(&bench.appended(&agent::LLM_REQUEST_COMPLETED)[0]);
            let message = failed["result"]["error"]["message"].as_str().unwrap();
            if let Script::Refuse(status, code) = way {
                assert!(message.contains(&status.to_string()), "{message}");
                assert!(message.contains(&code.to_string()), "{message}");
            }
            ask(&bench, "again").await;
            bench.run_ms(1_000).await;
            assert_eq!(outputs(&bench), ["ok"], "{way:?}");
        });
    }
}

#[test]
fn x3_a_cancellation_that_comes_first_leaves_no_output() {
    run(|| async {
        let (bench, workers_ai) = bench([Script::AnswerAfterMs(1_000, "late")]);
        let request = ask(&bench, "hello").await;
        support::pass_ms(900).await;
        bench.stream.slip_in(cancelled(request));
        support::pass_ms(1_000).await;
        bench.run_ms(1_000).await;
        assert_eq!(workers_ai.asked(), 1);
        assert_eq!(bench.count(&agent::OUTPUT_ADDED), 0);
        assert_eq!(bench.count(&agent::LLM_REQUEST_COMPLETED), 0);
        assert_eq!(bench.count(&PROVIDER_LLM_REQUEST_COMPLETED), 1);
        assert!(!bench.owes().await);
    });
}

#[test]
fn a_lost_call_or_reply_of_any_append_neither_loses_nor_doubles_the_answer() {
    for kind in [LLM_REQUEST_STARTED, PROVIDER_LLM_REQUEST_COMPLETED] {
        for fault in [Fault::LostCall, Fault::LostReply] {
            run(|| async {
                let (bench, workers_ai) = bench([Script::Answer("hi")]);
                bench.stream.fail_next(kind.clone(), fault);
                let request = ask(&bench, "hello").await;
                bench.run_ms(5_000).await;
                assert_eq!(workers_ai.asked(), 1, "{kind} {fault:?}");
                assert_eq!(outputs(&bench), ["hi"], "{kind} {fault:?}");
                ended(&bench, request, "success");
            });
        }
    }
}
