//! What the model is told of others than people, and what it is not told.

use super::*;

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
