//! A fetch callable with a request (spec §4.2): the request goes on to the target with its body
//! unread, and the response comes back as it is, whatever its status. A WebSocket is such a request
//! that asks for an upgrade.

use super::{
    fetch::{redirect_mode, send, set_headers},
    resolve::Fetchee,
    route::route,
    Callable, CallableError, DispatchContext, ErrorCode, Failure,
};
use crate::{
    http::{Request, Response},
    platform::ByteStream,
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

/// Sends a request on to the callable's target.
///
/// Nothing transforms it but the method, headers, path and query of `fetchRequest`. The body is not
/// read here; to an object it travels whole, as every call does.
///
/// # Errors
/// The callable is no fetch, or has a `transformInput` or a `fetchRequest.body`
/// (`DESCRIPTOR_VALIDATION_FAILED`); the body was read, or the method has none
/// (`PAYLOAD_VALIDATION_FAILED`); the target is not there, or cannot be reached.
pub async fn dispatch_fetch(
    dispatch: &DispatchContext,
    callable: &Callable,
    request: Request,
) -> Result<Response, CallableError> {
    let Callable::Fetch(fetch) = callable else {
        return Err(CallableError::descriptor(
            "Invalid callable: type must be \"fetch\" to send a request",
        ));
    };
    let fetch_request = fetch.fetch_request.as_ref();
    if fetch.transform_input.is_some() {
        return Err(CallableError::descriptor(
            "Invalid callable: transformInput must be absent to send a request",
        ));
    }
    if fetch_request.is_some_and(|fetch_request| fetch_request.body.is_some()) {
        return Err(CallableError::descriptor(
            "Invalid callable: fetchRequest.body must be absent to send a request",
        ));
    }
    let mut request = request;
    if request.body.is_used() {
        return Err(CallableError::payload(
            "the body of the request was read already",
        ));
    }
    if let Some(method) = fetch_request.and_then(|fetch_request| fetch_request.method.clone()) {
        request.method = method;
    }
    if matches!(request.method, Method::GET | Method::HEAD) && !request.body.is_empty() {
        let method = &request.method;
        return Err(CallableError::payload(format!(
            "a {method} request has no body"
        )));
    }
    let target = Fetchee::resolve(dispatch, &fetch.via)?;
    set_headers(&mut request.headers, fetch_request)?;
    request.url = route(target.url(), Some(&request.url), fetch_request);
    request.redirect = redirect_mode(&target);
    send(target.fetch(request)).await
}

/// An open WebSocket, before its first frame.
pub struct Socket {
    /// Bytes of the WebSocket protocol; the other side is its server.
    pub stream: Box<dyn ByteStream>,
    /// Of the response, such as the protocol that was chosen.
    pub headers: HeaderMap,
}

/// Opens a WebSocket at the callable's target; `headers` go with the request.
///
/// # Errors
/// As [`dispatch_fetch`]; or the target does not accept it (`TRANSPORT_FAILED`).
pub async fn connect_websocket(
    dispatch: &DispatchContext,
    callable: &Callable,
    headers: HeaderMap,
) -> Result<Socket, CallableError> {
    let mut request = Request::websocket(route(None, None, None));
    let upgrade = std::mem::replace(&mut request.headers, headers);
    request.headers.extend(upgrade);
    let response = dispatch_fetch(dispatch, callable, request).await?;
    match (response.status, response.socket) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(stream)) => Ok(Socket {
            stream,
            headers: response.headers,
        }),
        (status, _) => Err(CallableError::from(Failure {
            code: ErrorCode::TransportFailed,
            message: format!("the target answered {status} to a WebSocket"),
            retryable: status.as_u16() >= 500,
            cause: None,
            details: Some(json!({ "status": status.as_u16() })),
        })),
    }
}
