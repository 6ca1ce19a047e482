//! Requests, answers, and every way not to answer.

use super::*;

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
        settings.set_snapshot_path("../../../snapshots");
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
