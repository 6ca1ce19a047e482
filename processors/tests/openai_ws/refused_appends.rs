//! Appends that get lost, or that the stream does not take.

use super::*;

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

/// No start is taken for longer than the stream is tried; then the alarm rings.
async fn ask_in_vain_at_first(bench: &TestBench, question: &str) {
    for _ in 0..5 {
        bench.stream.fail_next(LLM_REQUEST_STARTED, Fault::LostCall);
    }
    ask(bench, question).await;
    bench.run_ms(6_000).await;
    bench.ring().await.unwrap();
    bench.run_ms(1_000).await;
}

#[test]
fn a_socket_on_which_nothing_could_be_started_is_kept() {
    run(|| async {
        let (bench, openai) = bench([Script::Answer("one!"), Script::Answer("two!")]);
        ask_in_vain_at_first(&bench, "one").await;
        ask_in_vain_at_first(&bench, "two").await;
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
        ask_in_vain_at_first(&bench, "two").await;
        assert_eq!(outputs(&bench), ["one!", "two!"]);
        assert_eq!(openai.upgrades.get(), 2);
        assert_eq!(bench.count(&WEBSOCKET_CONNECTED), 2);
        assert_eq!(bench.count(&WEBSOCKET_DISCONNECTED), 1);
    });
}
