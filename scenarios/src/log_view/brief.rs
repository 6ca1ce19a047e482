//! Payloads in brief: `name: value` pairs, those first that a reviewer looks for.
//!
//! The table names the fields of the common types, in order; what a payload lacks is left out.
//! Every other type shows all its fields, as compact JSON where they have fields of their own.

use super::shorten::{self, Shortener};
use serde_json::Value;

/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 80;

/// A field: what it is called here, and where it stands in the payload (a JSON pointer).
type Field = (&'static str, &'static str);

/// By type, without its prefix.
const FIELDS: &[(&str, &[Field])] = &[
    (
        "agent/llm-request-cancelled",
        &[
            ("phase", "/phase"),
            ("request", "/llmRequestId"),
            ("request", "/requestId"),
            ("reason", "/reason"),
        ],
    ),
    ("agent/llm-request-completed", COMPLETED),
    (
        "agent/status-updated",
        &[
            ("status", "/status"),
            ("reason", "/reason"),
            ("request", "/llmRequestId"),
        ],
    ),
    (
        "agent/output-added",
        &[("request", "/llmRequestId"), ("content", "/content")],
    ),
    (
        "jsonata-reactor/rule-configured",
        &[("slug", "/slug"), ("matcher", "/matcher")],
    ),
    (
        "openai-ws/llm-request-attempt-failed",
        &[("request", "/llmRequestId"), ("reason", "/reason")],
    ),
    ("openai-ws/llm-request-completed", COMPLETED),
    (
        "openai-ws/llm-request-started",
        &[
            ("request", "/llmRequestId"),
            ("connection", "/connectionId"),
            ("model", "/model"),
        ],
    ),
    (
        "openai-ws/websocket-connected",
        &[("connection", "/connectionId"), ("url", "/url")],
    ),
    (
        "openai-ws/websocket-disconnected",
        &[
            ("connection", "/connectionId"),
            ("code", "/code"),
            ("reason", "/reason"),
            ("clean", "/wasClean"),
        ],
    ),
    ("openai-ws/websocket-message-received", FRAME),
    ("openai-ws/websocket-message-sent", FRAME),
    (
        "slack/webhook-received",
        &[
            ("event", "/body/event/type"),
            ("id", "/body/event_id"),
            ("user", "/body/event/user"),
            ("bot", "/body/event/bot_id"),
            ("text", "/body/event/text"),
            ("ts", "/body/event/ts"),
            ("thread", "/body/event/thread_ts"),
        ],
    ),
    (
        "stream/error-occurred",
        &[("message", "/message"), ("error", "/error/message")],
    ),
    (
        "stream/subscriber-connected",
        &[
            ("key", "/subscriptionKey"),
            ("direction", "/direction"),
            ("processor", "/subscriber/processor/slug"),
            ("incarnation", "/subscriber/incarnationId"),
        ],
    ),
    (
        "stream/subscriber-disconnected",
        &[("key", "/subscriptionKey"), ("reason", "/reason")],
    ),
    ("stream/woken", &[("incarnation", "/incarnationId")]),
];

/// How a request ended; the same for agent and provider.
const COMPLETED: &[Field] = &[
    ("request", "/llmRequestId"),
    ("result", "/result/status"),
    ("error", "/result/error/message"),
    ("durationMs", "/durationMs"),
    ("response", "/responseId"),
];

/// A frame of a WebSocket.
const FRAME: &[Field] = &[
    ("type", "/message/type"),
    ("request", "/llmRequestId"),
    ("sequence", "/sequence"),
    ("after", "/message/previous_response_id"),
    ("delta", "/message/delta"),
    ("text", "/message/text"),
    ("status", "/message/response/status"),
    ("error", "/message/error/message"),
];

/// One line without an end of its own. `kind` is without its prefix.
pub fn brief(kind: &str, payload: &Value, shortener: &Shortener) -> String {
    let own_way = match kind {
        "agent/input-added" => input(payload),
        "stream/subscription-configured" => subscription(payload),
        _ => None,
    };
    let text = own_way
        .or_else(|| {
            let (_, fields) = FIELDS.iter().find(|(known, _)| *known == kind)?;
            let present = |(name, pointer): &Field| Some((*name, payload.pointer(pointer)?));
            pairs(fields.iter().filter_map(present))
        })
        .or_else(|| pairs(payload.as_object()?.iter().map(|(k, v)| (k.as_str(), v))))
        .unwrap_or_else(|| payload.to_string());
    shortener.shorten(&text)
}

