//! The agent processor, case by case (spec §7.3; bugs B-25, B-28, B-40, B-50, B-51, B-58, B-60, B-61, X-1,
//! X-2, X-4).

mod support;

use processors::{
    agent::{contract::*, partial::PartialAnswer, AgentProcessor},
    codemode::contract::TOOL_PROVIDER_REGISTERED,
};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Checkpoints,
    quirk::Quirk,
};
use serde_json::json;
use support::{connected, key, pass_ms, payload, run, stream::Fault, Bench, Setting};

const DEBOUNCE_MS: u64 = 200;

fn bench() -> Bench<AgentProcessor> {
    bench_with(Setting::default())
}

fn bench_with(setting: Setting) -> Bench<AgentProcessor> {
    configured(Bench::with(AgentProcessor::new, setting))
}

fn bench_of(quirk: Quirk) -> Bench<AgentProcessor> {
    bench_with(Setting {
        quirk: Some(quirk),
        ..Setting::default()
    })
}

/// An agent, and what it hears of its provider.
fn listening(quirk: Option<Quirk>) -> (Bench<AgentProcessor>, PartialAnswer) {
    let partial_answer = PartialAnswer::default();
    let heard = partial_answer.clone();
    let build = move |dependencies| AgentProcessor::new(dependencies).hearing(heard.clone());
    let setting = Setting {
        quirk,
        ..Setting::default()
    };
    (configured(Bench::with(build, setting)), partial_answer)
}

fn configured(bench: Bench<AgentProcessor>) -> Bench<AgentProcessor> {
    bench.stream.push(EventInput::new(
        LLM_CONFIG_UPDATED,
        json!({ "model": "m-1", "runOpts": { "t": 1 }, "debounceMs": DEBOUNCE_MS }),
    ));
    bench
}

fn input(content: &str) -> EventInput {
    EventInput::new(INPUT_ADDED, json!({ "content": content }))
}

fn input_with(content: &str, behaviour: Behaviour) -> EventInput {
    EventInput::new(INPUT_ADDED, InputAdded::new(content, behaviour))
}

fn scheduled(request_id: &str) -> EventInput {
    EventInput::new(
        LLM_REQUEST_SCHEDULED,
        json!({ "requestId": request_id, "debounceMs": DEBOUNCE_MS, "model": "m-1" }),
    )
}

fn requested() -> EventInput {
    EventInput::new(LLM_REQUEST_REQUESTED, json!({ "model": "m-1" }))
}

fn completed(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_COMPLETED,
        json!({
            "llmRequestId": request,
            "provider": "test",
            "durationMs": 1,
            "result": { "status": "success" },
        }),
    )
}

fn failed(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_COMPLETED,
        json!({
            "llmRequestId": request,
            "provider": "test",
            "durationMs": 1,
            "result": { "status": "failure", "error": { "message": "overloaded" } },
        }),
    )
}

/// Waits for the next request; gives its id, and how long it was scheduled for.
async fn next_request(bench: &Bench<AgentProcessor>) -> (Offset, u64) {
    for _ in 0..80 {
        bench.run_ms(500).await;
        if let Some(CurrentRequest::Requested { llm_request_id }) = bench.state().current_request {
            let scheduled = bench.appended(&LLM_REQUEST_SCHEDULED);
            let last = payload(scheduled.last().unwrap());
            return (llm_request_id, last["debounceMs"].as_u64().unwrap());
        }
    }
    panic!("nothing is requested");
}

fn cancelled_requested(request: Offset) -> EventInput {
    EventInput::new(
        LLM_REQUEST_CANCELLED,
        json!({
            "phase": "requested",
            "llmRequestId": request,
            "reason": "interrupted-by-user-input",
        }),
    )
}

fn cancelled_scheduled(request_id: &str) -> EventInput {
    EventInput::new(
        LLM_REQUEST_CANCELLED,
        json!({
            "phase": "scheduled",
            "requestId": request_id,
            "reason": "interrupted-by-user-input",
        }),
    )
}

/// The types and keys of what was appended above an offset, without the common prefix.
fn tail(bench: &Bench<AgentProcessor>, after: Offset) -> Vec<String> {
    let all = bench.stream.all();
    all.iter()
        .filter(|event| event.offset > after)
        .map(|event| {
            let kind = event.kind.as_str();
            let kind = kind.rsplit('/').next().unwrap();
            format!("{kind} {}", key(event)).trim().to_owned()
        })
        .collect()
}

