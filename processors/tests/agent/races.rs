//! What arrives between reading and appending, what fails, and what gets lost (B-50, B-51, B-60, X-1, X-2, X-4).

use super::*;

#[test]
fn x1_an_input_that_arrives_with_the_terminal_is_answered() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.stream.push(input("late"));
        bench.stream.push(completed(request));
        bench.deliver().await;
        assert_eq!(bench.count(&LLM_REQUEST_QUEUED), 0);
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

#[test]
fn x1_a_terminal_that_arrives_between_reading_and_queueing_is_seen() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.stream.push(input("late"));
        bench.stream.slip_in(completed(request));
        bench.deliver().await;
        assert_eq!(bench.count(&LLM_REQUEST_QUEUED), 0);
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

#[test]
fn x1_a_queued_event_after_the_terminal_still_leads_to_a_request() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.stream.push(input("late"));
        bench.stream.push(completed(request));
        bench
            .stream
            .push(EventInput::new(LLM_REQUEST_QUEUED, json!({})));
        bench.deliver().await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
        assert_eq!(converse_to_the_end(&bench).await, 1, "and X-2: only once");
    });
}

#[test]
fn b50_two_inputs_in_one_batch_make_one_request() {
    run(|| async {
        let bench = bench();
        bench.stream.push(input("one"));
        bench.stream.push(input("two"));
        bench.deliver().await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_SCHEDULED),
            ["agent/llm-request-scheduled@2"]
        );
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

#[test]
fn b50_a_second_input_before_the_schedule_is_reduced_makes_no_second_request() {
    run(|| async {
        let bench = bench();
        bench.stream.push(input("one"));
        bench.stream.slip_in(input("two"));
        bench.deliver().await;
        bench.stream.push(input("three"));
        assert_eq!(converse_to_the_end(&bench).await, 1);
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
    });
}

#[test]
fn b51_a_failure_is_told_to_the_model_and_repeated() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        let at = bench.say(failed(request)).await;
        assert_eq!(
            tail(&bench, at),
            [
                format!("input-added agent/render-llm-request-failed@{at}"),
                format!("llm-request-scheduled agent/llm-request-scheduled@{at}"),
            ]
        );
        let told = payload(&bench.appended(&INPUT_ADDED)[0]);
        assert_eq!(told["failedLlmRequestId"], request.0);
        assert!(told["content"]
            .as_str()
            .unwrap()
            .contains("error: overloaded"));
        assert_eq!(converse_to_the_end(&bench).await, 1);
        assert_eq!(bench.state().consecutive_failures, 0);
    });
}

#[test]
fn b51_after_three_repetitions_that_fail_the_next_message_is_answered_at_once() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        let mut delays_ms = Vec::new();
        for _ in 0..4 {
            let (request, delay_ms) = next_request(&bench).await;
            delays_ms.push(delay_ms);
            bench.say(failed(request)).await;
        }
        assert_eq!(delays_ms, [DEBOUNCE_MS, 2_000, 8_000, 32_000]);
        bench.run_ms(120_000).await;
        assert!(!bench.owes().await, "it has given up");
        assert_eq!(bench.state().current_request, None);
        bench.say(input("and now?")).await;
        assert_eq!(next_request(&bench).await.1, DEBOUNCE_MS);
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

