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
    faults::{RATE_LIMIT, REPLY_LOST, REQUEST_LOST, SLOW},
    Slack, SlackFact,
};
use crate::{
    activity::PendingKind,
    peers::http::{json_reply, NoReply, Reply},
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

struct Effect {
    channel: String,
    ts: String,
    text: Option<String>,
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
    if let Some(retry_after_s) = choices.variant(&RATE_LIMIT, subject) {
        let mut reply = failure("ratelimited");
        *reply.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let headers = reply.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after_s));
        let error = Some("ratelimited");
        return Ok(answered(slack, connection, method, error, reply));
    }
    if choices.yes(&REQUEST_LOST, subject) {
        slack
            .ledger
            .record(connection, SlackFact::RequestLost { method });
        return Err(NoReply);
    }
    let (error, reply) = match call(slack, &arguments) {
        Ok(done) => (None, apply(slack, connection, method, done)),
        Err(error) => (Some(error), failure(error)),
    };
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
    Ok(answered(slack, connection, method, error, reply))
}

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

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
fn apply(slack: &Slack, connection: u64, method: &'static str, done: Done) -> Reply {
    if let Some(Effect { channel, ts, text }) = done.effect {
        let what = SlackFact::Applied {
            method,
            channel,
            ts,
            text,
        };
        slack.ledger.record(connection, what);
    }
    if let Some(echo) = done.echo {
        slack.queue(echo);
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
    mut reply: Reply,
) -> Reply {
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
    let what = SlackFact::Answered {
        method: method.to_owned(),
        status: reply.status().as_u16(),
        error,
    };
    slack.ledger.record(connection, what);
    reply
}