fn keys(bench: &Bench<AgentProcessor>, kind: &EventType) -> Vec<String> {
    let appended = bench.appended(kind);
    appended.iter().map(|event| key(event).to_owned()).collect()
}

/// Answers whatever is requested until nothing moves; returns the number of requests.
async fn converse_to_the_end(bench: &Bench<AgentProcessor>) -> usize {
    let mut answered = 0;
    for _ in 0..40 {
        bench.run_ms(500).await;
        if let Some(CurrentRequest::Requested { llm_request_id }) = bench.state().current_request {
            bench.stream.push(completed(llm_request_id));
            answered += 1;
        }
    }
    assert!(!bench.owes().await, "nothing is owed at the end");
    assert_eq!(bench.state().current_request, None);
    answered
}

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

#[test]
fn a_capability_is_told_once_and_rendered() {
    run(|| async {
        let bench = bench();
        let capability = json!({ "name": "mail", "instructions": "Send mail." });
        let at = bench
            .say(EventInput::new(CAPABILITY_NOTED, capability.clone()))
            .await;
        bench
            .say(EventInput::new(CAPABILITY_NOTED, capability))
            .await;
        let inputs = bench.appended(&INPUT_ADDED);
        assert_eq!(inputs.len(), 3, "one explainer, two rendered events");
        assert_eq!(
            key(&inputs[0]),
            format!("agent/event-type-explainer/{CAPABILITY_NOTED}")
        );
        let rendered = payload(&inputs[1]);
        let key_at = format!("agent/render-agent-capability-noted@{at}");
        assert_eq!(key(&inputs[1]), key_at);
        let content = rendered["content"].as_str().unwrap();
        assert!(content.contains("itx.mail") && content.contains("Send mail."));
        assert!(content.contains(&at.to_string()));
        assert_eq!(
            rendered["llmRequestPolicy"]["behaviour"],
            "dont-trigger-request"
        );
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
    });
}

#[test]
fn a_tool_provider_is_told_once_and_rendered() {
    run(|| async {
        let bench = bench();
        let provider = |name: &str| {
            let provider = json!({
                "path": ["slack", name],
                "instructions": "Posts.\nTakes a text.",
                "invocation": { "kind": "event" },
            });
            EventInput::new(TOOL_PROVIDER_REGISTERED, provider)
        };
        let at = bench.say(provider("chat")).await;
        bench.say(provider("agent")).await;
        let inputs = bench.appended(&INPUT_ADDED);
        assert_eq!(inputs.len(), 3, "one explainer, two rendered events");
        assert_eq!(
            key(&inputs[0]),
            format!("agent/event-type-explainer/{TOOL_PROVIDER_REGISTERED}")
        );
        let key_at = format!("agent/render-codemode-tool-provider-registered@{at}");
        assert_eq!(key(&inputs[1]), key_at);
        let lines = [
            "```yaml".to_owned(),
            "event:".to_owned(),
            format!("  offset: {at}"),
            format!("  type: {TOOL_PROVIDER_REGISTERED}"),
            "  path: slack.chat".to_owned(),
            "  instructions: |-".to_owned(),
            "    Posts.".to_owned(),
            "    Takes a text.".to_owned(),
            "```".to_owned(),
        ];
        assert_eq!(payload(&inputs[1])["content"], lines.join("\n"));
        for input in &inputs {
            let policy = &payload(input)["llmRequestPolicy"]["behaviour"];
            assert_eq!(policy, "dont-trigger-request");
        }
        bench.run_ms(1_000).await;
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
    });
}

#[test]
fn a_cancellation_is_told_once_and_rendered() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        let first = bench.say(cancelled_requested(request)).await;
        let request = bench.say(requested()).await;
        let second = bench.say(cancelled_requested(request)).await;
        assert_eq!(
            keys(&bench, &INPUT_ADDED),
            [
                format!("agent/event-type-explainer/{LLM_REQUEST_CANCELLED}"),
                format!("agent/render-llm-request-cancelled@{first}"),
                format!("agent/render-llm-request-cancelled@{second}"),
            ]
        );
        let rendered = payload(&bench.appended(&INPUT_ADDED)[2]);
        let content = rendered["content"].as_str().unwrap();
        assert!(content.contains(&format!("  llmRequestId: {request}\n")));
        assert!(content.contains("  reason: interrupted-by-user-input\n"));
        let statuses = bench.appended(&STATUS_UPDATED);
        assert_eq!(payload(statuses.last().unwrap())["status"], "idle");
        assert_eq!(bench.count(&LLM_REQUEST_SCHEDULED), 0);
    });
}

