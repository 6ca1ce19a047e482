//! The openai-ws processor, case by case (spec §7.4; bugs B-09, B-26, B-27, B-52, B-53, B-69, X-3,
//!

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

#[test]
fn a_request_is_executed_once_and_completed_in_one_batch() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        let request = ask(&bench, "hello").await;
        assert!(bench.owes().await);
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(*openai.authorization.borrow(), "Bearer sk-test-000");
        assert_eq!(outputs(&bench), ["hi"]);
        assert_eq!(provider_terminals(&bench), success(request));
        assert_eq!(agent_terminals(&bench), success(request));
        assert!(!bench.owes().await);
        assert_eq!(bench.state().requests.len(), 0);
        let create = openai.request(0);
        assert_eq!(create["type"], "response.create");
        assert_eq!(create["model"], DEFAULT_MODEL);
        assert_eq!(create["store"], false);
        assert_eq!(texts(&create), ["hello"]);
        assert!(create.get("previous_response_id").is_none());
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("openai_ws_answer", bench.stream.render()));
    });
}

#[test]
fn sequential_requests_share_a_socket_and_send_only_what_is_new() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("one!"), Script::Answer("two!")]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        let second = ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.upgrades.get(), 1);
        assert_eq!(bench.count(&WEBSOCKET_CONNECTED), 1);
        let create = openai.request(1);
        assert_eq!(create["previous_response_id"], "resp_1");
        assert_eq!(texts(&create), ["two"]);
        assert_eq!(agent_terminals(&bench)[1].0, second.0);
        assert_eq!(outputs(&bench), ["one!", "two!"]);
    });
}

#[test]
fn the_chat_ends_at_the_request() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        input(&bench, "before");
        requested(&bench);
        input(&bench, "after");
        bench.run_ms(1_000).await;
        assert_eq!(texts(&openai.request(0)), ["before"]);
    });
}

#[test]
fn deltas_stand_in_for_an_empty_output_and_are_not_recorded() {
    run(|| async {
        let (bench, _) = bench([Script::OnlyDeltas("hi there")]);
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(outputs(&bench), ["hi there"]);
        let received = bench.appended(&WEBSOCKET_MESSAGE_RECEIVED);
        let types: Vec<Value> = received
            .iter()
            .map(|event| payload(event)["message"]["type"].clone())
            .collect();
        assert_eq!(types, ["response.created", "response.completed"]);
        assert!(key(&received[0]).ends_with("/1@2"));
    });
}

#[test]
fn a_delta_of_another_response_does_not_get_into_the_answer() {
    run(|| async {
        let (bench, _) = bench([Script::StrayDelta]);
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(outputs(&bench), ["own"]);
    });
}

fn refusal() -> Value {
    let part = json!({ "type": "refusal", "refusal": "no" });
    json!([{ "type": "message", "content": [part] }])
}

#[test]
fn a_refusal_is_a_failure_that_says_so() {
    run(|| async {
        let (bench, _) = bench([Script::Output(refusal())]);
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        let failed = bench.appended(&agent::LLM_REQUEST_COMPLETED);
        let message = &payload(&failed[0])["result"]["error"]["message"];
        assert_eq!(message, "the model refused: no");
    });
}

#[test]
fn an_unknown_continuation_is_sent_again_in_full() {
    run(|| async {
        let (bench, openai) = bench([
            Script::Answer("one!"),
            Script::Error("previous_response_not_found"),
            Script::Answer("two!"),
        ]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 3);
        assert_eq!(openai.upgrades.get(), 1);
        assert!(openai.request(2).get("previous_response_id").is_none());
        assert_eq!(texts(&openai.request(2)), ["one", "one!", "two"]);
        assert_eq!(outputs(&bench), ["one!", "two!"]);
    });
}

#[test]
fn a_socket_that_is_too_old_is_replaced() {
    run(|| async {
        let (bench, openai) = bench([
            Script::Answer("one!"),
            Script::Error("websocket_connection_limit_reached"),
            Script::Answer("two!"),
        ]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.upgrades.get(), 2);
        assert_eq!(texts(&openai.request(2)), ["one", "one!", "two"]);
        assert_eq!(outputs(&bench), ["one!", "two!"]);
    });
}

