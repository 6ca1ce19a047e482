//! The conversation with the service, as JSON: the model's input, and what is taken for an answer
//! (spec §5.4, peers §3.1, §3.2).

use super::{client::WorkersAiError, contract::State};
use crate::{
    agent::contract::{Message, Role},
    model_request::{
        history::{History, Prompt},
        outcome::Answer,
    },
};
use serde_json::{json, Value};

/// The input of a chat model.
pub fn input(history: &History<State>, prompt: &Prompt) -> Value {
    let system = json!({ "role": "system", "content": prompt.system_prompt });
    let said = history.messages(prompt).iter().map(message);
    let messages: Vec<Value> = std::iter::once(system).chain(said).collect();
    json!({ "messages": messages })
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    json!({ "role": role, "content": message.content })
}

/// What the reply says.
///
/// # Errors
/// It says no, or nothing that could be told a person.
pub fn answer(status: u16, body: &[u8]) -> Result<Answer, WorkersAiError> {
    let reply: Option<Value> = serde_json::from_slice(body).ok();
    let reply = match reply {
        Some(reply) if status == 200 && reply["success"] != false => reply,
        Some(reply) => return Err(refusal(status, &reply)),
        None if status == 200 => return Err(WorkersAiError::NotJson),
        // An error page of somebody in between.
        None => return Err(refusal(status, &Value::Null)),
    };
    let result = &reply["result"];
    let text = text(result).filter(|text| !text.is_empty());
    Ok(Answer {
        text: text.ok_or(WorkersAiError::NoText)?,
        response_id: None,
        usage: result
            .get("usage")
            .filter(|usage| !usage.is_null())
            .cloned(),
    })
}

fn refusal(status: u16, reply: &Value) -> WorkersAiError {
    let error = &reply["errors"][0];
    WorkersAiError::Refused {
        status,
        code: error["code"].as_u64(),
        message: error["message"].as_str().unwrap_or("no reason").to_owned(),
    }
}

/// The text of a result, in one of three forms.
fn text(result: &Value) -> Option<String> {
    let own = result["response"].as_str().map(str::to_owned);
    let own = own.or_else(|| content(&result["choices"][0]["message"]["content"]));
    own.or_else(|| content(&result["content"]))
}

/// A text, or the texts of a list of parts.
fn content(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().filter(|part| part["type"] == "text");
            let texts = texts.filter_map(|part| part["text"].as_str());
            Some(texts.collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Value) -> Option<String> {
        let body = json!({ "result": result, "success": true }).to_string();
        answer(200, body.as_bytes()).ok().map(|answer| answer.text)
    }

    #[test]
    fn a_text_is_understood_in_three_forms() {
        let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
        let choice =
            |content: &Value| json!({ "choices": [{ "message": { "content": content } }] });
        assert_eq!(said(json!({ "response": "ab" })).unwrap(), "ab");
        assert_eq!(said(choice(&json!("ab"))).unwrap(), "ab");
        assert_eq!(said(choice(&parts)).unwrap(), "ab");
        assert_eq!(said(json!({ "content": parts })).unwrap(), "ab");
    }

    #[test]
    fn what_holds_no_text_is_no_answer() {
        let wordless = [
            json!(null),
            json!({ "response": null }),
            json!({ "response": { "answer": "yes" } }),
            json!({ "response": "" }),
            json!({ "choices": [] }),
            json!({ "content": [] }),
        ];
        for result in wordless {
            assert_eq!(said(result.clone()), None, "{result}");
        }
        assert!(answer(200, b"<html>").is_err());
        assert!(answer(200, b"{}").is_err());
    }

    #[test]
    fn a_refusal_tells_its_status_its_code_and_its_reason() {
        let body = json!({
            "success": false,
            "errors": [{ "code": 3040, "message": "AiError: no capacity" }],
        });
        let refused = |status, body: &str| answer(status, body.as_bytes()).unwrap_err().to_string();
        let message = refused(429, &body.to_string());
        assert_eq!(
            message,
            "the service refused with HTTP status 429, code 3040: AiError: no capacity"
        );
        assert!(refused(200, &body.to_string()).contains("3040"));
        assert!(refused(502, "<html>").contains("502"));
    }
}
