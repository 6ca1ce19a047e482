//! From the HTTP request to the WebSocket, or a refusal (spec/peers.md §1.3, §1.4, §2.1).

use super::{conversation::Conversation, event::ErrorBody, faults::REFUSE, OpenAi, OpenAiFact};
use crate::{
    network::TcpStream,
    peers::http::{json_reply, Reply},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::Incoming,
    header::{self, HeaderValue},
    Method, Request, Response, StatusCode,
};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Answers one HTTP request. An accepted upgrade goes on in a task of its own.
pub(super) fn answer(service: Arc<OpenAi>, connection: u64, request: Request<Incoming>) -> Reply {
    let mut reply = match accept(&service, &request) {
        Ok(accept_key) => {
            madsim::task::spawn(converse(service.clone(), connection, request));
            switching_protocols(&accept_key)
        }
        Err(refusal) => {
            service.ledger.record(
                connection,
                OpenAiFact::UpgradeRefused {
                    status: refusal.status.as_u16(),
                },
            );
            refusal.into_reply()
        }
    };
    let number = {
        let mut generated = service.generated();
        generated.http_requests += 1;
        generated.http_requests
    };
    let headers = reply.headers_mut();
    let request_id = format!("req_{number:08}");
    headers.insert(
        "x-request-id",
        HeaderValue::from_str(&request_id).expect("digits are a header value"),
    );
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    headers.insert("openai-processing-ms", HeaderValue::from_static("1"));
    reply
}

/// The `sec-websocket-accept` of an upgrade that is granted.
fn accept(service: &OpenAi, request: &Request<Incoming>) -> Result<String, Refusal> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if request.uri().path() != "/v1/responses" {
        return Err(Refusal::invalid(
            StatusCode::NOT_FOUND,
            format!(
                "Invalid URL ({} {})",
                request.method(),
                request.uri().path()
            ),
        ));
    }
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if token != Some(service.config.api_key.as_str()) {
        let message = match token {
            None => "You didn't provide an API key.",
            Some(_) => "Incorrect API key provided.",
        };
        return Err(Refusal {
            code: Some("invalid_api_key"),
            ..Refusal::invalid(StatusCode::UNAUTHORIZED, message.to_owned())
        });
    }
    if request.method() != Method::GET {
        let message = format!("Not allowed to {} on /v1/responses.", request.method());
        return Err(Refusal::invalid(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    let upgrade = header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !upgrade || header("sec-websocket-version") != Some("13") {
        return Err(Refusal::invalid(
            StatusCode::UPGRADE_REQUIRED,
            "This endpoint speaks WebSocket, version 13.".to_owned(),
        ));
    }
    let Some(key) = header("sec-websocket-key") else {
        return Err(Refusal::invalid(
            StatusCode::BAD_REQUEST,
            "The sec-websocket-key header is missing.".to_owned(),
        ));
    };
    match service.ports.choices.variant(&REFUSE, &service.subject) {
        Some(variant) => Err(Refusal::fault(variant)),
        None => Ok(derive_accept_key(key.as_bytes())),
    }
}

/// No extension is ever accepted, and no subprotocol.
fn switching_protocols(accept_key: &str) -> Reply {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept_key)
        .body(Full::new(Bytes::new()))
        .expect("base64 is a header value")
}

async fn converse(service: Arc<OpenAi>, connection: u64, request: Request<Incoming>) {
    // The client may be gone before the reply has left.
    let Ok(upgraded) = hyper::upgrade::on(request).await else {
        return;
    };
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .expect("the server serves TCP streams");
    Conversation::new(
        service,
        connection,
        parts.io.into_inner(),
        parts.read_buf.into(),
    )
    .await
    .run()
    .await;
}

struct Refusal {
    status: StatusCode,
    r#type: &'static str,
    code: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn invalid(status: StatusCode, message: String) -> Self {
        Refusal {
            status,
            r#type: "invalid_request_error",
            code: None,
            message,
        }
    }

    fn fault(variant: &str) -> Self {
        let (status, r#type, code, message) = match variant {
            "429" => (
                StatusCode::TOO_MANY_REQUESTS,
                "requests",
                "rate_limit_exceeded",
                "Rate limit reached.",
            ),
            "500" => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "server_error",
                "The server had an error while processing your request.",
            ),
            "503" => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable_error",
                "server_is_overloaded",
                "The server is overloaded.",
            ),
            "401" => (
                StatusCode::UNAUTHORIZED,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided.",
            ),
            "403" => (
                StatusCode::FORBIDDEN,
                "invalid_request_error",
                "unsupported_country_region_territory",
                "Country, region, or territory not supported.",
            ),
            "426" => (
                StatusCode::UPGRADE_REQUIRED,
                "invalid_request_error",
                "upgrade_required",
                "WebSocket is not available here; use HTTP.",
            ),
            other => panic!("peer.openai.refuse has no variant {other}"),
        };
        Refusal {
            status,
            r#type,
            code: Some(code),
            message: message.to_owned(),
        }
    }

    fn into_reply(self) -> Reply {
        #[derive(Serialize)]
        struct Body<'a> {
            error: ErrorBody<'a>,
        }
        let body = Body {
            error: ErrorBody {
                r#type: self.r#type,
                code: self.code,
                message: &self.message,
                param: None,
            },
        };
        let body = serde_json::to_string(&body).expect("strings are JSON");
        let mut reply = json_reply(self.status, "application/json", body);
        let headers = reply.headers_mut();
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}
