//! The Slack router (spec §5.8, §7.5).

use crate::review::Named;
use processors::slack::{contract::*, processor::SlackRouter};
use runtime::event::{EventInput, StreamName};
use semantics::Story;
use serde_json::{json, Value};

const STREAM: &str = "p1:/integrations/slack";

pub fn stories() -> Vec<Named> {
    vec![
        ("connection", connection().tell()),
        ("new_thread", new_thread().tell()),
        ("known_thread", known_thread().tell()),
        ("old_thread", old_thread().tell()),
        ("lost_forward", lost_forward().tell()),
    ]
}

fn story(title: &str) -> Story<SlackRouter> {
    Story::new(title, STREAM, |given| {
        let own = StreamName::parse(STREAM).expect("a name");
        SlackRouter::new(own, given.stream, given.context.quirks())
    })
}

fn webhook(event: Value) -> EventInput {
    let body = json!({ "type": "event_callback", "event_id": "Ev1", "event": event });
    EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body }))
}

fn message(ts: &str, text: &str) -> EventInput {
    webhook(json!({ "type": "message", "channel": "C123", "ts": ts, "text": text }))
}

fn reply(ts: &str, thread_ts: &str) -> EventInput {
    webhook(json!({ "type": "message", "channel": "C123", "ts": ts, "thread_ts": thread_ts }))
}

fn reaction(ts: &str) -> EventInput {
    let item = json!({ "type": "message", "channel": "C123", "ts": ts });
    webhook(json!({ "type": "reaction_added", "item": item }))
}

fn connection() -> Story<SlackRouter> {
    let workspace = json!({
        "connectionId": "c1", "externalId": "x1", "projectId": "p1", "teamName": "Acme",
        "scopes": ["chat:write"],
    });
    story("a workspace comes and goes")
        .event(EventInput::new(CONNECTED, workspace))
        .event(EventInput::new(DISCONNECTED, json!({ "teamName": "Acme" })))
}

fn new_thread() -> Story<SlackRouter> {
    let body = json!({ "type": "block_actions", "channel": { "id": "C9" },
        "message": { "ts": "2.5" } });
    story("a new thread gets a route, a stream with subscriptions, and its webhooks in order")
        .below_the_anchor(message("1.0", "old"))
        .event(message("1772136258.963519", "hello"))
        .event(reply("1772136260.000100", "1772136258.963519"))
        .event(EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body })))
        .restart_from(1)
}

fn known_thread() -> Story<SlackRouter> {
    let route = json!({ "channel": "C123", "threadTs": "1.0", "streamPath": "/elsewhere" });
    story("a known thread's webhooks go where its route says; a reaction opens no route")
        .event(EventInput::new(THREAD_ROUTE_CONFIGURED, route))
        .batch([reply("2.0", "1.0"), reaction("1.0"), reaction("7.0")])
        .event(EventInput::new(
            WEBHOOK_RECEIVED,
            json!({ "body": { "type": "ping" } }),
        ))
}

fn old_thread() -> Story<SlackRouter> {
    let path = "/agents/slack/c123/ts-1-0";
    let route = json!({ "channel": "C123", "threadTs": "1.0", "streamPath": path });
    story("a thread that was routed before is seen to, once in an incarnation (B-04)")
        .below_the_anchor(EventInput::new(THREAD_ROUTE_CONFIGURED, route))
        .event(reply("2.0", "1.0"))
        .event(reply("3.0", "1.0"))
}

fn lost_forward() -> Story<SlackRouter> {
    story("a forward that got lost holds the checkpoint, and is repeated (#1522)")
        .losing_call(WEBHOOK_RECEIVED)
        .event(message("1.0", "hello"))
        .restart()
}
