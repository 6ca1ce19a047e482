//! What the model reads of a webhook: one line that names the event, then its payload as fenced
//! YAML (spec §5.9). Text that YAML would read as a number, such as a ts, is quoted.

use crate::slack::contract::WEBHOOK_RECEIVED;
use serde_json::Value;

pub fn render(payload: &Value) -> String {
    // Every JSON text is YAML, should the writer of YAML refuse.
    let yaml = serde_saphyr::to_string(payload).unwrap_or_else(|_| format!("{payload}\n"));
    let fence = fence_around(&yaml);
    format!("A `{WEBHOOK_RECEIVED}` event arrived:\n\n{fence}yaml\n{yaml}{fence}")
}

/// Three backticks, or more than any run inside: people quote code in Slack.
fn fence_around(text: &str) -> String {
    let runs = text.split(|character| character != '`').map(str::len);
    let longest = runs.max().unwrap_or_default();
    "`".repeat(3.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ts_is_quoted() {
        let event = json!({"thread_ts": "1772136258.963519", "event_time": 1});
        let lines = [
            "A `events.iterate.com/slack/webhook-received` event arrived:",
            "",
            "```yaml",
            "body:",
            "  event:",
            "    thread_ts: \"1772136258.963519\"",
            "    event_time: 1",
            "```",
        ];
        let rendered = render(&json!({"body": {"event": event}}));
        assert_eq!(rendered, lines.join("\n"));
    }

    #[test]
    fn quoted_code_does_not_end_the_fence() {
        let payload = json!({"text": "look:\n```\ncode\n```\n"});
        let rendered = render(&payload);
        let (_, fenced) = rendered.split_once("````yaml\n").unwrap();
        let yaml = fenced.strip_suffix("````").unwrap();
        let read: Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(read, payload);
    }
}
