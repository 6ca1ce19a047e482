//! An error as the API words it: the body of an HTTP reply (spec/peers.md §1.4), a nested event over
//! WebSocket (§2.3), or one of the events that a stream may carry (§1.9).

use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub status: u16,
    pub r#type: &'static str,
    pub code: Option<&'static str>,
    pub message: Cow<'static, str>,
    pub param: Option<Cow<'static, str>>,
}

/// All four keys are always there.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
}

impl ApiError {
    /// The client's mistake: 400, without a code.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        ApiError {
            status: 400,
            r#type: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
        }
    }

    pub fn with_status(self, status: u16) -> Self {
        ApiError { status, ..self }
    }

    pub fn with_code(self, code: &'static str) -> Self {
        ApiError {
            code: Some(code),
            ..self
        }
    }

    pub fn with_param(self, param: impl Into<Cow<'static, str>>) -> Self {
        ApiError {
            param: Some(param.into()),
            ..self
        }
    }

    pub fn invalid_api_key(is_given: bool) -> Self {
        let message = match is_given {
            false => "You didn't provide an API key.",
            true => "Incorrect API key provided.",
        };
        let error = ApiError::invalid(message).with_status(401);
        error.with_code("invalid_api_key")
    }

    pub fn previous_response_not_found(previous: &str) -> Self {
        let message = format!("Previous response with id '{previous}' not found.");
        let error = ApiError::invalid(message).with_param("previous_response_id");
        error.with_code("previous_response_not_found")
    }

    pub fn no_tool_output(call_id: &str) -> Self {
        let message = format!("No tool output found for function call {call_id}.");
        ApiError::invalid(message).with_param("input")
    }

    pub fn no_tool_call(call_id: &str) -> Self {
        let message =
            format!("No tool call found for function call output with call_id {call_id}.");
        ApiError::invalid(message).with_param("input")
    }

    pub fn rate_limited() -> Self {
        ApiError {
            status: 429,
            r#type: "requests",
            code: Some("rate_limit_exceeded"),
            message: "Rate limit reached.".into(),
            param: None,
        }
    }

    /// The work failed on the service's side.
    pub fn server_error() -> Self {
        ApiError {
            status: 500,
            r#type: "server_error",
            code: Some("server_error"),
            message: "The server had an error while processing your request.".into(),
            param: None,
        }
    }

    pub fn overloaded() -> Self {
        ApiError {
            status: 503,
            r#type: "service_unavailable_error",
            code: Some("server_is_overloaded"),
            message: "The server is currently overloaded with other requests.".into(),
            param: None,
        }
    }

    fn body(&self) -> Body<'_> {
        Body {
            r#type: self.r#type,
            code: self.code,
            message: &self.message,
            param: self.param.as_deref(),
        }
    }

    /// The body of an HTTP reply; in a stream, the older shape, which proxies send.
    pub fn to_bare_json(&self) -> String {
        json!({ "error": self.body() }).to_string()
    }

    /// The documented shape of WebSockets, on a named lane or on the default one. It has no sequence
    /// number.
    pub fn to_nested_json(&self, lane: Option<&str>) -> String {
        let mut event = json!({"type": "error", "status": self.status, "error": self.body()});
        if let Some(lane) = lane {
            event["stream_id"] = lane.into();
        }
        event.to_string()
    }

    /// The documented shape of streams.
    pub fn to_flat_json(&self, sequence_number: u64) -> String {
        json!({
            "type": "error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "sequence_number": sequence_number,
        })
        .to_string()
    }
}
