//! Cancellation and staleness (B-69, X-3).

use super::*;

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
