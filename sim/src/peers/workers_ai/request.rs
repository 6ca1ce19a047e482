//! What a request asks for (spec/peers.md §3.1, §3.3): which model, in which of the forms of the API, and
//! what it was told.

use super::error::ApiError;
use hyper::http::request::Parts;
use serde_json::{Map, Value};

/// The form of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// `…/ai/run/{model}`, or `…/ai/run` with the model in the body: results come in an envelope.
    Run,
    /// `…/ai/v1/chat/completions`, without one.
    ChatCompletions,
}

#[derive(Debug, PartialEq)]
pub(super) struct Ask {
    pub interface: Interface,
    pub model: String,
    /// The last text of the user, or the prompt.
    pub input_text: String,
    pub stream: bool,
    pub input_tokens: u64,
    /// The AI Gateway that the request goes through.
    pub gateway: Option<String>,
}

/// A stand-in for a tokenizer: four bytes each.
pub(super) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// Where a path leads: the account, and what is asked there.
pub(super) struct Path<'a> {
    pub account_id: &'a str,
    pub rest: &'a str,
}

/// # Errors
/// It leads to no account.
pub(super) fn path(path: &str) -> Result<Path<'_>, ApiError> {
    let split = path
        .strip_prefix("/client/v4/accounts/")
        .and_then(|path| path.split_once("/ai/"));
    let (account_id, rest) = split.ok_or_else(|| ApiError::known(7003))?;
    Ok(Path { account_id, rest })
}

/// # Errors
/// The path leads nowhere, or the body asks for nothing.
pub(super) fn parse(head: &Parts, rest: &str, body: &[u8]) -> Result<Ask, ApiError> {
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        _ => return Err(ApiError::known(3003)),
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (interface, model, input) = match rest {
        "v1/chat/completions" => (Interface::ChatCompletions, text("model"), &fields),
        "run" => {
            let input = fields.get("input").and_then(Value::as_object);
            let input = input.ok_or_else(|| ApiError::known(5004))?;
            (Interface::Run, text("model"), input)
        }
        _ => {
            let model = rest.strip_prefix("run/").map(unescaped);
            (Interface::Run, model, &fields)
        }
    };
    let gateway = head.headers.get("cf-aig-gateway-id");
    let gateway = gateway.and_then(|gateway| gateway.to_str().ok());
    Ok(Ask {
        interface,
        model: model.ok_or_else(|| ApiError::known(7003))?,
        input_text: input_text(input)?,
        stream: input.get("stream") == Some(&Value::Bool(true)),
        input_tokens: tokens(body.len()),
        gateway: gateway.map(str::to_owned),
    })
}

/// A path's part with its signs written out. A plus stands for itself.
fn unescaped(part: &str) -> String {
    let part = part.replace('+', "%2B");
    let mut pairs = form_urlencoded::parse(part.as_bytes());
    let (name, _) = pairs.next().unwrap_or_default();
    name.into_owned()
}

fn input_text(input: &Map<String, Value>) -> Result<String, ApiError> {
    if let Some(Value::String(prompt)) = input.get("prompt") {
        return Ok(prompt.clone());
    }
    let messages = input.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| ApiError::known(5004))?;
    let is_good = |message: &Value| message["role"].is_string() && message.get("content").is_some();
    if messages.is_empty() || !messages.iter().all(is_good) {
        return Err(ApiError::known(5004));
    }
    let said = messages.iter().rev().find(|said| said["role"] == "user");
    Ok(said
        .map(|said| text_of(&said["content"]))
        .unwrap_or_default())
}

/// A text, or the texts of its parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;
    use serde_json::json;

    fn parsed(rest: &str, body: Value) -> Result<Ask, u32> {
        let (head, ()) = Request::new(()).into_parts();
        parse(&head, rest, body.to_string().as_bytes()).map_err(|error| error.code)
    }

    #[test]
    fn a_model_is_named_in_the_path_or_in_the_body() {
        let prompt = json!({ "prompt": "Hello" });
        let plain = parsed("run/@cf/meta/llama", prompt.clone()).unwrap();
        let escaped = parsed("run/@cf%2Fmeta%2Fllama", prompt.clone()).unwrap();
        assert_eq!(plain, escaped);
        assert_eq!(plain.model, "@cf/meta/llama");
        let newer = json!({"model": "@cf/meta/llama", "input": prompt});
        assert_eq!(parsed("run", newer).unwrap().model, "@cf/meta/llama");
        assert_eq!(parsed("walk/x", json!({"prompt": ""})), Err(7003));
    }

    #[test]
    fn what_the_user_said_last_is_the_text() {
        let messages = json!({"messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "second"}]},
            {"role": "assistant", "content": "no"},
        ]});
        assert_eq!(parsed("run/m", messages).unwrap().input_text, "second");
        assert_eq!(parsed("run/m", json!([])), Err(3003));
        assert_eq!(parsed("run/m", json!({})), Err(5004));
        assert_eq!(parsed("run/m", json!({"messages": []})), Err(5004));
        assert_eq!(
            parsed("run/m", json!({"messages": [{"role": "user"}]})),
            Err(5004)
        );
    }
}
