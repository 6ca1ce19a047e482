//! The Web API (spec/peers.md §4.1–4.3): reading the call, faults, effect, reply.
//!
//! - `arguments`: the four encodings of a call.
//! - `auth`, `chat`, `reactions`, `conversations`, `assistant`: the methods.
//!
//! A failure of the method is HTTP 200 with `ok` false; only rate limits and lost calls differ.

mod arguments;
mod assistant;
mod auth;
mod chat;
mod conversations;
mod reactions;

use super::{
    event::Outgoing,
    faults::{
        CLOSED, ECHO, ERROR_AFTER, GARBLED, RATE_LIMIT, REPLY_LOST, REQUEST_LOST, SLOW, SLOW_CALL,
        UPDATE_REFUSED,
    },
    Slack, SlackFact,
};
use crate::{
    activity::PendingKind,
    peers::http::{
        body::{half, Rest},
        header_value, json_reply, NoReply, Reply,
    },
    time,
};
use arguments::Arguments;
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    header::{self, HeaderValue},
    Request, StatusCode,
};
use serde_json::{Map, Value};

/// The machine string of a failed call.
type MethodError = &'static str;

type Method = fn(&Slack, &Arguments) -> Result<Done, MethodError>;

const METHODS: &[(&str, Method)] = &[
    ("assistant.threads.setStatus", assistant::set_status),
    ("auth.test", auth::test),
    ("chat.delete", chat::delete),
    ("chat.postMessage", chat::post_message),
    ("chat.update", chat::update),
    ("conversations.history", conversations::history),
    ("conversations.info", conversations::info),
    ("conversations.replies", conversations::replies),
    ("reactions.add", reactions::add),
    ("reactions.remove", reactions::remove),
    ("users.info", auth::user_info),
];

/// What a method did.
#[derive(Default)]
struct Done {
    /// The fields of the reply beside `ok`.
    fields: Map<String, Value>,
    /// None for a method that only reads.
    effect: Option<Effect>,
    /// The event that comes back to the app.
    echo: Option<Outgoing>,
}

#[derive(Default)]
struct Effect {
    channel: String,
    ts: String,
    thread_ts: Option<String>,
    text: Option<String>,
    metadata: Option<Value>,
    /// The `peer.slack.not-shown` fault.
    is_not_shown: bool,
}

/// The fields of a `json!` object.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("replies are objects"),
    }
}

/// Answers one call. While it is under way it is pending work; an idle connection is not.
pub(super) async fn answer(
    slack: &Slack,
    connection: u64,
    request: Request<Incoming>,
) -> Result<Reply, NoReply> {
    let _answering = slack.ports.activity.begin(PendingKind::Message);
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
    let Some(name) = head.uri.path().strip_prefix("/api/") else {
        let reply = json_reply(StatusCode::NOT_FOUND, CONTENT_TYPE, String::new());
        return Ok(answered(slack, connection, head.uri.path(), None, reply));
    };
    let checked = arguments::read(&head, &body).and_then(|arguments| {
        check_token(slack, &head.headers, &arguments)?;
        let method = METHODS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or("unknown_method")?;
        Ok((arguments, method))
    });
    let (arguments, (method, call)) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            return Ok(answered(
                slack,
                connection,
                name,
                Some(error),
                failure(error),
            ))
        }
    };

    let (choices, subject) = (&slack.ports.choices, &slack.subject);
    if let Some(reply) = turn_away(slack, method) {
        let error = Some("ratelimited");
        return Ok(answered(slack, connection, method, error, reply));
    }
    if let Some(error) = choices.variant(&CLOSED, subject) {
        return Ok(answered(
            slack,
            connection,
            method,
            Some(error),
            failure(error),
        ));
    }
    if choices.yes(&REQUEST_LOST, subject) {
        slack
            .ledger
            .record(connection, SlackFact::RequestLost { method });
        return Err(NoReply);
    }
    let slow_ms = choices.delay_ms(&SLOW_CALL, subject);
    if slow_ms > 0 {
        slack.ports.activity.sleep(slow_ms).await;
    }
    let called = match *method {
        "chat.update" => refuse_update(slack, &arguments).and_then(|()| call(slack, &arguments)),
        _ => call(slack, &arguments),
    };
    let (error, reply) = match called {
        Ok(done) => {
            let reply = apply(slack, connection, method, done).await;
            match choices.variant(&ERROR_AFTER, subject) {
                None => (None, reply),
                Some("500") => {
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    let reply = json_reply(status, CONTENT_TYPE, String::new());
                    (Some("internal_error"), reply)
                }
                Some(error) => (Some(error), failure(error)),
            }
        }
        Err(error) => (Some(error), failure(error)),
    };
    let garbled = choices.variant(&GARBLED, subject);
    if choices.yes(&REPLY_LOST, subject) {
        slack
            .ledger
            .record(connection, SlackFact::ReplyLost { method });
        return Err(NoReply);
    }
    let slow_ms = choices.delay_ms(&SLOW, subject);
    if slow_ms > 0 {
        slack.ports.activity.sleep(slow_ms).await;
    }
    match garbled {
        None => Ok(answered(slack, connection, method, error, reply)),
        Some("html") => Ok(answered(slack, connection, method, error, page())),
        Some("cut") => {
            slack
                .ledger
                .record(connection, SlackFact::ReplyLost { method });
            cut(numbered(slack, reply)).await
        }
        Some(other) => panic!("peer.slack.garbled has no variant {other}"),
    }
}

/// Between the reply to a call and the event of what it did, where one of them comes late.
const ECHO_GAP_MS: u64 = 2_000;

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// How long a limit lasts that says nothing.
const LIMIT_S: u64 = 1;

