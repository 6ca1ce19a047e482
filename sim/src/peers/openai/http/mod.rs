//! The Responses API over HTTP (spec/peers.md §1): which endpoint is asked, by whom, and what every
//! reply has in common.
//!
//! - [`create`]: `POST /v1/responses`, whole, streamed, or in the background.
//! - [`failures`]: why a request may fail before any work is done.
//! - [`kept`]: stored responses: fetched, resumed, cancelled, deleted.
//! - [`counts`]: what needs no model: counting tokens, compacting.

mod counts;
mod create;
mod failures;
mod kept;

use super::{error::ApiError, socket::upgrade, OpenAi, OpenAiFact};
use crate::{
    activity::PendingKind,
    peers::http::{bearer, body::Body, header_value, json_reply, retries, NoReply, Reply},
    time,
};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
    Method, Request, StatusCode,
};
use std::sync::Arc;

/// A request over HTTP, read whole.
struct Call {
    service: Arc<OpenAi>,
    connection: u64,
    head: Parts,
    body: bytes::Bytes,
}

/// Why there is no ordinary reply.
enum Unanswered {
    Error(ApiError),
    /// This is what is replied: an error in other words than the API's, or with other headers.
    Otherwise(Box<Reply<Body>>),
    NoReply,
    /// Nothing more happens on the connection.
    Never,
}

impl From<ApiError> for Unanswered {
    fn from(error: ApiError) -> Self {
        Unanswered::Error(error)
    }
}

/// Answers one HTTP request. An accepted upgrade, and a stream, go on in tasks of their own.
pub(super) async fn answer(
    service: Arc<OpenAi>,
    connection: u64,
    request: Request<Incoming>,
) -> Result<Reply<Body>, NoReply> {
    let began_ms = time::since_start_ms();
    let mut reply = match is_upgrade(&request) {
        true => answer_upgrade(&service, connection, request),
        false => answer_call(&service, connection, request).await?,
    };
    let number = {
        let mut generated = service.generated();
        generated.http_requests += 1;
        generated.http_requests
    };
    let processing_ms = time::since_start_ms() - began_ms;
    let headers = reply.headers_mut();
    headers.insert("x-request-id", header_value(format!("req_{number:08}")));
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    headers.insert("openai-organization", HeaderValue::from_static("org-000"));
    headers.insert("openai-processing-ms", header_value(processing_ms));
    Ok(reply)
}

/// Whoever gets this path wants a WebSocket.
fn is_upgrade(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().path() == "/v1/responses"
}

fn answer_upgrade(
    service: &Arc<OpenAi>,
    connection: u64,
    request: Request<Incoming>,
) -> Reply<Body> {
    let is_allowed = check_key(service, request.headers());
    let upgraded = is_allowed.and_then(|()| upgrade::answer(service, connection, request));
    upgraded.unwrap_or_else(|error| {
        let status = error.status;
        let refused = OpenAiFact::UpgradeRefused { status };
        service.ledger.record(connection, refused);
        error_reply(&error)
    })
}

async fn answer_call(
    service: &Arc<OpenAi>,
    connection: u64,
    request: Request<Incoming>,
) -> Result<Reply<Body>, NoReply> {
    let answering = service.ports.activity.begin(PendingKind::Message);
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
    let endpoint = Endpoint::of(&head);
    let call = Call {
        service: service.clone(),
        connection,
        head,
        body,
    };
    call.record(OpenAiFact::Called {
        endpoint: endpoint.name(),
        retry: retries(&call.head.headers),
    });
    let answered = match check_key(service, &call.head.headers) {
        Ok(()) => endpoint.answer(&call).await,
        Err(error) => Err(error.into()),
    };
    let (reply, code) = match answered {
        Ok(reply) => (reply, None),
        Err(Unanswered::Error(error)) => (error_reply(&error), error.code),
        Err(Unanswered::Otherwise(reply)) => (*reply, None),
        Err(Unanswered::NoReply) => return Err(NoReply),
        Err(Unanswered::Never) => {
            drop(answering);
            std::future::pending().await
        }
    };
    call.record(OpenAiFact::Replied {
        endpoint: endpoint.name(),
        status: reply.status().as_u16(),
        code,
    });
    Ok(reply)
}

