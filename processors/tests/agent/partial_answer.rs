//! The partial answer of an interrupted request (#1886, B-61).

use super::*;

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
