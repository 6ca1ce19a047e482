//! Errors in the envelope of Cloudflare's API (spec/peers.md §3.2).

use serde_json::json;
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub status: u16,
    pub code: u32,
    pub message: Cow<'static, str>,
}

/// The codes whose text and status are always the same.
const KNOWN: &[(u32, u16, &str)] = &[
    (3003, 400, "AiError: Bad input: the input has no text"),
    (3006, 413, "AiError: Request is too large"),
    (3007, 408, "AiError: Timeout"),
    (3008, 408, "AiError: Request aborted"),
    (3023, 403, "AiError: This account is not allowed"),
    (
        3036,
        429,
        "AiError: You have used up your daily free allocation",
    ),
    (
        3040,
        429,
        "AiError: Capacity temporarily exceeded, please try again.",
    ),
    (3041, 403, "AiError: This account is blocked"),
    (3042, 404, "AiError: The model is deprecated"),
    (3046, 408, "AiError: Request timeout"),
    (
        4006,
        429,
        "AiError: You have used up your daily free allocation",
    ),
    (
        5004,
        400,
        "AiError: Invalid data: the input does not fit the model",
    ),
    (5007, 400, "AiError: No such model"),
    (
        5016,
        403,
        "AiError: The model's licence has to be accepted first",
    ),
    (5018, 403, "AiError: This account can not access this model"),
    (
        5021,
        413,
        "AiError: The input exceeds the model's context window",
    ),
    (
        7003,
        404,
        "Could not route to this path: perhaps an identifier in it is invalid",
    ),
    (10000, 401, "Authentication error"),
];

impl ApiError {
    pub fn known(code: u32) -> Self {
        let row = KNOWN.iter().find(|(known, ..)| *known == code);
        let (_, status, message) = row.unwrap_or_else(|| panic!("{code} is no known code"));
        ApiError {
            status: *status,
            code,
            message: (*message).into(),
        }
    }

    pub fn no_such_model(model: &str) -> Self {
        ApiError {
            message: format!("AiError: No such model {model} or task").into(),
            ..ApiError::known(5007)
        }
    }

    /// Trouble of the service's own.
    pub fn internal(status: u16) -> Self {
        ApiError {
            status,
            code: 1000,
            message: "AiError: Internal server error".into(),
        }
    }

    pub fn to_json(&self) -> String {
        json!({
            "result": null,
            "success": false,
            "errors": [{ "code": self.code, "message": self.message }],
            "messages": [],
        })
        .to_string()
    }
}
