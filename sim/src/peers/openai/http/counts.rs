//! What needs no model (spec/peers.md §1.10): how many tokens an input has, and a context made smaller.
//! Neither is kept, and neither can fail on the way.

use super::{ok, Call};
use crate::{
    peers::{
        http::{body::Body, Reply},
        openai::{
            error::ApiError,
            object::Usage,
            request::{self, Create},
        },
    },
    time,
};
use serde_json::{json, Value};

pub(super) fn tokens(call: &Call) -> Result<Reply<Body>, ApiError> {
    let create = parse(call)?;
    Ok(ok(json!({
        "object": "response.input_tokens",
        "input_tokens": create.input_tokens,
    })))
}

/// The words of people stay; all the rest becomes one item that only the service can read.
pub(super) fn compact(call: &Call) -> Result<Reply<Body>, ApiError> {
    let create = parse(call)?;
    let (number, id) = call.service.begin_response();
    let items = create.input_items(number);
    let is_said = |item: &Value| item["type"] == "message" && item["role"] == "user";
    let (mut output, rest): (Vec<Value>, Vec<Value>) = items.into_iter().partition(is_said);
    output.push(json!({
        "id": format!("cmp_{number:08}"),
        "type": "compaction",
        "encrypted_content": format!("{} items", rest.len()),
    }));
    Ok(ok(json!({
        "id": id,
        "object": "response.compaction",
        "created_at": time::now().unix_ms / 1000,
        "output": output,
        "usage": Usage::new(create.input_tokens, 1),
    })))
}

fn parse(call: &Call) -> Result<Create, ApiError> {
    let fields = request::fields(&call.body)?;
    let takes_unknown = call.service.config.takes_unknown_fields;
    request::parse(fields, call.body.len(), takes_unknown)
}