#[test]
fn quirk_b51_takes_a_failure_for_an_end() {
    run(|| async {
        let bench = bench_of(Quirk::B51);
        let request = bench.say(requested()).await;
        bench.say(failed(request)).await;
        bench.run_ms(5_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
        assert!(!bench.owes().await);
    });
}

#[test]
fn b60_a_restart_uses_up_no_repetition() {
    for quirk in [None, Some(Quirk::B60)] {
        run(|| async {
            let bench = bench_with(Setting {
                quirk,
                ..Setting::default()
            });
            bench.say(input("hello")).await;
            for _ in 0..6 {
                bench.run_ms(40_000).await;
                bench.restart();
                bench.stream.push(connected("agent"));
            }
            bench.run_ms(40_000).await;
            match quirk {
                None => {
                    assert_eq!(bench.count(&LLM_REQUEST_COMPLETED), 0);
                    assert_eq!(converse_to_the_end(&bench).await, 1);
                }
                Some(_) => {
                    assert_eq!(bench.count(&LLM_REQUEST_COMPLETED), 4);
                    assert_eq!(bench.state().current_request, None);
                    assert!(!bench.owes().await, "it has given up");
                }
            }
        });
    }
}

/// An append that its caller took for lost comes in behind the request that answers the input.
#[test]
fn x2_what_was_queued_late_asks_for_no_second_request() {
    for quirk in [None, Some(Quirk::X2)] {
        run(|| async {
            let bench = bench_with(Setting {
                quirk,
                ..Setting::default()
            });
            let request = bench.say(requested()).await;
            bench.stream.fail_next(LLM_REQUEST_QUEUED, Fault::Late);
            bench.stream.push(input("later"));
            assert!(bench.try_deliver().await.is_err());
            bench.stream.push(completed(request));
            bench.deliver().await;
            bench.run_ms(DEBOUNCE_MS - 100).await;
            assert!(bench.state().scheduled_request().is_some());
            bench.stream.arrive();
            let answered = converse_to_the_end(&bench).await;
            assert_eq!(answered, 1 + usize::from(quirk.is_some()));
        });
    }
}

/// X-4 needs a request that holds its messages. Here it stands for the history up to itself.
#[test]
fn an_input_between_reading_and_hand_off_is_part_of_the_request() {
    run(|| async {
        let bench = bench();
        bench.say(input("one")).await;
        bench.deliver().await;
        bench.stream.slip_in(input("two"));
        pass_ms(DEBOUNCE_MS + 10).await;
        let requested = bench.appended(&LLM_REQUEST_REQUESTED);
        assert_eq!(requested.len(), 1);
        let inputs = bench.appended(&INPUT_ADDED);
        assert!(inputs[1].offset < requested[0].offset);
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

/// Two messages, an interrupt, and one append of each kind that goes wrong.
async fn conversation_with(kind: EventType, fault: Fault, restarts: bool) {
    let bench = bench();
    bench.stream.fail_next(kind.clone(), fault);
    bench.stream.push(input("one"));
    bench.run_ms(3_000).await;
    bench.stream.push(input("two"));
    bench.run_ms(500).await;
    bench
        .stream
        .push(input_with("three", Behaviour::InterruptCurrentRequest));
    if restarts {
        bench.restart();
    }
    bench.run_ms(500).await;
    converse_to_the_end(&bench).await;
    let requests = bench.count(&LLM_REQUEST_REQUESTED);
    let terminals = bench.count(&LLM_REQUEST_COMPLETED) + bench.count(&LLM_REQUEST_CANCELLED);
    let context = bench.stream.render();
    assert_eq!(bench.count(&LLM_REQUEST_CANCELLED), 1, "{context}");
    assert_eq!(requests, 2, "{context}");
    assert_eq!(terminals, 2, "{context}");
    let last_input = bench.appended(&INPUT_ADDED)[2].offset;
    let last_request = bench.appended(&LLM_REQUEST_REQUESTED)[1].offset;
    assert!(last_input < last_request, "{context}");
    let statuses = bench.appended(&STATUS_UPDATED);
    let last = payload(statuses.last().unwrap());
    assert_eq!(last["status"], "idle", "{context}");
}

#[test]
fn a_lost_call_or_reply_of_any_append_neither_loses_nor_doubles_anything() {
    let kinds = [
        LLM_REQUEST_SCHEDULED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_QUEUED,
        LLM_REQUEST_CANCELLED,
        STATUS_UPDATED,
    ];
    for kind in kinds {
        for fault in [Fault::LostCall, Fault::LostReply] {
            for restarts in [false, true] {
                let kind = kind.clone();
                run(|| async move { conversation_with(kind, fault, restarts).await });
            }
        }
    }
}

#[test]
fn folding_the_log_gives_the_state() {
    run(|| async {
        let bench = bench();
        bench.say(input("one")).await;
        bench.run_ms(1_000).await;
        bench.say(input("two")).await;
        converse_to_the_end(&bench).await;
        let mut folded = State::default();
        for event in bench.stream.all() {
            if let Some(consumed) = Consumed::parse(&event).unwrap() {
                folded.reduce(event.offset, &consumed);
            }
        }
        assert_eq!(folded, *bench.state());
        insta_log("agent_two_messages", &bench);
    });
}
