//! How a scheduled request becomes a request, whatever dies before (B-25, B-51, B-58).

use super::*;

#[test]
fn a_scheduled_request_without_a_timer_is_handed_off_when_a_subscriber_connects() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        bench.deliver().await;
        bench.restart();
        bench.say(connected("agent")).await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_REQUESTED),
            ["agent/llm-request-requested@3"]
        );
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

#[test]
fn a_scheduled_request_without_a_timer_is_handed_off_by_the_alarm() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        bench.deliver().await;
        bench.restart();
        assert!(bench.owes().await);
        bench.ring().await.unwrap();
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
        bench.deliver().await;
        assert!(!bench.owes().await);
    });
}

/// The batch is delivered again, and draws another id for the schedule that it finds there.
#[test]
fn a_schedule_that_was_there_already_is_handed_off_under_its_own_id() {
    run(|| async {
        let bench = bench();
        bench
            .stream
            .fail_next(LLM_REQUEST_SCHEDULED, Fault::LostReply);
        bench.stream.push(input("hello"));
        assert!(bench.try_deliver().await.is_err());
        bench.run_ms(DEBOUNCE_MS + 100).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
        assert_eq!(
            keys(&bench, &LLM_REQUEST_REQUESTED),
            ["agent/llm-request-requested@3"]
        );
    });
}

#[test]
fn a_checkpoint_of_v0_is_handed_off_with_the_key_of_its_schedule() {
    run(|| async {
        let bench = bench();
        let at = bench.stream.push(scheduled("r1"));
        let v0 = json!({
            "offset": at,
            "state": { "currentRequest": { "phase": "scheduled", "requestId": "r1" } },
        });
        bench.checkpoints.write(at, v0.to_string(), true).unwrap();
        bench.restart();
        bench.say(connected("agent")).await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_REQUESTED),
            [format!("agent/llm-request-requested@{at}")]
        );
    });
}

#[test]
fn a_request_that_was_cancelled_is_not_handed_off() {
    run(|| async {
        let bench = bench();
        bench.say(scheduled("r1")).await;
        bench.restart();
        bench.stream.push(connected("agent"));
        bench.stream.slip_in(cancelled_scheduled("r1"));
        bench.run_ms(2_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
    });
}

#[test]
fn the_debounce_does_not_survive_a_cancellation() {
    run(|| async {
        let bench = bench();
        bench.say(scheduled("r1")).await;
        bench.stream.push(cancelled_scheduled("r1"));
        pass_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0, "B-58");
    });
}

#[test]
fn quirk_b58_hands_off_what_was_cancelled() {
    run(|| async {
        let bench = bench_of(Quirk::B58);
        bench.say(input("hello")).await;
        bench.deliver().await;
        let request_id = bench.state().scheduled_request().unwrap().clone();
        bench.say(cancelled_scheduled(&request_id)).await;
        assert_eq!(bench.state().current_request, None);
        bench.run_ms(1_000).await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_REQUESTED),
            ["agent/llm-request-requested@3"]
        );
    });
}

#[test]
fn an_input_after_a_restart_restarts_the_debounce() {
    run(|| async {
        let bench = bench();
        bench.say(input("one")).await;
        bench.deliver().await;
        bench.restart();
        bench.say(input("two")).await;
        pass_ms(DEBOUNCE_MS - 10).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(20).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

#[test]
fn a_connection_while_the_timer_runs_changes_nothing() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        bench.deliver().await;
        for subscriber in ["agent", "openai-ws", "agent-host", "browser"] {
            bench.stream.push(connected(subscriber));
        }
        bench.deliver().await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

#[test]
fn a_failed_hand_off_is_tried_again_after_a_second() {
    run(|| async {
        let bench = bench();
        bench
            .stream
            .fail_next(LLM_REQUEST_REQUESTED, Fault::LostCall);
        bench.say(input("hello")).await;
        pass_ms(DEBOUNCE_MS + 900).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(200).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

/// As long as the stream is paused, say.
#[test]
fn a_hand_off_that_keeps_failing_is_tried_ever_less_often() {
    run(|| async {
        let bench = bench();
        for _ in 0..5 {
            bench
                .stream
                .fail_next(LLM_REQUEST_REQUESTED, Fault::LostCall);
        }
        bench.say(input("hello")).await;
        // After 1, 2, 4, 8 and 16 s.
        pass_ms(DEBOUNCE_MS + 30_500).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

#[test]
fn the_failed_hand_offs_of_a_cancelled_request_do_not_slow_the_next_one() {
    run(|| async {
        let bench = bench();
        for _ in 0..4 {
            bench
                .stream
                .fail_next(LLM_REQUEST_REQUESTED, Fault::LostCall);
        }
        bench.say(input("one")).await;
        // Failed at once, and after 1 and 2 s.
        bench.run_ms(DEBOUNCE_MS + 3_500).await;
        let interrupt = input_with("two", Behaviour::InterruptCurrentRequest);
        bench.say(interrupt).await;
        pass_ms(DEBOUNCE_MS + 900).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(200).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

/// Else three restarts in an outage use up the repetitions.
#[test]
fn b51_a_restart_does_not_cut_the_back_off_short() {
    for rings in [false, true] {
        run(|| async {
            let bench = bench();
            let request = bench.say(requested()).await;
            bench.say(failed(request)).await;
            bench.deliver().await;
            bench.restart();
            match rings {
                true => bench.ring().await.unwrap(),
                false => drop(bench.say(connected("agent")).await),
            }
            pass_ms(1_900).await;
            assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
            pass_ms(200).await;
            assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 2);
        });
    }
}

#[test]
fn quirk_b25_forgets_a_scheduled_request_only_with_its_incarnation() {
    let quirk = Some(Quirk::B25);
    run(|| async {
        let bench = bench_with(Setting {
            quirk,
            ..Setting::default()
        });
        bench.say(input("one")).await;
        bench
            .say(input_with("two", Behaviour::InterruptCurrentRequest))
            .await;
        bench.run_ms(500).await;
        bench.say(input("three")).await;
        // What is interrupted, and what was queued, are each scheduled anew.
        bench
            .say(input_with("four", Behaviour::InterruptCurrentRequest))
            .await;
        bench.run_ms(500).await;
        bench.say(input("five")).await;
        assert_eq!(converse_to_the_end(&bench).await, 2);
        bench.say(input("six")).await;
        bench.deliver().await;
        bench.restart();
        bench.say(connected("agent")).await;
        bench.ring().await.unwrap();
        bench.run_ms(60_000).await;
        assert!(bench.state().scheduled_request().is_some());
        assert!(!bench.owes().await, "the bug goes unnoticed");
    });
    run(|| async {
        let bench = below_anchor(quirk);
        bench.stream.push(input("first"));
        bench.stream.push(connected("other"));
        bench.say(connected("agent")).await;
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}