#[test]
fn a_socket_that_was_closed_while_idle_is_replaced() {
    run(|| async {
        let (bench, openai) = bench([Script::AnswerAndClose("one!"), Script::Answer("two!")]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.upgrades.get(), 2);
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 1);
        assert_eq!(outputs(&bench), ["one!", "two!"]);
    });
}

#[test]
fn every_way_not_to_answer_is_a_failure_and_the_next_request_is_answered() {
    let ways = [
        Script::Error("server_error"),
        Script::Failed,
        Script::Incomplete,
        Script::BareError,
        Script::Output(json!([])),
        Script::Output(json!([{ "type": "function_call", "name": "f", "arguments": "{" }])),
        Script::Output(refusal()),
        Script::Close(1000),
        Script::Close(1011),
        Script::Drop,
        Script::Silence,
    ];
    for way in ways {
        run(|| async {
            let (bench, _) = bench([way.clone(), Script::Answer("two!")]);
            let first = ask(&bench, "one").await;
            bench.run_ms(2 * SILENCE_MS_MAX + 1_000).await;
            assert_eq!(agent_terminals(&bench), failure(first), "{way:?}");
            assert_eq!(provider_terminals(&bench), failure(first), "{way:?}");
            ask(&bench, "two").await;
            bench.run_ms(1_000).await;
            assert_eq!(outputs(&bench), ["two!"], "{way:?}");
            let ends = matches!(way, Script::Close(_) | Script::Drop | Script::Silence);
            let lost = usize::from(ends);
            assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), lost, "{way:?}");
        });
    }
}

#[test]
fn a_refused_upgrade_is_a_failure_with_its_status() {
    run(|| async {
        let (bench, openai) = bench([]);
        openai.refuses.set(Some(429));
        let request = ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(agent_terminals(&bench), failure(request));
        let failed = payload(&bench.appended(&agent::LLM_REQUEST_COMPLETED)[0]);
        let message = failed["result"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("429"), "{message}");
        assert_eq!(bench.count(&LLM_REQUEST_STARTED), 0);
        assert!(!bench.owes().await);
    });
}

#[test]
fn a_message_that_cannot_be_sent_is_a_failure_and_the_end_of_its_socket() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("two!")]);
        openai.hangs_up.set(true);
        let first = ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        assert_eq!(provider_terminals(&bench), failure(first));
        assert_eq!(agent_terminals(&bench), failure(first));
        let own = [
            WEBSOCKET_CONNECTED,
            LLM_REQUEST_STARTED,
            WEBSOCKET_DISCONNECTED,
        ];
        for kind in &own {
            assert_eq!(bench.count(kind), 1, "{kind}");
        }
        assert_eq!(bench.count(&WEBSOCKET_MESSAGE_SENT), 0);
        assert!(!bench.owes().await);
        ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.upgrades.get(), 2);
        assert_eq!(outputs(&bench), ["two!"]);
    });
}

#[test]
fn an_unreachable_service_is_a_failure() {
    run(|| async {
        let bench = Bench::new(processor);
        let request = ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(agent_terminals(&bench), failure(request));
        assert_eq!(provider_terminals(&bench), failure(request));
    });
}

// Cancellation and staleness.

#[test]
fn a_cancellation_closes_the_socket_and_the_next_request_opens_a_new_one() {
    run(|| async {
        let (bench, openai) = bench([
            Script::Answer("one!"),
            Script::AnswerAfterMs(30_000, "late"),
            Script::Answer("three!"),
        ]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        let second = ask(&bench, "two").await;
        bench.run_ms(1_000).await;
        bench.say(cancelled(second)).await;
        bench.run_ms(1_000).await;
        assert_eq!(provider_terminals(&bench)[1].1, "failure");
        assert_eq!(agent_terminals(&bench).len(), 1, "cancelled is terminal");
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 1);
        ask(&bench, "three").await;
        bench.run_ms(40_000).await;
        assert_eq!(openai.upgrades.get(), 2);
        assert!(openai.request(2).get("previous_response_id").is_none());
        assert_eq!(outputs(&bench), ["one!", "three!"]);
        assert!(!bench.owes().await);
    });
}

