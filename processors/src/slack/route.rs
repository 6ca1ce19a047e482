//! Which thread a webhook belongs to, and where a new thread's stream is (spec §5.8). Pure.

use super::{
    contract::Thread,
    webhook::{first_text, inner_event, text},
};
use runtime::event::StreamPath;
use serde_json::Value;

/// Where a webhook wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub thread: Thread,
    /// A thread that has no route yet gets one for this. Reactions wait for somebody else's.
    pub can_create: bool,
}

/// The thread of a webhook body; none if it is about no thread.
pub fn address(body: &Value) -> Option<Address> {
    match inner_event(body) {
        Some(event) => reaction(event).or_else(|| message(event)),
        None => interaction(body),
    }
}

fn reaction(event: &Value) -> Option<Address> {
    let (channel, ts) = (
        text(event, &["item", "channel"])?,
        text(event, &["item", "ts"])?,
    );
    Some(to(channel, ts, false))
}

fn message(event: &Value) -> Option<Address> {
    let channel = text(event, &["channel"])?;
    let ts = first_text(event, &[&["message", "thread_ts"], &["thread_ts"], &["ts"]])?;
    Some(to(channel, ts, true))
}

fn interaction(body: &Value) -> Option<Address> {
    let channel = text(body, &["channel", "id"])?;
    let ts = first_text(
        body,
        &[
            &["message", "thread_ts"],
            &["container", "thread_ts"],
            &["message", "ts"],
            &["container", "message_ts"],
        ],
    )?;
    Some(to(channel, ts, true))
}

fn to(channel: &str, thread_ts: &str, can_create: bool) -> Address {
    Address {
        thread: Thread {
            channel: channel.into(),
            thread_ts: thread_ts.into(),
        },
        can_create,
    }
}

/// The stream of a thread that has none yet.
pub fn new_stream_path(thread: &Thread) -> StreamPath {
    let channel = segment(&thread.channel);
    let thread_ts = segment(&thread.thread_ts);
    StreamPath::parse(&format!("/agents/slack/{channel}/ts-{thread_ts}"))
        .expect("a path of sanitized segments stays below the root")
}

/// Lower case, and `-` for every run of characters outside `[a-z0-9_-]`.
fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars().flat_map(char::to_lowercase) {
        let is_plain = matches!(character, 'a'..='z' | '0'..='9' | '_' | '-');
        if is_plain {
            segment.push(character);
        } else if !in_run {
            segment.push('-');
        }
        in_run = !is_plain;
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(body: Value) -> Option<(String, bool)> {
        address(&body).map(|address| (address.thread.to_string(), address.can_create))
    }

    fn event(event: Value) -> Option<(String, bool)> {
        key(json!({"type": "event_callback", "event": event}))
    }

    fn found(key: &str, can_create: bool) -> Option<(String, bool)> {
        Some((key.to_owned(), can_create))
    }

    #[test]
    fn a_message_belongs_to_its_thread_or_starts_one() {
        assert_eq!(
            event(json!({"channel": "C1", "ts": "2.1"})),
            found("C1:2.1", true)
        );
        assert_eq!(
            event(json!({"channel": "C1", "ts": "2.1", "thread_ts": "1.1"})),
            found("C1:1.1", true)
        );
        let edit =
            json!({"channel": "C1", "ts": "3.1", "message": {"ts": "2.1", "thread_ts": "1.1"}});
        assert_eq!(event(edit), found("C1:1.1", true));
    }

    #[test]
    fn a_reaction_belongs_to_its_item_and_creates_nothing() {
        let reaction = json!({"type": "reaction_added", "item": {"channel": "C1", "ts": "1.1"}});
        assert_eq!(event(reaction), found("C1:1.1", false));
    }

    #[test]
    fn an_interaction_belongs_to_the_message_that_it_came_from() {
        let channel = json!({"id": "C1"});
        let on = |message: Value, container: Value| {
            key(
                json!({"type": "block_actions", "channel": channel, "message": message, "container": container}),
            )
        };
        assert_eq!(
            on(json!({"ts": "2.1", "thread_ts": "1.1"}), json!({})),
            found("C1:1.1", true)
        );
        assert_eq!(
            on(
                json!({"ts": "2.1"}),
                json!({"thread_ts": "1.2", "message_ts": "3.1"})
            ),
            found("C1:1.2", true)
        );
        assert_eq!(on(json!({"ts": "2.1"}), json!({})), found("C1:2.1", true));
        assert_eq!(
            on(json!(null), json!({"message_ts": "3.1"})),
            found("C1:3.1", true)
        );
    }

    #[test]
    fn a_body_about_no_thread_has_no_address() {
        assert_eq!(key(json!({})), None);
        assert_eq!(event(json!({"ts": "1.1"})), None);
        assert_eq!(event(json!({"channel": "C1"})), None);
        assert_eq!(event(json!({"channel": {"id": "C1"}, "ts": "1.1"})), None);
        assert_eq!(key(json!({"type": "event_callback", "event": "?"})), None);
    }

    #[test]
    fn a_new_thread_goes_below_agents_slack() {
        let path = |channel: &str, ts: &str| {
            new_stream_path(&Thread {
                channel: channel.into(),
                thread_ts: ts.into(),
            })
            .to_string()
        };
        assert_eq!(
            path("C123", "1772136258.963519"),
            "/agents/slack/c123/ts-1772136258-963519"
        );
        assert_eq!(path("../É__x", "1"), "/agents/slack/-__x/ts-1");
    }
}
