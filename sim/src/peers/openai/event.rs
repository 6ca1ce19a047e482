//! The events of a response (spec/peers.md §1.8), the same over WebSocket and in a stream. Every one of
//! them is valid by OpenAI's published schema; the tests hold that.

use super::object::{Item, Part, Response, SummaryPart};
use serde::Serialize;

/// Where a piece of text belongs.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Place<'a> {
    pub item_id: &'a str,
    pub output_index: usize,
    pub content_index: u32,
}

/// Where a piece of a summary belongs.
#[derive(Clone, Copy, Serialize)]
pub(super) struct SummaryPlace<'a> {
    pub item_id: &'a str,
    pub output_index: usize,
    pub summary_index: usize,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Event<'a> {
    #[serde(rename = "response.created")]
    Created { response: &'a Response<'a> },
    #[serde(rename = "response.queued")]
    Queued { response: &'a Response<'a> },
    #[serde(rename = "response.in_progress")]
    InProgress { response: &'a Response<'a> },
    #[serde(rename = "response.completed")]
    Completed { response: &'a Response<'a> },
    #[serde(rename = "response.failed")]
    Failed { response: &'a Response<'a> },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: &'a Response<'a> },
    #[serde(rename = "response.output_item.added")]
    OutputItemAdded { output_index: usize, item: &'a Item },
    #[serde(rename = "response.output_item.done")]
    OutputItemDone { output_index: usize, item: &'a Item },
    #[serde(rename = "response.content_part.added")]
    ContentPartAdded {
        #[serde(flatten)]
        place: Place<'a>,
        part: &'a Part,
    },
    #[serde(rename = "response.content_part.done")]
    ContentPartDone {
        #[serde(flatten)]
        place: Place<'a>,
        part: &'a Part,
    },
    #[serde(rename = "response.output_text.delta")]
    OutputTextDelta {
        #[serde(flatten)]
        place: Place<'a>,
        delta: &'a str,
        logprobs: [(); 0],
        #[serde(skip_serializing_if = "Option::is_none")]
        obfuscation: Option<&'a str>,
    },
    #[serde(rename = "response.output_text.done")]
    OutputTextDone {
        #[serde(flatten)]
        place: Place<'a>,
        text: &'a str,
        logprobs: [(); 0],
    },
    #[serde(rename = "response.refusal.delta")]
    RefusalDelta {
        #[serde(flatten)]
        place: Place<'a>,
        delta: &'a str,
    },
    #[serde(rename = "response.refusal.done")]
    RefusalDone {
        #[serde(flatten)]
        place: Place<'a>,
        refusal: &'a str,
    },
    #[serde(rename = "response.function_call_arguments.delta")]
    ArgumentsDelta {
        item_id: &'a str,
        output_index: usize,
        delta: &'a str,
    },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone {
        item_id: &'a str,
        output_index: usize,
        name: &'a str,
        arguments: &'a str,
    },
    #[serde(rename = "response.reasoning_summary_part.added")]
    SummaryPartAdded {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        part: &'a SummaryPart,
    },
    #[serde(rename = "response.reasoning_summary_part.done")]
    SummaryPartDone {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        part: &'a SummaryPart,
    },
    #[serde(rename = "response.reasoning_summary_text.delta")]
    SummaryTextDelta {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        delta: &'a str,
    },
    #[serde(rename = "response.reasoning_summary_text.done")]
    SummaryTextDone {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        text: &'a str,
    },
}

/// An event in its place among those of its response.
#[derive(Serialize)]
struct Numbered<'a> {
    #[serde(flatten)]
    event: Event<'a>,
    sequence_number: u64,
    /// A named lane of a WebSocket (§2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub fn into_json(self, sequence_number: u64, stream_id: Option<&'a str>) -> String {
        let numbered = Numbered {
            event: self,
            sequence_number,
            stream_id,
        };
        serde_json::to_string(&numbered).expect("an event has string keys and finite numbers")
    }
}

/// Whether nothing comes behind an event of this type.
pub(super) fn is_terminal(kind: &str) -> bool {
    [
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    .contains(&kind)
}

/// The type of an event, as the `event:` line of a stream names it; none for what has no type. The
/// type is what is written first.
pub(super) fn type_of(json: &str) -> Option<&str> {
    let rest = json.strip_prefix(r#"{"type":""#)?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_event_is_read_from_its_text() {
        let event = Event::ArgumentsDelta {
            item_id: "fc_1",
            output_index: 2,
            delta: "{",
        };
        let json = event.into_json(7, Some("lane"));
        assert_eq!(
            json,
            r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{","sequence_number":7,"stream_id":"lane"}"#
        );
        assert_eq!(
            type_of(&json),
            Some("response.function_call_arguments.delta")
        );
        assert_eq!(type_of(r#"{"error":{"type":"x"}}"#), None);
    }
}
