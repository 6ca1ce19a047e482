//! What an input, an interrupt and a terminal lead to.

use super::*;

#[test]
fn a_non_triggering_input_appends_nothing() {
    run(|| async {
        let bench = bench();
        let at = bench
            .say(input_with("note", Behaviour::DontTriggerRequest))
            .await;
        bench.run_ms(1_000).await;
        assert_eq!(tail(&bench, at), [""; 0]);
        assert!(!bench.owes().await);
    });
}

#[test]
fn an_input_schedules_one_request_with_the_configured_debounce_and_model() {
    run(|| async {
        let bench = bench();
        let at = bench.say(input("hello")).await;
        assert_eq!(
            tail(&bench, at),
            ["llm-request-scheduled agent/llm-request-scheduled@2"]
        );
        let scheduled = payload(&bench.appended(&LLM_REQUEST_SCHEDULED)[0]);
        assert_eq!(scheduled["debounceMs"], DEBOUNCE_MS);
        assert_eq!(scheduled["model"], "m-1");
        assert!(scheduled["requestId"].as_str().unwrap().starts_with("req_"));
        assert!(bench.owes().await);
    });
}

#[test]
fn the_debounce_hands_off_by_reference() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        pass_ms(DEBOUNCE_MS - 10).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(20).await;
        let requested = bench.appended(&LLM_REQUEST_REQUESTED);
        assert_eq!(requested.len(), 1);
        assert_eq!(key(&requested[0]), "agent/llm-request-requested@3");
        assert_eq!(
            payload(&requested[0]),
            json!({ "model": "m-1", "runOpts": { "t": 1 } })
        );
    });
}

/// The timer holds nothing but the request's id: with what it is made, and whether, is read when it fires.
#[test]
fn the_debounce_re_reads_the_history() {
    run(|| async {
        let bench = bench();
        bench.say(input("hello")).await;
        bench.stream.push(EventInput::new(
            LLM_CONFIG_UPDATED,
            json!({ "model": "m-2", "runOpts": { "t": 2 } }),
        ));
        pass_ms(DEBOUNCE_MS + 10).await;
        let requested = bench.appended(&LLM_REQUEST_REQUESTED);
        assert_eq!(
            payload(&requested[0]),
            json!({ "model": "m-2", "runOpts": { "t": 2 } })
        );
    });
}

#[test]
fn a_further_input_restarts_the_debounce() {
    run(|| async {
        let bench = bench();
        bench.say(input("one")).await;
        pass_ms(150).await;
        bench.say(input("two")).await;
        pass_ms(150).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 0);
        pass_ms(100).await;
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 1);
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
    });
}

#[test]
fn an_input_while_a_request_is_in_flight_is_queued_once() {
    run(|| async {
        let bench = bench();
        bench.say(requested()).await;
        let at = bench.say(input("later")).await;
        let queued = format!("agent/llm-request-queued@{at}");
        assert_eq!(keys(&bench, &LLM_REQUEST_QUEUED), [queued]);
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
    });
}

#[test]
fn an_interrupt_cancels_the_request_in_flight_and_schedules_anew() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.run_ms(100).await;
        let at = bench
            .say(input_with("stop", Behaviour::InterruptCurrentRequest))
            .await;
        let interrupted = format!(
            "llm-request-cancelled agent/llm-request-cancelled/interrupted-by-user-input@{at}"
        );
        let scheduled = format!("llm-request-scheduled agent/llm-request-scheduled@{at}");
        assert_eq!(tail(&bench, at), [interrupted, scheduled]);
        let cancelled = payload(&bench.appended(&LLM_REQUEST_CANCELLED)[0]);
        assert_eq!(
            cancelled,
            json!({
                "phase": "requested",
                "llmRequestId": request,
                "reason": "interrupted-by-user-input",
            })
        );
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_CANCELLED), 1);
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 2);
        insta_log("agent_interrupt", &bench);
    });
}

#[test]
fn an_interrupt_replaces_a_scheduled_request() {
    run(|| async {
        let bench = bench();
        bench.say(input("one")).await;
        bench.deliver().await;
        bench
            .say(input_with("two", Behaviour::InterruptCurrentRequest))
            .await;
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 2);
        assert_eq!(bench.count(&LLM_REQUEST_CANCELLED), 1);
        assert_eq!(keys(&bench, &LLM_REQUEST_REQUESTED).len(), 1);
        let idle = bench.appended(&STATUS_UPDATED);
        assert!(idle.iter().all(|event| payload(event)["status"] != "idle"));
    });
}

#[test]
fn a_redelivered_interrupt_does_not_cancel_what_it_scheduled() {
    run(|| async {
        let bench = bench();
        bench.say(requested()).await;
        bench.run_ms(100).await;
        bench
            .stream
            .push(input_with("stop", Behaviour::InterruptCurrentRequest));
        bench
            .stream
            .fail_next(LLM_REQUEST_CANCELLED, Fault::LostReply);
        assert!(bench.try_deliver().await.is_err());
        bench.restart();
        bench.run_ms(2_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_CANCELLED), 1);
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 1);
        assert_eq!(bench.count(&LLM_REQUEST_REQUESTED), 2);
    });
}

#[test]
fn statuses_tell_of_the_request() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        let working =
            format!("status-updated agent/status-updated/working/llm-request-requested@{request}");
        assert_eq!(tail(&bench, request), [working]);
        let status = payload(&bench.appended(&STATUS_UPDATED)[0]);
        assert_eq!(status["llmRequestId"], request.0);
        let at = bench.say(completed(request)).await;
        let idle = format!("status-updated agent/status-updated/idle/llm-request-completed@{at}");
        assert_eq!(tail(&bench, at), [idle]);
    });
}

#[test]
fn a_completion_of_another_request_is_ignored() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.deliver().await;
        let at = bench.say(completed(Offset(1))).await;
        assert_eq!(tail(&bench, at), [""; 0]);
        assert!(bench.state().is_requested(request));
    });
}

#[test]
fn a_queued_event_appends_nothing() {
    run(|| async {
        let bench = bench();
        bench.say(requested()).await;
        bench.deliver().await;
        let at = bench
            .say(EventInput::new(LLM_REQUEST_QUEUED, json!({})))
            .await;
        assert_eq!(tail(&bench, at), [""; 0]);
    });
}

#[test]
fn what_was_queued_is_scheduled_by_the_terminal() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.say(input("later")).await;
        bench.deliver().await;
        let at = bench.say(completed(request)).await;
        let scheduled = format!("llm-request-scheduled agent/llm-request-scheduled@{at}");
        assert_eq!(tail(&bench, at), [scheduled]);
    });
}