#[test]
fn batches_go_on_while_a_request_runs() {
    run(|| async {
        let (bench, _) = bench([Script::AnswerAfterMs(10_000, "hi")]);
        ask(&bench, "hello").await;
        let at = bench.say(connected("browser")).await;
        assert_eq!(bench.checkpoint(), at, "B-10");
        bench.run_ms(11_000).await;
        assert_eq!(outputs(&bench), ["hi"]);
    });
}

#[test]
fn x3_a_cancellation_between_reading_and_output_leaves_no_output() {
    run(|| async {
        let (bench, openai) = bench([Script::AnswerAfterMs(1_000, "late")]);
        let request = ask(&bench, "hello").await;
        pass_ms(900).await;
        bench.stream.slip_in(cancelled(request));
        pass_ms(1_000).await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(outputs(&bench), [""; 0]);
        assert_eq!(agent_terminals(&bench), []);
        assert_eq!(provider_terminals(&bench), success(request));
        assert!(!bench.owes().await);
    });
}

#[test]
fn b69_no_attempt_begins_after_its_cancellation() {
    run(|| async {
        let (bench, openai) = bench([]);
        input(&bench, "hello");
        let request = requested(&bench);
        bench.stream.push(cancelled(request));
        bench.deliver().await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0);
    });
    run(|| async {
        let (bench, openai) = bench([]);
        let request = ask(&bench, "hello").await;
        bench.stream.push(cancelled(request));
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0, "not even if only the head shows it");
        assert!(!bench.owes().await);
    });
}

#[test]
fn no_attempt_begins_after_a_cancellation_that_came_while_the_failed_one_was_told() {
    run(|| async {
        let (bench, openai, request) = crash_after_started(None).await;
        bench
            .stream
            .fail_next(LLM_REQUEST_ATTEMPT_FAILED, Fault::LostCall);
        bench.say(connected("openai-ws")).await;
        pass_ms(50).await;
        bench.say(cancelled(request)).await;
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 0);
        bench.run_ms(10_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 1);
        assert_eq!(openai.asked(), 1, "by the life that is gone");
        assert_eq!(outputs(&bench), [""; 0]);
        assert!(!bench.owes().await);
    });
}

// Crashes and attaching.

#[test]
fn a_crash_before_started_is_taken_up_by_the_alarm() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        let request = ask(&bench, "hello").await;
        bench.restart();
        assert!(bench.owes().await, "B-52");
        bench.ring().await.unwrap();
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(agent_terminals(&bench), success(request));
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 0);
    });
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

#[test]
fn a_crash_after_started_is_taken_up_on_connection() {
    run(|| async {
        let (bench, openai, request) = crash_after_started(None).await;
        for _ in 0..6 {
            bench.stream.push(connected("somebody"));
        }
        bench.run_ms(10_000).await;
        assert_eq!(openai.asked(), 2, "B-27: once for each life");
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 1);
        assert_eq!(outputs(&bench), ["hi"]);
        assert_eq!(agent_terminals(&bench), success(request));
        let connections = bench.appended(&WEBSOCKET_CONNECTED);
        let id = |index: usize| payload(&connections[index])["connectionId"].to_string();
        assert_eq!(connections.len(), 2);
        assert_eq!(openai.upgrades.get(), 2);
        assert_ne!(id(0), id(1));
        assert!(id(1).starts_with(&format!("\"openai_ws_{request}_")));
        assert!(!bench.owes().await);
    });
}

#[test]
fn a_crash_after_started_is_taken_up_by_the_alarm() {
    run(|| async {
        let (bench, openai, request) = crash_after_started(None).await;
        bench.ring().await.unwrap();
        bench.ring().await.unwrap();
        bench.run_ms(10_000).await;
        assert_eq!(openai.asked(), 2);
        assert_eq!(agent_terminals(&bench), success(request), "B-53");
    });
}