/// `None` if there is not one.
fn pairs<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> Option<String> {
    let shown: Vec<String> = fields
        .filter(|(_, value)| !value.is_null())
        .map(|(name, field)| format!("{name}: {}", value(field)))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// A word stands as it is; a text is quoted.
fn value(value: &Value) -> String {
    let text = match value {
        Value::String(word) if is_word(word) => word.clone(),
        other => other.to_string(),
    };
    shorten::end(&text, VALUE_CHARS_MAX)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '"'))
}

/// The key, and the processor and object that are to be dialed.
fn subscription(payload: &Value) -> Option<String> {
    let key = payload.get("subscriptionKey")?.as_str()?;
    let callable = payload.pointer("/subscriber/callable")?;
    let text = |pointer| callable.pointer(pointer).and_then(Value::as_str);
    let binding = text("/via/bindingName")?;
    let object = text("/via/durableObject/name")?;
    let target = match text("/transformInput/shallowMerge/processorName") {
        Some(processor) => format!("{processor} of {binding} {object}"),
        None => format!("{binding} {object}"),
    };
    Some(format!("key: {key} → {target}"))
}

/// The first line of an input and, where the input quotes a message, that message's text.
fn input(payload: &Value) -> Option<String> {
    let content = payload.get("content")?.as_str()?;
    let mut lines = content.lines();
    let first = lines.next()?;
    let quoted = lines.find_map(|line| line.trim_start().strip_prefix("text: "));
    let content = value(&Value::from(first));
    let quoted = quoted.map(|text| format!(", text: {}", value(&Value::from(text))));
    let behaviour = payload.pointer("/llmRequestPolicy/behaviour");
    let policy = behaviour
        .and_then(Value::as_str)
        .filter(|behaviour| *behaviour != "after-current-request")
        .map(|behaviour| format!(", policy: {behaviour}"));
    Some(format!(
        "content: {content}{}{}",
        quoted.unwrap_or_default(),
        policy.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::event::StreamName;
    use serde_json::json;

    fn shown(kind: &str, payload: Value) -> String {
        let stream = StreamName::parse("p1:/a").unwrap();
        brief(kind, &payload, &Shortener::of(&stream))
    }

    #[test]
    fn a_known_type_shows_what_its_row_names() {
        let completed = json!({
            "llmRequestId": 19,
            "durationMs": 32,
            "result": { "status": "success", "usage": { "input_tokens": 308 } },
        });
        assert_eq!(
            shown("agent/llm-request-completed", completed),
            "request: 19, result: success, durationMs: 32"
        );
    }

    #[test]
    fn any_other_type_shows_all_its_fields() {
        let payload = json!({ "model": "m-1", "runOpts": {}, "note": "two words", "gone": null });
        assert_eq!(
            shown("agent/llm-request-requested", payload),
            "model: m-1, runOpts: {}, note: \"two words\""
        );
        assert_eq!(shown("x", json!({})), "{}");
        assert_eq!(shown("x", json!([1])), "[1]");
    }

    #[test]
    fn a_known_type_with_foreign_fields_shows_them() {
        assert_eq!(shown("stream/woken", json!({ "a": 1 })), "a: 1");
        assert_eq!(shown("agent/input-added", json!({ "a": 1 })), "a: 1");
    }

    #[test]
    fn a_subscription_shows_key_and_target() {
        let payload = json!({
            "subscriptionKey": "agent:p1:/a:agent",
            "subscriber": { "type": "callable", "callable": {
                "via": { "bindingName": "AGENT", "durableObject": { "name": "p1:/a" } },
                "transformInput": { "shallowMerge": { "processorName": "agent" } },
            } },
        });
        assert_eq!(
            shown("stream/subscription-configured", payload),
            "key: agent:<stream>:agent → agent of AGENT <stream>"
        );
    }

    #[test]
    fn an_input_shows_its_first_line_and_the_message_in_it() {
        let payload = json!({
            "content": "A `x` event arrived:\n\n```yaml\nbody:\n  text: Who?\n```",
            "llmRequestPolicy": { "behaviour": "dont-trigger-request" },
        });
        assert_eq!(
            shown("agent/input-added", payload),
            "content: \"A `x` event arrived:\", text: Who?, policy: dont-trigger-request"
        );
    }
}
