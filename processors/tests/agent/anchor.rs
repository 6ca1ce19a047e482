//! A trigger below the anchor (#1481; B-28, B-40).

use super::*;

#[test]
fn a_trigger_below_the_anchor_is_answered() {
    run(|| async {
        let bench = below_anchor(None);
        bench.stream.push(input("first"));
        bench.stream.push(connected("other"));
        bench.stream.push(connected("agent"));
        bench.deliver().await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_SCHEDULED),
            ["agent/llm-request-scheduled@2"]
        );
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}

#[test]
fn a_non_triggering_input_below_the_anchor_is_not_answered() {
    run(|| async {
        let bench = below_anchor(None);
        bench
            .stream
            .push(input_with("note", Behaviour::DontTriggerRequest));
        bench.stream.push(connected("other"));
        bench.say(connected("agent")).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
    });
}

#[test]
fn a_trigger_below_the_anchor_is_queued_behind_a_request_and_never_interrupts() {
    run(|| async {
        let bench = below_anchor(None);
        bench.stream.push(requested());
        bench
            .stream
            .push(input_with("first", Behaviour::InterruptCurrentRequest));
        bench.say(connected("agent")).await;
        assert_eq!(
            keys(&bench, &LLM_REQUEST_QUEUED),
            ["agent/llm-request-queued@3"]
        );
        assert_eq!(bench.count(&LLM_REQUEST_CANCELLED), 0);
    });
}

#[test]
fn a_live_trigger_with_a_connection_in_its_batch_schedules_once() {
    run(|| async {
        let bench = below_anchor(None);
        bench.stream.push(connected("x"));
        bench.stream.push(connected("y"));
        bench.stream.push(input("live"));
        bench.stream.push(connected("agent"));
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
    });
}

#[test]
fn quirk_b28_leaves_the_first_message_unanswered_until_the_next_one() {
    run(|| async {
        let bench = below_anchor(Some(Quirk::B28));
        bench.stream.push(input("first"));
        bench.stream.push(connected("other"));
        bench.say(connected("agent")).await;
        bench.ring().await.unwrap();
        bench.run_ms(20_000).await;
        bench.ring().await.unwrap();
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
        assert!(!bench.owes().await, "the bug goes unnoticed");
        bench.restart();
        bench.ring().await.unwrap();
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
        bench.say(input("second")).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
    });
}

#[test]
fn quirk_b40_keeps_a_trigger_and_looks_at_it_only_when_somebody_speaks() {
    run(|| async {
        let bench = below_anchor(Some(Quirk::B40));
        bench.stream.push(input("first"));
        bench.stream.push(connected("other"));
        bench.say(connected("agent")).await;
        assert!(bench.state().pending_trigger_offset.is_some());
        assert!(!bench.owes().await, "the bug goes unnoticed");
        bench.ring().await.unwrap();
        bench.run_ms(20_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
        bench.say(input("second")).await;
        assert_eq!(converse_to_the_end(&bench).await, 1);
    });
}