#[test]
fn a_stale_output_is_not_in_the_history() {
    run(|| async {
        let bench = bench();
        let request = bench.say(requested()).await;
        bench.say(completed(request)).await;
        let stale = json!({ "content": "late", "llmRequestId": request });
        bench.say(EventInput::new(OUTPUT_ADDED, stale)).await;
        assert_eq!(bench.state().history, []);
    });
}

// Recovery of a scheduled request (B-25).

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

// A trigger below the anchor (#1481, B-28).

fn below_anchor(quirk: Option<Quirk>) -> Bench<AgentProcessor> {
    bench_with(Setting {
        anchor: 3,
        quirk,
        ..Setting::default()
    })
}

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

// The partial answer of an interrupted request (#1886, B-61).

/// Asks, lets the model say that much, and interrupts it. Gives what follows the interrupt.
async fn interrupted_after(
    bench: &Bench<AgentProcessor>,
    partial_answer: &PartialAnswer,
    said: &str,
) -> Vec<String> {
    let request = bench.say(requested()).await;
    partial_answer.begin(request);
    partial_answer.add(request, said);
    partial_answer.add(Offset(1), "of another request");
    let at = bench
        .say(input_with("stop", Behaviour::InterruptCurrentRequest))
        .await;
    tail(bench, at)
}

#[test]
fn b61_what_the_model_had_said_goes_in_with_the_cancellation() {
    run(|| async {
        let (bench, partial_answer) = listening(None);
        let log = interrupted_after(&bench, &partial_answer, "The answer\nis").await;
        let cancelled = bench.appended(&LLM_REQUEST_CANCELLED)[0].offset;
        assert_eq!(
            log,
            [
                "llm-request-cancelled agent/llm-request-cancelled/interrupted-by-user-input@4",
                &format!("input-added agent/event-type-explainer/{LLM_REQUEST_CANCELLED}"),
                &format!("input-added agent/render-llm-request-cancelled@{cancelled}"),
                "llm-request-scheduled agent/llm-request-scheduled@4",
            ]
        );
        bench.run_ms(DEBOUNCE_MS + 100).await;
        let history = &bench.state().history;
        let told = &history.last().unwrap().content;
        assert!(told.contains("  partialAnswer: |-\n    The answer\n    is\n```"));
        assert_eq!(history.len(), 3, "it is told once");
        assert_eq!(converse_to_the_end(&bench).await, 1);
        insta_log("agent_interrupt_partial_answer", &bench);
    });
}

#[test]
fn b61_somebody_interrupts_before_the_model_said_anything() {
    run(|| async {
        let (bench, partial_answer) = listening(None);
        let log = interrupted_after(&bench, &partial_answer, "").await;
        assert_eq!(log.len(), 2, "{log:?}");
    });
}

/// Nothing is scheduled in its place, so it need not be told at once.
#[test]
fn b61_what_somebody_else_cancels_is_told_with_its_partial_answer() {
    run(|| async {
        let (bench, partial_answer) = listening(None);
        let request = bench.say(requested()).await;
        partial_answer.begin(request);
        partial_answer.add(request, "Well");
        bench.say(cancelled_requested(request)).await;
        let told = payload(&bench.appended(&INPUT_ADDED)[1]);
        assert!(told["content"].as_str().unwrap().contains("    Well\n"));
    });
}

#[test]
fn quirk_b61_loses_what_the_model_had_said() {
    run(|| async {
        let (bench, partial_answer) = listening(Some(Quirk::B61));
        let log = interrupted_after(&bench, &partial_answer, "The answer").await;
        assert_eq!(log.len(), 2, "{log:?}");
        bench.run_ms(1_000).await;
        let inputs = bench.appended(&INPUT_ADDED);
        let mut told = inputs.iter().map(|input| payload(input).to_string());
        assert!(told.all(|input| !input.contains("The answer")));
    });
}

// Races.

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

fn insta_log(name: &str, bench: &Bench<AgentProcessor>) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, bench.stream.render()));
}
