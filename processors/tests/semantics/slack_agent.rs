//! The Slack agent (spec §5.9, §7.5).

use crate::review::Named;
use processors::{
    agent::contract::STATUS_UPDATED,
    codemode::contract::{FUNCTION_CALL_REQUESTED, SCRIPT_EXECUTION_COMPLETED},
    slack::contract::{THREAD_ROUTE_CONFIGURED, WEBHOOK_RECEIVED},
    slack_agent::{processor::SlackAgent, signal::Signals},
};
use runtime::event::EventInput;
use semantics::{Answer, Story};
use serde_json::{json, Value};

const THREAD: &str = "1772136258.963519";

pub fn stories() -> Vec<Named> {
    vec![
        ("message", message_story().tell()),
        ("script", script().tell()),
        ("asides", asides().tell()),
        ("tools", tools().tell()),
        ("slack_refuses", slack_refuses().tell()),
        ("redelivery", redelivery().tell()),
        ("old_thread", old_thread().tell()),
    ]
}

fn untold(title: &str) -> Story<SlackAgent> {
    let stream = "p1:/agents/slack/c123/ts-1772136258-963519";
    Story::new(title, stream, |given| {
        SlackAgent::new(given.stream, Signals::new(given.context))
    })
    .host("slack.com", |_| Answer::Json(200, json!({ "ok": true })))
}

/// A story of a thread that was just routed.
fn story(title: &str) -> Story<SlackAgent> {
    untold(title).event(route())
}

fn route() -> EventInput {
    let route =
        json!({ "channel": "C123", "threadTs": THREAD, "streamPath": "/agents/slack/c123" });
    EventInput::new(THREAD_ROUTE_CONFIGURED, route)
}

fn webhook(event: Value) -> EventInput {
    let body = json!({
        "type": "event_callback", "event_id": "Ev1", "api_app_id": "A1", "event": event,
        "authorizations": [{ "user_id": "UBOT", "is_bot": true }],
    });
    EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body }))
}

fn message(ts: &str, user: &str, text: &str) -> EventInput {
    webhook(json!({
        "type": "message", "channel": "C123", "ts": ts, "thread_ts": THREAD, "user": user,
        "text": text,
    }))
}

fn status(status: &str) -> EventInput {
    EventInput::new(STATUS_UPDATED, json!({ "status": status, "reason": "r" }))
}

fn message_story() -> Story<SlackAgent> {
    story("a message becomes input, then gets eyes, until the agent rests (#1389)")
        .event(message(THREAD, "U1", "hello"))
        .event(status("working"))
        .event(status("idle"))
}

fn script() -> Story<SlackAgent> {
    story("a bang-command becomes a script, which shows while it runs")
        .event(message(THREAD, "U1", "<@UBOT> !slack.agent.threadInfo"))
        .event(EventInput::new(
            SCRIPT_EXECUTION_COMPLETED,
            json!({
                "scriptExecutionId": "slack-bang-command-3", "outcome": { "status": "returned" },
            }),
        ))
}

fn called(provider: [&str; 2], function: &str) -> EventInput {
    let payload = json!({
        "args": [], "functionCallId": "f1", "functionPath": [function],
        "invocationKind": "event", "path": [provider[0], provider[1], function],
        "providerPath": provider, "scriptExecutionId": "slack-bang-command-3",
    });
    EventInput::new(FUNCTION_CALL_REQUESTED, payload)
}

fn tools() -> Story<SlackAgent> {
    story("scripts ask what thread this is, and get an answer to whatever they ask")
        .event(message(THREAD, "U1", "hello"))
        .event(called(["slack", "agent"], "threadInfo"))
        .event(called(["slack", "agent"], "nothing"))
        .event(called(["slack", "other"], "threadInfo"))
}

fn asides() -> Story<SlackAgent> {
    let item = json!({ "type": "message", "channel": "C123", "ts": THREAD });
    let body = json!({ "type": "block_actions", "channel": { "id": "C123" },
        "message": { "ts": THREAD } });
    story("our own messages and reactions are no input; an interaction is")
        .event(message("1.1", "UBOT", "I said that"))
        .event(webhook(
            json!({ "type": "reaction_added", "user": "U1", "item": item }),
        ))
        .event(EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body })))
}

fn slack_refuses() -> Story<SlackAgent> {
    story("what Slack does not show holds nothing up")
        .host("slack.com", |request| match request.path.as_str() {
            "/api/reactions.add" => {
                Answer::Json(200, json!({ "ok": false, "error": "already_reacted" }))
            }
            _ => Answer::Cut,
        })
        .event(message(THREAD, "U1", "hello"))
        .event(status("working"))
}

fn redelivery() -> Story<SlackAgent> {
    story("a turn that is delivered again leaves the thread as it is")
        .batch([message(THREAD, "U1", "hello"), status("working")])
        .event(status("idle"))
        .restart_from(1)
}

fn old_thread() -> Story<SlackAgent> {
    untold("a thread that was routed before its agent came gets its tools with the next webhook")
        .below_the_anchor(route())
        .event(message(THREAD, "U1", "hello"))
        .event(message("2.0", "U1", "hello again"))
}
