//! From the HTTP request to the WebSocket, or a refusal (spec/peers.md §2.1).

use super::super::{error::ApiError, faults::REFUSE, OpenAi};
use crate::{
    network::TcpStream,
    peers::http::{body::Body, Reply},
};
use hyper::{body::Incoming, header, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Accepts or refuses an upgrade. An accepted one goes on in a task of its own.
pub(in super::super) fn answer(
    service: &Arc<OpenAi>,
    connection: u64,
    request: Request<Incoming>,
) -> Result<Reply<Body>, ApiError> {
    let accept_key = accept(service, &request)?;
    madsim::task::spawn(converse(service.clone(), connection, request));
    Ok(switching_protocols(&accept_key))
}

/// The `sec-websocket-accept` of an upgrade that is granted.
fn accept(service: &OpenAi, request: &Request<Incoming>) -> Result<String, ApiError> {
    let header = |name| {
        let value = request.headers().get(name)?;
        value.to_str().ok()
    };
    let upgrade = header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !upgrade || header("sec-websocket-version") != Some("13") {
        let error = ApiError::invalid("This endpoint speaks WebSocket, version 13.");
        return Err(error.with_status(StatusCode::UPGRADE_REQUIRED.as_u16()));
    }
    let Some(key) = header("sec-websocket-key") else {
        return Err(ApiError::invalid(
            "The sec-websocket-key header is missing.",
        ));
    };
    match service.ports.choices.variant(&REFUSE, &service.subject) {
        Some(variant) => Err(refusal(variant)),
        None => Ok(derive_accept_key(key.as_bytes())),
    }
}

/// No extension is ever accepted, and no subprotocol.
fn switching_protocols(accept_key: &str) -> Reply<Body> {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept_key)
        .body(Body::Whole(None))
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
    let stream = parts.io.into_inner();
    super::converse(service, connection, stream, parts.read_buf.into()).await;
}

/// The `peer.openai.refuse` fault.
fn refusal(variant: &str) -> ApiError {
    match variant {
        "429" => ApiError::rate_limited(),
        "500" => ApiError::server_error(),
        "503" => ApiError::overloaded(),
        "401" => ApiError::invalid_api_key(true),
        "403" => ApiError::invalid("Country, region, or territory not supported.")
            .with_status(403)
            .with_code("unsupported_country_region_territory"),
        "426" => ApiError::invalid("WebSocket is not available here; use HTTP.")
            .with_status(426)
            .with_code("upgrade_required"),
        other => panic!("peer.openai.refuse has no variant {other}"),
    }
}
