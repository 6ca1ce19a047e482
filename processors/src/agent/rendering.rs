//! What the model is told about events that are not messages (spec §5.1, "rendering").
//!
//! Two kinds of non-triggering inputs: an explainer, once per stream and event type, and one input
//! per event: a fenced YAML block for a cancelled request and for a tool provider, a line of prose for a
//! capability. And one that triggers: for a request that failed.

use super::{
    block::{explainer, note, Block},
    contract::*,
};
use crate::codemode::contract::ToolProvider;
use runtime::event::{Event, EventInput, Offset};

/// The inputs that tell of a cancelled request, with what the model had said by then, if anything
/// (#1886). Their keys are the same wherever they are written: next to the cancellation, or when it is
/// seen.
pub fn cancelled(
    offset: Offset,
    cancelled: &LlmRequestCancelled,
    partial_answer: Option<&str>,
) -> Vec<EventInput> {
    let block = Block::of(offset, &LLM_REQUEST_CANCELLED);
    let block = match &cancelled.cancelled {
        CancelledRequest::Scheduled { request_id } => block.field("requestId", request_id),
        CancelledRequest::Requested { llm_request_id } => {
            block.field("llmRequestId", &llm_request_id.to_string())
        }
    };
    let block = block.field(
        "reason",
        match cancelled.reason {
            CancelReason::InterruptedByUserInput => "interrupted-by-user-input",
        },
    );
    let block = match partial_answer {
        Some(partial) => block.body("partialAnswer", partial),
        None => block,
    };
    vec![
        explainer(
            &CONTRACT,
            &LLM_REQUEST_CANCELLED,
            "an input interrupted the model request under way. What you had said by then, and the user \
             may have seen, is the partial answer.",
        ),
        rendered("render-llm-request-cancelled", offset, block.end()),
    ]
}

/// The input by which the model is asked again after a request failed, keyed by that end.
pub fn failed(failed: &FailedRequest) -> EventInput {
    let offset = failed.terminal_offset;
    let content = Block::of(offset, &LLM_REQUEST_COMPLETED)
        .field("llmRequestId", &failed.llm_request_id.to_string())
        .field("error", &failed.message)
        .end();
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
            &CONTRACT,
            &event.kind,
            "a capability was added; scripts may call it under the name that is given.",
        ),
        rendered("render-agent-capability-noted", event.offset, content),
    ]
}

/// The inputs that tell of a tool provider.
pub fn tool_provider(event: &Event, provider: &ToolProvider) -> Vec<EventInput> {
    let content = Block::of(event.offset, &event.kind)
        .field("path", &provider.path.to_string())
        .body("instructions", &provider.instructions)
        .end();
    let key = "render-codemode-tool-provider-registered";
    vec![
        explainer(
            &CONTRACT,
            &event.kind,
            "functions were added that a script of yours may call: below `ctx`, at the path that is \
             given. A script is an answer that consists of `async (ctx) => { … }` and of nothing else.",
        ),
        rendered(key, event.offset, content),
    ]
}

fn rendered(key: &str, source: Offset, content: String) -> EventInput {
    note(content).keyed(CONTRACT.key_at(key, source))
}
