//! Reading a webhook body. Slack's bodies are loose: any field may be missing, null, blank or of
//! another type, and all of that is the same: not there.

use runtime::event::{Event, PayloadError};
use serde_json::Value;

/// The body of a `webhook-received`.
///
/// # Errors
/// The payload has no `body` that is a map.
pub fn body(event: &Event) -> Result<&Value, PayloadError> {
    let body = event
        .payload
        .as_ref()
        .and_then(|payload| payload.get("body"));
    body.filter(|body| body.is_object())
        .ok_or_else(|| PayloadError {
            kind: event.kind.clone(),
            offset: event.offset,
            message: "body must be a map".to_owned(),
        })
}

/// The inner event, if Slack's Events API sent this; other bodies are interactions.
pub fn inner_event(body: &Value) -> Option<&Value> {
    let is_event = text(body, &["type"]) == Some("event_callback");
    body.get("event")
        .filter(|event| is_event && event.is_object())
}

/// The text at a path.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    found.as_str().filter(|text| !text.is_empty())
}

/// The text at the first of several paths that has one.
pub fn first_text<'a>(value: &'a Value, paths: &[&[&str]]) -> Option<&'a str> {
    paths.iter().find_map(|path| text(value, path))
}
