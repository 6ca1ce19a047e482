//! Crashes, and attaching to an old log (B-09, B-52, X-15, X-16).

use super::*;

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
