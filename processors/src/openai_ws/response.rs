//! The conversation with the service, as JSON: what is sent, and what a frame means (peers §1.8, §2).

use super::contract::State;
use crate::{
    agent::contract::{Message, Role},
    model_request::{
        history::{History, Prompt},
        outcome::Answer,
    },
};
use runtime::event::Offset;
use serde_json::{json, Value};

/// Where a socket's last response left off: the next request may continue from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    pub response_id: String,
    pub request: Offset,
    /// The messages that the service has seen, without its own answer.
    pub messages: usize,
}

/// The `response.create` message. With a chain that fits, it sends only what is new.
pub fn create(
    model: &str,
    history: &History<State>,
    prompt: &Prompt,
    chain: Option<&Chain>,
) -> Value {
    let messages = history.messages(prompt);
    let continuation = chain.and_then(|chain| {
        let new = new_items(history, messages, chain)?;
        Some((chain, new))
    });
    let input = match &continuation {
        Some((_, new)) => new.clone(),
        None => messages.iter().map(item).collect(),
    };
    let mut create = json!({
        "type": "response.create",
        "model": model,
        "instructions": prompt.system_prompt,
        "input": input,
        "store": false,
    });
    if is_reasoning(model) {
        create["reasoning"] = json!({ "summary": "auto" });
    }
    if let Some((chain, _)) = continuation {
        create["previous_response_id"] = chain.response_id.as_str().into();
    }
    create
}

/// What the service has not seen. `None` if its answer is not in the history, where the next one
/// would then disagree with what the service remembers, or if nothing is new.
fn new_items(history: &History<State>, messages: &[Message], chain: &Chain) -> Option<Vec<Value>> {
    let output = history.last_output?;
    if output.request != chain.request || output.message >= messages.len() {
        return None;
    }
    let new: Vec<Value> = messages
        .iter()
        .enumerate()
        .skip(chain.messages)
        .filter(|(index, _)| *index != output.message)
        .map(|(_, message)| item(message))
        .collect();
    (!new.is_empty()).then_some(new)
}

fn item(message: &Message) -> Value {
    let (role, part) = match message.role {
        Role::User => ("user", "input_text"),
        Role::Assistant => ("assistant", "output_text"),
    };
    json!({
        "type": "message",
        "role": role,
        "content": [{ "type": part, "text": message.content }],
    })
}

fn is_reasoning(model: &str) -> bool {
    model.starts_with("gpt-5") || model.starts_with("o3") || model.starts_with("o4")
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The response has an item of this id.
    ItemAdded(String),
    /// A piece of the answer; not recorded (V0).
    TextDelta { item: Option<String>, text: String },
    Completed {
        answer: Answer,
        /// What the model said in place of a text.
        refusal: Option<String>,
    },
    /// The response, or the request, failed: there will be no answer.
    Failed {
        code: Option<String>,
        message: String,
    },
    /// Worth a record, and nothing else.
    Other,
}

/// The continuation is unknown: generation did not start, so all may be sent again (peers §2.3).
pub const PREVIOUS_RESPONSE_NOT_FOUND: &str = "previous_response_not_found";
/// The socket is too old: generation did not start either.
pub const CONNECTION_LIMIT_REACHED: &str = "websocket_connection_limit_reached";

pub fn understand(frame: &Value) -> Frame {
    let response = &frame["response"];
    match frame["type"].as_str().unwrap_or_default() {
        "response.output_item.added" => match frame["item"]["id"].as_str() {
            Some(id) => Frame::ItemAdded(id.to_owned()),
            None => Frame::Other,
        },
        "response.output_text.delta" => Frame::TextDelta {
            item: frame["item_id"].as_str().map(str::to_owned),
            text: text(&frame["delta"]),
        },
        "response.completed" => Frame::Completed {
            answer: Answer {
                text: said(response, "output_text", "text"),
                response_id: response["id"].as_str().map(str::to_owned),
                usage: response
                    .get("usage")
                    .filter(|usage| !usage.is_null())
                    .cloned(),
            },
            refusal: Some(said(response, "refusal", "refusal")).filter(|said| !said.is_empty()),
        },
        "response.failed" => failure(&response["error"], "the response failed"),
        "response.incomplete" => {
            let reason = text(&response["incomplete_details"]["reason"]);
            Frame::Failed {
                code: None,
                message: format!("the response is incomplete: {reason}"),
            }
        }
        // Nested over WebSocket, flat over SSE; both are in use (peers §1.9).
        "error" if frame["error"].is_object() => failure(&frame["error"], "the request failed"),
        "error" => failure(frame, "the request failed"),
        // A third shape, of older services and of proxies: nothing but the error.
        "" if frame["error"].is_object() => failure(&frame["error"], "the request failed"),
        _ => Frame::Other,
    }
}

fn failure(error: &Value, otherwise: &str) -> Frame {
    let message = error["message"].as_str().unwrap_or(otherwise).to_owned();
    Frame::Failed {
        code: error["code"].as_str().map(str::to_owned),
        message,
    }
}

/// What the messages' parts of a kind say in their field of that name.
fn said(response: &Value, kind: &str, field: &str) -> String {
    let items = response["output"].as_array().into_iter().flatten();
    items
        .filter(|item| item["type"] == "message")
        .flat_map(|item| item["content"].as_array().into_iter().flatten())
        .filter(|part| part["type"] == kind)
        .map(|part| text(&part[field]))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