#[test]
fn a_redelivered_request_that_was_started_is_executed() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        input(&bench, "hello");
        let request = requested(&bench);
        bench.stream.push(started(request));
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1, "B-09");
        assert_eq!(agent_terminals(&bench), success(request));
    });
}

#[test]
fn quirk_b09_takes_started_for_done() {
    run(|| async {
        let (bench, openai, _) = crash_after_started(Some(Quirk::B09)).await;
        bench.say(connected("somebody")).await;
        bench.ring().await.unwrap();
        bench.run_ms(60_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(agent_terminals(&bench), []);
        assert!(!bench.owes().await, "the bug goes unnoticed");
    });
    run(|| async {
        let setting = Setting {
            quirk: Some(Quirk::B09),
            ..Setting::default()
        };
        let (bench, _) = bench_with([Script::Answer("hi")], setting);
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(outputs(&bench), ["hi"], "without a crash all is well");
    });
}

#[test]
fn x15_a_foreign_connection_before_the_terminal_executes_nothing() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        let request = ask(&bench, "hello").await;
        bench.restart();
        bench.stream.push(started(request));
        bench.stream.push(connected("browser"));
        bench.stream.push(EventInput::new(
            PROVIDER_LLM_REQUEST_COMPLETED,
            json!({
                "llmRequestId": request,
                "durationMs": 1,
                "result": { "status": "success" },
            }),
        ));
        bench.say(connected("openai-ws")).await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0);
        assert_eq!(bench.count(&LLM_REQUEST_ATTEMPT_FAILED), 0);
    });
}

#[test]
fn x16_attaching_to_an_old_log_asks_nobody() {
    run(|| async {
        let setting = Setting {
            anchor: 100,
            ..Setting::default()
        };
        let (bench, openai) = bench_with([], setting);
        input(&bench, "old");
        let request = requested(&bench);
        bench.deliver().await;
        bench.stream.push(EventInput::new(
            agent::LLM_REQUEST_COMPLETED,
            json!({
                "llmRequestId": request,
                "provider": "other",
                "durationMs": 1,
                "result": { "status": "success" },
            }),
        ));
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 0, "though a batch ended in between");
    });
}

#[test]
fn a_lost_call_or_reply_of_any_append_neither_loses_nor_doubles_the_answer() {
    let kinds = [
        LLM_REQUEST_STARTED,
        WEBSOCKET_CONNECTED,
        PROVIDER_LLM_REQUEST_COMPLETED,
        agent::LLM_REQUEST_COMPLETED,
    ];
    for kind in kinds {
        for fault in [Fault::LostCall, Fault::LostReply] {
            run(|| async {
                let (bench, openai) = bench([Script::Answer("hi")]);
                bench.stream.fail_next(kind.clone(), fault);
                let request = ask(&bench, "hello").await;
                bench.run_ms(5_000).await;
                let context = format!("{kind} {fault:?}");
                assert_eq!(openai.asked(), 1, "{context}");
                assert_eq!(outputs(&bench), ["hi"], "{context}");
                assert_eq!(agent_terminals(&bench), success(request), "{context}");
                assert_eq!(provider_terminals(&bench), success(request), "{context}");
            });
        }
    }
}

#[test]
fn a_finished_answer_survives_a_stream_that_is_away_for_long() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        for _ in 0..7 {
            bench
                .stream
                .fail_next(PROVIDER_LLM_REQUEST_COMPLETED, Fault::LostCall);
        }
        let request = ask(&bench, "hello").await;
        bench.run_ms(6_000).await;
        assert_eq!(agent_terminals(&bench), []);
        bench.ring().await.unwrap();
        bench.run_ms(6_000).await;
        assert_eq!(openai.asked(), 1, "nobody is asked twice without a crash");
        assert_eq!(agent_terminals(&bench), success(request));
        assert_eq!(outputs(&bench), ["hi"]);
    });
}

fn pause(bench: &TestBench) {
    bench.stream.push(EventInput::new(PAUSED, json!({})));
}

