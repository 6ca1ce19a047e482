//! Reads Slack's ledger and the logs of the routed streams. Asserts that whatever a script posts was
//! applied in Slack once at most, in whatever way its calls failed (peers §5.5: at most one visible
//! answer); and that it says, in the stream's own thread, what a call in the stream says. Does not assert
//! that it was posted at all: see `posts_end`; nor that a script ran once: see `scripts`.

use processors::{
    codemode::contract::{FunctionCallRequested, FUNCTION_CALL_REQUESTED},
    slack::contract::{Thread, ThreadRouteConfigured, THREAD_ROUTE_CONFIGURED},
    slack_tools::{
        marker::marked,
        pieces::{pieces, POST_CHARS_MAX, UPDATE_CHARS_MAX},
    },
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
    world::StreamLog,
};
use std::collections::BTreeSet;

pub struct Posts;

impl Oracle for Posts {
    fn name(&self) -> &'static str {
        "post"
    }

    fn asserts(&self) -> &'static str {
        "what a script posts appears in its thread once at most, as the script says it"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut seen = BTreeSet::new();
        for entry in &evidence.slack {
            let SlackFact::Applied {
                method: "chat.postMessage",
                channel,
                ts,
                thread_ts: Some(thread_ts),
                text,
                metadata: Some(metadata),
            } = &entry.what
            else {
                continue;
            };
            let Some(mark) = marked(metadata) else {
                continue;
            };
            if !seen.insert(mark.to_owned()) {
                let message = format!("{mark} was posted again, as {channel}:{ts}");
                return Err(Violation::safety("twice", message));
            }
            let thread = Thread {
                channel: channel.as_str().into(),
                thread_ts: thread_ts.as_str().into(),
            };
            let said = log_of(evidence, &thread).and_then(|log| said(log, mark));
            if said != *text {
                let message = format!("{mark} in {thread} says {text:?}, and its stream {said:?}");
                return Err(Violation::safety("not-said", message));
            }
        }
        Ok(seen.len() as u64)
    }
}

/// The stream that belongs to a thread.
fn log_of<'a>(evidence: &'a Evidence, thread: &Thread) -> Option<&'a StreamLog> {
    let mut logs = evidence.logs.values();
    logs.find(|log| thread_of(log).as_ref() == Some(thread))
}

/// The Slack thread that a routed stream belongs to.
pub(super) fn thread_of(log: &StreamLog) -> Option<Thread> {
    let is_routed = log.name.path.as_str().starts_with("/agents/slack/");
    let routes = log.events.iter().filter(|_| is_routed);
    let route = routes
        .filter(|event| event.kind == THREAD_ROUTE_CONFIGURED)
        .find_map(|event| event.payload::<ThreadRouteConfigured>().ok());
    route.map(|route| route.thread)
}

/// What a call in a log is to post, by the mark of the post.
fn said(log: &StreamLog, mark: &str) -> Option<String> {
    let (id, piece) = mark.rsplit_once('/')?;
    let requests = log.events.iter();
    let mut requests = requests
        .filter(|event| event.kind == FUNCTION_CALL_REQUESTED)
        .filter_map(|event| event.payload::<FunctionCallRequested>().ok());
    let request = requests.find(|request| *request.call.function_call_id == *id)?;
    let chars_max = match request.call.path.to_string().as_str() {
        "slack.chat.postMessage" => POST_CHARS_MAX,
        "slack.chat.update" => UPDATE_CHARS_MAX,
        _ => return None,
    };
    let pieces = pieces(request.args.get(0)?.as_object()?, chars_max);
    let text = pieces.get(piece.parse::<usize>().ok()?)?.get("text")?;
    text.as_str().map(str::to_owned)
}

/// The arguments that a planted call has.
#[cfg(test)]
pub(super) fn called(
    id: &str,
    function: [&str; 2],
    arguments: serde_json::Value,
) -> serde_json::Value {
    serde_json::json!({
        "args": [arguments], "functionCallId": id, "functionPath": function,
        "invocationKind": "rpc", "path": ["slack", function[0], function[1]],
        "providerPath": ["slack"],
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn post(mark: &str, text: &str) -> SlackFact {
        SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C123".to_owned(),
            ts: "2".to_owned(),
            thread_ts: Some("1".to_owned()),
            text: Some(text.to_owned()),
            metadata: Some(json!({
                "event_type": "codemode_function_call",
                "event_payload": { "codemode_function_call": mark },
            })),
        }
    }

    fn thread() -> History {
        let route = json!({
            "channel": "C123", "threadTs": "1", "streamPath": "/agents/slack/c123/ts-1",
        });
        let message = json!({ "channel": "C123", "thread_ts": "1", "text": "Tea." });
        let call = called("f1", ["chat", "postMessage"], message);
        History::new(&[]).log(
            THREAD,
            [
                Entry::new(THREAD_ROUTE_CONFIGURED, route),
                Entry::new(FUNCTION_CALL_REQUESTED, call),
            ],
        )
    }

    #[test]
    fn what_is_posted_once_as_it_was_said_is_right() {
        let history = thread().slack(post("f1/0", "Tea."));
        assert_eq!(Posts.judge(&history.evidence()), Ok(1));
    }

    #[test]
    fn what_is_posted_twice_is_wrong() {
        let history = thread()
            .slack(post("f1/0", "Tea."))
            .slack(post("f1/0", "Tea."));
        assert_eq!(history.verdict(&Posts), Some(("twice", SAFETY)));
    }

    #[test]
    fn what_nobody_said_is_wrong() {
        for post in [
            post("f1/0", "Te"),
            post("f1/1", "Tea."),
            post("f2/0", "Tea."),
        ] {
            let history = thread().slack(post);
            assert_eq!(history.verdict(&Posts), Some(("not-said", SAFETY)));
        }
    }
}
