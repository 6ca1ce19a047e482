//! What a client message asks for (spec/peers.md §2.2). Lenient where the service is: unknown
//! fields are ignored, `stream` is tolerated, and inputs are looked at only for their last text.

use serde_json::{Map, Value};

/// A `response.create`.
pub(super) struct Create {
    /// The last text of the user, empty if there is none.
    pub input_text: String,
    pub previous_response_id: Option<String>,
    /// False is a warm-up: load the context, produce no output.
    pub generate: bool,
    pub store: bool,
    pub input_tokens: u64,
    /// All fields, for the echoes in the Response object.
    pub fields: Map<String, Value>,
}

/// Why a message is turned down, as the nested error says it (§2.3).
#[derive(Debug, Default)]
pub(super) struct Rejection {
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<&'static str>,
    /// A named lane that the error concerns.
    pub stream_id: Option<String>,
    /// The response that was to be continued, if that much could be read: it is evicted (§2.5).
    pub previous_response_id: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Create, Rejection> {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Err(invalid(
            None,
            "We could not parse the message: it is not a JSON object.",
        ));
    };
    let previous_response_id = match fields.get("previous_response_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => {
            return Err(invalid(
                Some("previous_response_id"),
                "Invalid type for 'previous_response_id': expected a string.",
            ))
        }
    };
    match check(&fields) {
        Ok(()) => Ok(Create {
            input_text: last_user_text(fields.get("input"))
                .unwrap_or_default()
                .to_owned(),
            previous_response_id,
            generate: fields.get("generate") != Some(&Value::Bool(false)),
            store: fields.get("store") != Some(&Value::Bool(false)),
            // A stand-in for a tokenizer: four bytes each.
            input_tokens: text.len().div_ceil(4) as u64,
            fields,
        }),
        Err(rejection) => Err(Rejection {
            previous_response_id,
            ..rejection
        }),
    }
}

fn check(fields: &Map<String, Value>) -> Result<(), Rejection> {
    match fields.get("type") {
        Some(Value::String(kind)) if kind == "response.create" => {}
        Some(Value::String(kind)) => {
            return Err(invalid(
                Some("type"),
                &format!("Invalid value: '{kind}'. Supported values are: 'response.create'."),
            ))
        }
        _ => return Err(invalid(Some("type"), "Missing required parameter: 'type'.")),
    }
    if let Some(lane) = fields.get("stream_id").filter(|lane| !lane.is_null()) {
        return Err(lane_rejection(lane));
    }
    if !matches!(fields.get("model"), None | Some(Value::String(_))) {
        return Err(invalid(
            Some("model"),
            "Invalid type for 'model': expected a string.",
        ));
    }
    match fields.get("input") {
        None | Some(Value::String(_) | Value::Array(_)) => Ok(()),
        Some(_) => Err(invalid(
            Some("input"),
            "Invalid type for 'input': expected a string or a list of input items.",
        )),
    }
}

/// The strict limits of §2.4 allow no named lanes; a client that obeys them obeys the newer ones.
fn lane_rejection(lane: &Value) -> Rejection {
    let name = lane.as_str().filter(|name| {
        (1..=256).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    });
    match name {
        None => Rejection {
            code: Some("invalid_stream_id"),
            message: "Invalid 'stream_id'.".to_owned(),
            param: Some("stream_id"),
            ..Rejection::default()
        },
        Some(name) => Rejection {
            code: Some("websocket_stream_limit_reached"),
            message: "This connection takes no named streams.".to_owned(),
            param: Some("stream_id"),
            stream_id: Some(name.to_owned()),
            ..Rejection::default()
        },
    }
}

fn invalid(param: Option<&'static str>, message: &str) -> Rejection {
    Rejection {
        message: message.to_owned(),
        param,
        ..Rejection::default()
    }
}

/// The input itself, or the last text part of the last user message.
fn last_user_text(input: Option<&Value>) -> Option<&str> {
    match input? {
        Value::String(text) => Some(text),
        Value::Array(items) => items
            .iter()
            .rev()
            .filter(|item| item.get("role").and_then(Value::as_str) == Some("user"))
            .find_map(|item| match item.get("content")? {
                Value::String(text) => Some(text.as_str()),
                Value::Array(parts) => parts
                    .iter()
                    .rev()
                    .filter(|part| part.get("type").and_then(Value::as_str) == Some("input_text"))
                    .find_map(|part| part.get("text")?.as_str()),
                _ => None,
            }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_text_of_the_user_is_found_behind_other_items() {
        let create = parse(
            r#"{"type":"response.create","stream":true,"input":[
                {"role":"user","content":"first"},
                {"role":"user","content":[{"type":"input_text","text":"second"},{"type":"input_image"}]},
                {"role":"assistant","content":[{"type":"output_text","text":"no"}]},
                {"type":"function_call_output","call_id":"c","output":"no"}]}"#,
        );
        let Ok(create) = create else {
            panic!("the message is valid");
        };
        assert_eq!(create.input_text, "second");
        assert!(create.generate && create.store);
    }

    #[test]
    fn a_rejection_names_the_parameter() {
        for (text, param, code) in [
            ("[]", None, None),
            (r#"{"type":"response.cancel"}"#, Some("type"), None),
            (
                r#"{"type":"response.create","input":5}"#,
                Some("input"),
                None,
            ),
            (
                r#"{"type":"response.create","model":5}"#,
                Some("model"),
                None,
            ),
            (
                r#"{"type":"response.create","stream_id":""}"#,
                Some("stream_id"),
                Some("invalid_stream_id"),
            ),
            (
                r#"{"type":"response.create","stream_id":"a"}"#,
                Some("stream_id"),
                Some("websocket_stream_limit_reached"),
            ),
        ] {
            let Err(rejection) = parse(text) else {
                panic!("{text} must be turned down");
            };
            assert_eq!((rejection.param, rejection.code), (param, code), "{text}");
        }
    }
}