/// What is asked of the service; the text is the id of a response.
enum Endpoint {
    Create,
    CountTokens,
    Compact,
    Retrieve(String),
    Delete(String),
    Cancel(String),
    InputItems(String),
    Unknown,
}

impl Endpoint {
    fn of(head: &Parts) -> Self {
        let path = head.uri.path().strip_prefix("/v1/responses");
        let parts: Vec<&str> = match path {
            Some(rest) => rest.split('/').skip(1).collect(),
            None => return Endpoint::Unknown,
        };
        match (head.method.as_str(), &parts[..]) {
            ("POST", []) => Endpoint::Create,
            ("POST", ["input_tokens"]) => Endpoint::CountTokens,
            ("POST", ["compact"]) => Endpoint::Compact,
            ("GET", [id]) => Endpoint::Retrieve(id.to_string()),
            ("DELETE", [id]) => Endpoint::Delete(id.to_string()),
            ("POST", [id, "cancel"]) => Endpoint::Cancel(id.to_string()),
            ("GET", [id, "input_items"]) => Endpoint::InputItems(id.to_string()),
            _ => Endpoint::Unknown,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Endpoint::Create => "create",
            Endpoint::CountTokens => "input_tokens",
            Endpoint::Compact => "compact",
            Endpoint::Retrieve(_) => "retrieve",
            Endpoint::Delete(_) => "delete",
            Endpoint::Cancel(_) => "cancel",
            Endpoint::InputItems(_) => "input_items",
            Endpoint::Unknown => "unknown",
        }
    }

    async fn answer(&self, call: &Call) -> Result<Reply<Body>, Unanswered> {
        match self {
            Endpoint::Create => create::answer(call).await,
            Endpoint::CountTokens => Ok(counts::tokens(call)?),
            Endpoint::Compact => Ok(counts::compact(call)?),
            Endpoint::Retrieve(id) => Ok(kept::retrieve(call, id)?),
            Endpoint::Delete(id) => Ok(kept::delete(call, id)?),
            Endpoint::Cancel(id) => Ok(kept::cancel(call, id)?),
            Endpoint::InputItems(id) => Ok(kept::input_items(call, id)?),
            Endpoint::Unknown => {
                let Parts { method, uri, .. } = &call.head;
                let message = format!("Invalid URL ({method} {})", uri.path());
                Err(ApiError::invalid(message).with_status(404).into())
            }
        }
    }
}

impl Call {
    /// A parameter of the query.
    fn parameter(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let pair = pairs.find(|(known, _)| known == name);
        pair.map(|(_, value)| value.into_owned())
    }

    fn record(&self, what: OpenAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

fn check_key(service: &OpenAi, headers: &hyper::HeaderMap) -> Result<(), ApiError> {
    let given = bearer(headers);
    match given == Some(service.config.api_key.as_str()) {
        true => Ok(()),
        false => Err(ApiError::invalid_api_key(given.is_some())),
    }
}

const JSON: &str = "application/json";

fn ok(json: impl ToString) -> Reply<Body> {
    json_reply(StatusCode::OK, JSON, json.to_string())
}

fn error_reply(error: &ApiError) -> Reply<Body> {
    let status = StatusCode::from_u16(error.status).expect("errors have statuses of HTTP");
    let reply = json_reply(status, JSON, error.to_bare_json());
    match status {
        StatusCode::UPGRADE_REQUIRED => with_header(reply, header::UPGRADE, "websocket"),
        // Where waiting helps, how long is told (§1.11).
        StatusCode::TOO_MANY_REQUESTS if error.code == Some("rate_limit_exceeded") => {
            with_header(reply, header::RETRY_AFTER, "1")
        }
        _ => reply,
    }
}

fn with_header(mut reply: Reply<Body>, name: HeaderName, value: &'static str) -> Reply<Body> {
    let value = HeaderValue::from_static(value);
    reply.headers_mut().insert(name, value);
    reply
}