/// The `peer.slack.rate-limit` fault: 429, while a limit of the method lasts or when one begins. Other
/// methods are not concerned.
fn turn_away(slack: &Slack, method: &'static str) -> Option<Reply> {
    let (choices, now_ms) = (&slack.ports.choices, time::since_start_ms());
    let mut limits = slack.limited_until_ms.lock().expect("one thread");
    let begun = choices.variant(&RATE_LIMIT, &slack.subject);
    let left_ms = limits
        .get(method)
        .map_or(0, |until_ms| until_ms.saturating_sub(now_ms));
    if begun.is_none() && (left_ms == 0 || !choices.faults_on()) {
        return None;
    }
    let wait_s = begun.map_or(0, |limit| limit.parse().unwrap_or(LIMIT_S));
    let wait_ms = left_ms.max(wait_s * 1_000);
    limits.insert(method, now_ms + wait_ms);
    let mut reply = match begun {
        Some("empty-body") => json_reply(StatusCode::OK, CONTENT_TYPE, String::new()),
        _ => failure("ratelimited"),
    };
    *reply.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    if begun != Some("no-header") {
        let wait_s = wait_ms.div_ceil(1_000);
        reply
            .headers_mut()
            .insert(header::RETRY_AFTER, wait_s.into());
    }
    Some(reply)
}

/// The `peer.slack.update-refused` fault, for a message that is there.
fn refuse_update(slack: &Slack, arguments: &Arguments) -> Result<(), MethodError> {
    let (Some(channel), Some(ts)) = (arguments.text("channel"), arguments.text("ts")) else {
        return Ok(());
    };
    if slack.lock_workspace().message(channel, ts).is_none() {
        return Ok(());
    }
    match slack.ports.choices.variant(&UPDATE_REFUSED, &slack.subject) {
        None => Ok(()),
        Some("deleted") => {
            slack.delete(channel, ts);
            Ok(())
        }
        Some(error) => Err(error),
    }
}

/// The first half of a reply; then its connection is closed.
async fn cut(reply: Reply) -> Result<Reply, NoReply> {
    let (mut head, body) = reply.into_parts();
    let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
    let length = header_value(body.len());
    head.headers.insert(header::CONTENT_LENGTH, length);
    Ok(Reply::from_parts(head, half(&body, Rest::Closed)))
}

/// A page of somebody in between.
fn page() -> Reply {
    let page = "<html><body>One moment, please.</body></html>";
    json_reply(StatusCode::OK, "text/html", page.to_owned())
}

/// The token comes in the header, or in a form or query, but never in JSON (§4.1).
fn check_token(
    slack: &Slack,
    headers: &hyper::HeaderMap,
    arguments: &Arguments,
) -> Result<(), MethodError> {
    let in_header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match in_header.or(arguments.token()) {
        None => Err("not_authed"),
        Some(token) if token == slack.config.bot_token => Ok(()),
        Some(_) => Err("invalid_auth"),
    }
}

/// Writes down what a method did, and sends what comes back to the app.
async fn apply(slack: &Slack, connection: u64, method: &'static str, done: Done) -> Reply {
    let mut answers = None;
    if let Some(effect) = done.effect {
        if effect.is_not_shown {
            let Effect { channel, ts, .. } = effect;
            let what = SlackFact::NotShown {
                method,
                channel,
                ts,
            };
            slack.ledger.record(connection, what);
        } else {
            let Effect {
                channel,
                ts,
                thread_ts,
                text,
                metadata,
                ..
            } = effect;
            if let ("chat.postMessage", Some(thread_ts)) = (method, &thread_ts) {
                answers = Some((channel.clone(), thread_ts.clone()));
            }
            let what = SlackFact::Applied {
                method,
                channel,
                ts,
                thread_ts,
                text,
                metadata,
            };
            slack.ledger.record(connection, what);
        }
    }
    let mut wait_ms = 0;
    if let Some(echo) = done.echo {
        match slack.ports.choices.variant(&ECHO, &slack.subject) {
            Some("after") => slack.queue_later(echo, ECHO_GAP_MS),
            before => {
                slack.queue(echo);
                wait_ms = before.map_or(0, |_| ECHO_GAP_MS);
            }
        }
    }
    if let Some((channel, thread_ts)) = answers {
        slack.draw_other_bot(&channel, &thread_ts);
    }
    if wait_ms > 0 {
        slack.ports.activity.sleep(wait_ms).await;
    }
    let mut body = Map::with_capacity(done.fields.len() + 1);
    body.insert("ok".to_owned(), Value::Bool(true));
    body.extend(done.fields);
    json_reply(
        StatusCode::OK,
        CONTENT_TYPE,
        Value::Object(body).to_string(),
    )
}

fn failure(error: MethodError) -> Reply {
    let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
    json_reply(StatusCode::OK, CONTENT_TYPE, body)
}

/// Numbers the reply and writes it down.
fn answered(
    slack: &Slack,
    connection: u64,
    method: &str,
    error: Option<MethodError>,
    reply: Reply,
) -> Reply {
    let what = SlackFact::Answered {
        method: method.to_owned(),
        status: reply.status().as_u16(),
        error,
    };
    slack.ledger.record(connection, what);
    numbered(slack, reply)
}

fn numbered(slack: &Slack, mut reply: Reply) -> Reply {
    let number = {
        let mut counters = slack.counters();
        counters.calls += 1;
        counters.calls
    };
    let request_id = format!("{number:032x}");
    reply.headers_mut().insert(
        "x-slack-req-id",
        HeaderValue::from_str(&request_id).expect("digits are a header value"),
    );
    reply
}
