//! The server's messages (spec/peers.md §1.2, §1.8, §2.3), one typed struct per shape. Every one
//! of them is valid by OpenAI's published schema; the tests hold that.

use super::request::{Create, Rejection};
use serde::Serialize;
use serde_json::Value;

/// One text frame of the server.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Event<'a> {
    #[serde(rename = "response.created")]
    Created {
        sequence_number: u64,
        response: &'a Response<'a>,
    },
    #[serde(rename = "response.in_progress")]
    InProgress {
        sequence_number: u64,
        response: &'a Response<'a>,
    },
    #[serde(rename = "response.output_item.added")]
    OutputItemAdded {
        sequence_number: u64,
        output_index: u32,
        item: &'a Item<'a>,
    },
    #[serde(rename = "response.content_part.added")]
    ContentPartAdded {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        part: &'a Part<'a>,
    },
    #[serde(rename = "response.output_text.delta")]
    OutputTextDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        delta: &'a str,
        logprobs: [(); 0],
    },
    #[serde(rename = "response.output_text.done")]
    OutputTextDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        text: &'a str,
        logprobs: [(); 0],
    },
    #[serde(rename = "response.content_part.done")]
    ContentPartDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        part: &'a Part<'a>,
    },
    #[serde(rename = "response.output_item.done")]
    OutputItemDone {
        sequence_number: u64,
        output_index: u32,
        item: &'a Item<'a>,
    },
    #[serde(rename = "response.refusal.delta")]
    RefusalDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        delta: &'a str,
    },
    #[serde(rename = "response.refusal.done")]
    RefusalDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        refusal: &'a str,
    },
    #[serde(rename = "response.function_call_arguments.delta")]
    ArgumentsDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        delta: &'a str,
    },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: u32,
        name: &'a str,
        arguments: &'a str,
    },
    #[serde(rename = "response.completed")]
    Completed {
        sequence_number: u64,
        response: &'a Response<'a>,
    },
    #[serde(rename = "response.failed")]
    Failed {
        sequence_number: u64,
        response: &'a Response<'a>,
    },
    #[serde(rename = "response.incomplete")]
    Incomplete {
        sequence_number: u64,
        response: &'a Response<'a>,
    },
    /// Nested, as over WebSocket; it has no sequence number.
    #[serde(rename = "error")]
    Error {
        status: u16,
        error: ErrorBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_id: Option<&'a str>,
    },
}

/// All four keys are always there, over HTTP (§1.4) and in a nested error alike.
#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
    pub r#type: &'a str,
    pub code: Option<&'a str>,
    pub message: &'a str,
    pub param: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub fn rejection(rejection: &'a Rejection) -> Self {
        Event::Error {
            status: 400,
            error: ErrorBody {
                r#type: "invalid_request_error",
                code: rejection.code,
                message: &rejection.message,
                param: rejection.param,
            },
            stream_id: rejection.stream_id.as_deref(),
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event has string keys and finite numbers")
    }
}

/// A whole Response object. `output` is assembled from the items that were streamed.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: i64,
    pub status: Status,
    background: bool,
    pub completed_at: Option<i64>,
    pub error: Option<ResponseError<'a>>,
    pub incomplete_details: Option<IncompleteDetails<'a>>,
    instructions: Option<&'a Value>,
    max_output_tokens: Option<&'a Value>,
    metadata: Option<&'a Value>,
    model: &'a str,
    pub output: &'a [Item<'a>],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    reasoning: Option<&'a Value>,
    service_tier: &'static str,
    store: bool,
    temperature: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a Value>,
    tool_choice: Echo<'a>,
    tools: Echo<'a>,
    top_p: Option<&'a Value>,
    truncation: &'static str,
    /// Absent until finished: the schema, unlike the service, has no null here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// Why a response failed (§1.2); not the body of an HTTP error.
#[derive(Serialize)]
pub(super) struct ResponseError<'a> {
    pub code: &'a str,
    pub message: &'a str,
}

#[derive(Serialize)]
pub(super) struct IncompleteDetails<'a> {
    pub reason: &'a str,
}

/// What the client said, or what stands for its silence.
#[derive(Serialize)]
#[serde(untagged)]
enum Echo<'a> {
    Said(&'a Value),
    Auto(&'static str),
    Empty([(); 0]),
}

impl<'a> Response<'a> {
    /// A response in progress.
    pub fn new(id: &'a str, created_at: i64, create: &'a Create) -> Self {
        let said = |name: &str| create.fields.get(name).filter(|value| !value.is_null());
        Response {
            id,
            object: "response",
            created_at,
            status: Status::InProgress,
            background: false,
            completed_at: None,
            error: None,
            incomplete_details: None,
            instructions: said("instructions"),
            max_output_tokens: said("max_output_tokens"),
            metadata: said("metadata"),
            model: said("model").and_then(Value::as_str).unwrap_or("gpt-5.5"),
            output: &[],
            parallel_tool_calls: true,
            previous_response_id: create.previous_response_id.as_deref(),
            reasoning: said("reasoning"),
            service_tier: "default",
            store: create.store,
            temperature: said("temperature"),
            text: said("text"),
            tool_choice: said("tool_choice").map_or(Echo::Auto("auto"), Echo::Said),
            tools: said("tools").map_or(Echo::Empty([]), Echo::Said),
            top_p: said("top_p"),
            truncation: "disabled",
            usage: None,
        }
    }
}

/// An output item.
#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Message {
        id: &'a str,
        status: Status,
        role: &'static str,
        content: &'a [Part<'a>],
    },
    FunctionCall {
        id: &'a str,
        status: Status,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
}

impl<'a> Item<'a> {
    pub fn message(id: &'a str, status: Status, content: &'a [Part<'a>]) -> Self {
        Item::Message {
            id,
            status,
            role: "assistant",
            content,
        }
    }
}

/// A part of a message.
#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    OutputText {
        annotations: [(); 0],
        logprobs: [(); 0],
        text: &'a str,
    },
    Refusal {
        refusal: &'a str,
    },
}

impl<'a> Part<'a> {
    pub fn text(text: &'a str) -> Self {
        Part::OutputText {
            annotations: [],
            logprobs: [],
            text,
        }
    }
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Usage {
    input_tokens: u64,
    input_tokens_details: InputTokens,
    output_tokens: u64,
    output_tokens_details: OutputTokens,
    total_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct InputTokens {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct OutputTokens {
    reasoning_tokens: u64,
}

impl Usage {
    pub fn new(input_tokens: u64, output_text: &str) -> Self {
        let output_tokens = output_text.len().div_ceil(4) as u64;
        Usage {
            input_tokens,
            input_tokens_details: InputTokens {
                cached_tokens: 0,
                cache_write_tokens: 0,
            },
            output_tokens,
            output_tokens_details: OutputTokens {
                reasoning_tokens: 0,
            },
            total_tokens: input_tokens + output_tokens,
        }
    }
}
