//! What the model is told about events that are not messages (spec §5.1, "rendering").
//!
//! Two kinds of non-triggering inputs: an explainer, once per stream and event type, and one input
//! per event: a fenced YAML block for a cancelled request, a line of prose for a capability. And one
//! that triggers: for a request that failed.

use super::contract::*;
use runtime::event::{Event, EventInput, EventType, Offset};
use std::fmt::Write as _;

/// The inputs that tell of a cancelled request.
pub fn cancelled(event: &Event, cancelled: &LlmRequestCancelled) -> Vec<EventInput> {
    let (name, id) = match &cancelled.cancelled {
        CancelledRequest::Scheduled { request_id } => ("requestId", request_id.to_string()),
        CancelledRequest::Requested { llm_request_id } => {
            ("llmRequestId", llm_request_id.to_string())
        }
    };
    let reason = match cancelled.reason {
        CancelReason::InterruptedByUserInput => "interrupted-by-user-input",
    };
    let content = yaml_block(
        event.offset,
        &event.kind,
        &[(name, &id), ("reason", reason)],
    );
    vec![
        explainer(
            &event.kind,
            "An input interrupted the model request under way; what it had produced is lost.",
        ),
        rendered("render-llm-request-cancelled", event.offset, content),
    ]
}

/// The input by which the model is asked again after a request failed, keyed by that end.
pub fn failed(failed: &FailedRequest) -> EventInput {
    let offset = failed.terminal_offset;
    let fields = [
        ("llmRequestId", failed.llm_request_id.to_string()),
        ("error", failed.message.to_string()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let content = yaml_block(offset, &LLM_REQUEST_COMPLETED, &fields);
    let input = InputAdded::of_failure(content, failed.llm_request_id);
    EventInput::new(INPUT_ADDED, input).keyed(CONTRACT.key_at("render-llm-request-failed", offset))
}

/// The inputs that tell of a capability.
pub fn capability(event: &Event, capability: &CapabilityNoted) -> Vec<EventInput> {
    let CapabilityNoted { name, instructions } = capability;
    let content = format!(
        "Capability itx.{name} is available (event at offset {}): {instructions}",
        event.offset
    );
    vec![
        explainer(
            &event.kind,
            "A capability was added; scripts may call it under the name that is given.",
        ),
        rendered("render-agent-capability-noted", event.offset, content),
    ]
}

fn explainer(kind: &EventType, meaning: &str) -> EventInput {
    let content = format!("Events of type `{kind}`: {meaning}");
    input(content).keyed(CONTRACT.key(&format!("event-type-explainer/{kind}")))
}

fn rendered(key: &str, source: Offset, content: String) -> EventInput {
    input(content).keyed(CONTRACT.key_at(key, source))
}

fn input(content: String) -> EventInput {
    EventInput::new(
        INPUT_ADDED,
        InputAdded::new(content, Behaviour::DontTriggerRequest),
    )
}

fn yaml_block(offset: Offset, kind: &EventType, fields: &[(&str, &str)]) -> String {
    let mut block = "```yaml\nevent:\n".to_owned();
    let offset = offset.to_string();
    let head = [("offset", offset.as_str()), ("type", kind.as_str())];
    for (name, value) in head.iter().chain(fields) {
        writeln!(block, "  {name}: {}", scalar(value)).expect("a string takes everything");
    }
    block.push_str("```");
    block
}

/// Bare if that is safe, else quoted as JSON.
fn scalar(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/@:-".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => value.to_owned(),
        false => serde_json::Value::from(value).to_string(),
    }
}
