//! What a verified body asks for (peers §4.5).

use crate::slack_api::form;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// Slack checks the address: the challenge is to be sent back.
    UrlVerification { challenge: Value },
    /// Slack withholds events; there is nothing to do about it.
    RateLimited,
    /// An event or an interaction, to be kept once per `event_id`.
    Webhook {
        body: Map<String, Value>,
        event_id: String,
    },
}

/// Parses a body: JSON, or an interaction's form with JSON in its field `payload`.
///
/// # Errors
/// The body is neither.
pub fn parse(raw: &[u8], is_form: bool) -> Result<Delivery, serde_json::Error> {
    let mut body: Map<String, Value> = match is_form {
        true => serde_json::from_str(&form::field(raw, "payload").unwrap_or_default())?,
        false => serde_json::from_slice(raw)?,
    };
    Ok(match body.get("type").and_then(Value::as_str) {
        Some("url_verification") => Delivery::UrlVerification {
            challenge: body.remove("challenge").unwrap_or_default(),
        },
        Some("app_rate_limited") => Delivery::RateLimited,
        _ => Delivery::Webhook {
            event_id: event_id(&body, raw),
            body,
        },
    })
}

/// Slack's own id of the event; interactions have none and go by what they say.
fn event_id(body: &Map<String, Value>, raw: &[u8]) -> String {
    match body.get("event_id").and_then(Value::as_str).map(str::trim) {
        Some(event_id) if !event_id.is_empty() => event_id.to_owned(),
        _ => format!("sha256-{}", hex::encode(Sha256::digest(raw))),
    }
}