fn resume(bench: &TestBench) {
    bench.stream.push(EventInput::new(RESUMED, json!({})));
}

#[test]
fn an_answer_that_could_not_be_appended_is_told_though_the_request_is_cancelled() {
    run(|| async {
        let (bench, openai) = bench([Script::AnswerAfterMs(1_000, "late")]);
        let request = ask(&bench, "hello").await;
        bench.run_ms(500).await;
        pause(&bench);
        bench.run_ms(2_000).await;
        resume(&bench);
        assert_eq!(provider_terminals(&bench), []);
        bench.say(cancelled(request)).await;
        assert!(bench.owes().await, "until it stands in the stream");
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(provider_terminals(&bench), success(request));
        assert_eq!(bench.count(&WEBSOCKET_MESSAGE_RECEIVED), 2);
        assert_eq!(outputs(&bench), [""; 0]);
        assert_eq!(agent_terminals(&bench), []);
        assert!(!bench.owes().await);
    });
}

#[test]
fn what_a_cancellation_cut_off_is_told_by_the_alarm_if_the_stream_refused_it() {
    run(|| async {
        let (bench, openai) = bench([Script::AnswerAfterMs(10_000, "late")]);
        let request = ask(&bench, "hello").await;
        bench.run_ms(500).await;
        bench.stream.push(cancelled(request));
        pause(&bench);
        bench.deliver().await;
        assert!(bench.owes().await, "it is being cut off");
        bench.run_ms(500).await;
        resume(&bench);
        bench.run_ms(1_000).await;
        assert_eq!(provider_terminals(&bench), []);
        assert!(bench.owes().await);
        bench.ring().await.unwrap();
        bench.run_ms(1_000).await;
        assert_eq!(openai.asked(), 1);
        assert_eq!(provider_terminals(&bench), failure(request));
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 1);
        assert!(!bench.owes().await);
    });
}

/// Longer than the stream is tried, but for the alarm.
fn refuse_started(bench: &TestBench) {
    for _ in 0..5 {
        bench.stream.fail_next(LLM_REQUEST_STARTED, Fault::LostCall);
    }
}

#[test]
fn a_socket_on_which_nothing_could_be_started_is_kept() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("one!"), Script::Answer("two!")]);
        refuse_started(&bench);
        ask(&bench, "one").await;
        bench.run_ms(6_000).await;
        bench.ring().await.unwrap();
        bench.run_ms(1_000).await;
        refuse_started(&bench);
        ask(&bench, "two").await;
        bench.run_ms(6_000).await;
        bench.ring().await.unwrap();
        bench.run_ms(1_000).await;
        assert_eq!(outputs(&bench), ["one!", "two!"]);
        assert_eq!((openai.asked(), openai.upgrades.get()), (2, 1));
        assert_eq!(bench.count(&WEBSOCKET_CONNECTED), 1);
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 0);
        assert_eq!(openai.request(1)["previous_response_id"], "resp_1");
    });
}

#[test]
fn the_end_of_a_socket_is_told_though_its_successor_could_not_start_anything() {
    run(|| async {
        let (bench, openai) = bench([Script::AnswerAndClose("one!"), Script::Answer("two!")]);
        ask(&bench, "one").await;
        bench.run_ms(1_000).await;
        refuse_started(&bench);
        ask(&bench, "two").await;
        bench.run_ms(6_000).await;
        bench.ring().await.unwrap();
        bench.run_ms(1_000).await;
        assert_eq!(outputs(&bench), ["one!", "two!"]);
        assert_eq!(openai.upgrades.get(), 2);
        assert_eq!(bench.count(&WEBSOCKET_CONNECTED), 2);
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 1);
    });
}

#[test]
fn a_configured_model_is_asked() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("hi")]);
        let config = json!({ "model": "gpt-4.1" });
        bench.stream.push(EventInput::new(CONFIG_UPDATED, config));
        ask(&bench, "hello").await;
        bench.run_ms(1_000).await;
        assert_eq!(openai.request(0)["model"], "gpt-4.1");
        assert!(openai.request(0).get("reasoning").is_none());
    });
}
