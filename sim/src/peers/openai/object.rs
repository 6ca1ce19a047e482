//! The Response object and its items (spec/peers.md §1.2), as events carry them and as a reply's whole
//! body. Every one is valid by OpenAI's published schema; the tests hold that.

use super::request::Create;
use serde::Serialize;
use serde_json::Value;

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
    pub output: &'a [Item],
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
    truncation: &'a str,
    /// Absent until finished: the schema, unlike the service, has no null here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Queued,
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
    /// A response without usage, and without an end.
    pub fn new(
        id: &'a str,
        created_at: i64,
        create: &'a Create,
        status: Status,
        output: &'a [Item],
    ) -> Self {
        let said = |name: &str| create.said(name);
        let text = |name: &str| said(name).and_then(Value::as_str);
        Response {
            id,
            object: "response",
            created_at,
            status,
            background: create.background,
            completed_at: None,
            error: None,
            incomplete_details: None,
            instructions: said("instructions"),
            max_output_tokens: said("max_output_tokens"),
            metadata: said("metadata"),
            model: text("model").unwrap_or("gpt-5.5"),
            output,
            parallel_tool_calls: said("parallel_tool_calls").is_none_or(|said| said == true),
            previous_response_id: create.previous_response_id.as_deref(),
            reasoning: said("reasoning"),
            service_tier: "default",
            store: create.store,
            temperature: said("temperature"),
            text: said("text"),
            tool_choice: said("tool_choice").map_or(Echo::Auto("auto"), Echo::Said),
            tools: said("tools").map_or(Echo::Empty([]), Echo::Said),
            top_p: said("top_p"),
            truncation: text("truncation").unwrap_or("disabled"),
            usage: None,
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a response has string keys and finite numbers")
    }
}

/// An output item.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<Part>,
    },
    FunctionCall {
        id: String,
        status: Status,
        call_id: String,
        name: String,
        arguments: String,
    },
    Reasoning {
        id: String,
        summary: Vec<SummaryPart>,
    },
}

impl Item {
    pub fn message(id: &str, status: Status, content: Vec<Part>) -> Self {
        Item::Message {
            id: id.to_owned(),
            status,
            role: "assistant",
            content,
        }
    }

    /// What it says, as far as that is text.
    pub fn text(&self) -> String {
        let Item::Message { content, .. } = self else {
            return String::new();
        };
        let texts = content.iter().filter_map(|part| match part {
            Part::OutputText { text, .. } => Some(text.as_str()),
            Part::Refusal { .. } => None,
        });
        texts.collect()
    }

    /// The call that somebody has to answer.
    pub fn call_id(&self) -> Option<&str> {
        match self {
            Item::FunctionCall { call_id, .. } => Some(call_id),
            Item::Message { .. } | Item::Reasoning { .. } => None,
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    OutputText {
        annotations: [(); 0],
        logprobs: [(); 0],
        text: String,
    },
    Refusal {
        refusal: String,
    },
}

impl Part {
    pub fn text(text: &str) -> Self {
        Part::OutputText {
            annotations: [],
            logprobs: [],
            text: text.to_owned(),
        }
    }

    pub fn refusal(refusal: &str) -> Self {
        Part::Refusal {
            refusal: refusal.to_owned(),
        }
    }
}

/// A part of a summary of the model's reasoning.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct SummaryPart {
    pub text: String,
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
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
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
