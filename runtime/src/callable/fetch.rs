//! A fetch callable with a payload (spec §4.2, step 5): the payload becomes a request, and the
//! response a value.

use super::{
    resolve::Fetchee, route::route, transform, CallableError, DispatchContext, ErrorCode, Failure,
    FetchCallable, FetchRequest,
};
use crate::{
    call::{Argument, CallError},
    http::{Body, Redirect, Request, Response},
    object::FetchReply,
};
use http::{
    header::{HeaderName, CONTENT_TYPE},
    HeaderMap, HeaderValue, Method, StatusCode,
};
use serde_json::{json, Value};

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// # Errors
/// See [`dispatch`](super::dispatch()).
pub async fn fetch(
    dispatch: &DispatchContext,
    callable: &FetchCallable,
    payload: Option<Argument>,
) -> Result<Argument, CallableError> {
    let transform_input = callable.transform_input.as_ref();
    let input = transform::transform(dispatch, transform_input, payload)?;
    let target = Fetchee::resolve(dispatch, &callable.via)?;
    let fetch_request = callable.fetch_request.as_ref();
    let request = request(dispatch, fetch_request, &target, input)?;
    let response = send(target.fetch(request)).await?;
    read(response).await.map(Argument::Json)
}

/// The redirect mode of a request to a target: what is inside answers for itself.
pub fn redirect_mode(target: &Fetchee) -> Redirect {
    match target {
        Fetchee::Outside { .. } => Redirect::Follow,
        Fetchee::Internal(_) => Redirect::Manual,
    }
}

/// Puts the headers of the descriptor over those that are there.
///
/// # Errors
/// A name or value is none that a request can carry.
pub fn set_headers(
    headers: &mut HeaderMap,
    fetch_request: Option<&FetchRequest>,
) -> Result<(), CallableError> {
    let configured = fetch_request.and_then(|request| request.headers.as_ref());
    for (name, value) in configured.into_iter().flatten() {
        // Latin-1, as in JavaScript.
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
        let parsed_value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        let parsed_name = HeaderName::from_bytes(name.as_bytes()).ok();
        let Some((parsed_name, parsed_value)) = parsed_name.zip(parsed_value) else {
            return Err(CallableError::descriptor(format!(
                "Invalid callable: fetchRequest.headers.{name} cannot be sent: {value:?}"
            )));
        };
        headers.insert(parsed_name, parsed_value);
    }
    Ok(())
}

fn request(
    dispatch: &DispatchContext,
    fetch_request: Option<&FetchRequest>,
    target: &Fetchee,
    input: Option<Argument>,
) -> Result<Request, CallableError> {
    let method = fetch_request.and_then(|request| request.method.clone());
    let url = route(target.url(), None, fetch_request);
    let mut request = Request::new(method.unwrap_or(Method::POST), url);
    request.redirect = redirect_mode(target);
    set_headers(&mut request.headers, fetch_request)?;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let body = fetch_request.and_then(|request| request.body.as_ref());
        let input = match body {
            Some(expression) => transform::evaluate(dispatch, expression, input)?,
            None => input,
        };
        request.body = Body::json(&body_json(input)?);
        let headers = &mut request.headers;
        headers.entry(CONTENT_TYPE).or_insert(APPLICATION_JSON);
    }
    Ok(request)
}

fn body_json(input: Option<Argument>) -> Result<Value, CallableError> {
    match input {
        None => Ok(Value::Null),
        Some(input) => input.to_json().ok_or_else(|| {
            CallableError::payload("the payload has a live capability, which no request can carry")
        }),
    }
}

/// Waits for a response.
///
/// # Errors
/// None came: `TRANSPORT_FAILED`, or `RESOLUTION_FAILED` if the target answers no requests.
pub async fn send(reply: FetchReply) -> Result<Response, CallableError> {
    reply.await.map_err(|error| {
        let (code, message) = match &error {
            CallError::Unresolved(_) => (ErrorCode::ResolutionFailed, "there is no such target"),
            error if error.code() == Some(CallError::NOT_FETCHABLE) => (
                ErrorCode::ResolutionFailed,
                "the target does not answer fetch",
            ),
            _ => (ErrorCode::TransportFailed, "the request got no answer"),
        };
        CallableError::from(Failure {
            code,
            message: message.to_owned(),
            retryable: error.is_transient(),
            cause: Some(error.to_string()),
            details: None,
        })
    })
}

/// The value that a response stands for.
async fn read(mut response: Response) -> Result<Value, CallableError> {
    let status = response.status;
    if !status.is_success() {
        return Err(remote_error(response).await);
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
        return Ok(Value::Null);
    }
    let text = response.body.text().await.map_err(|error| {
        CallableError::from(Failure {
            code: ErrorCode::TransportFailed,
            message: "the response cannot be read".to_owned(),
            retryable: true,
            cause: Some(error.to_string()),
            details: None,
        })
    })?;
    if !is_json(&response.headers) {
        return Ok(Value::String(text));
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| {
        CallableError::from(Failure {
            code: ErrorCode::RemoteError,
            message: "the response is not the JSON that it says it is".to_owned(),
            retryable: false,
            cause: Some(error.to_string()),
            details: Some(details(status, &text)),
        })
    })
}

async fn remote_error(mut response: Response) -> CallableError {
    let status = response.status;
    // A body that cannot be read changes nothing about the status.
    let body = response.body.text().await.unwrap_or_default();
    CallableError::from(Failure {
        code: ErrorCode::RemoteError,
        message: format!("the target answered {status}"),
        retryable: status.as_u16() >= 500,
        cause: None,
        details: Some(details(status, &body)),
    })
}

fn details(status: StatusCode, body: &str) -> Value {
    json!({
        "status": status.as_u16(),
        "statusText": status.canonical_reason().unwrap_or_default(),
        "body": body,
    })
}

/// `application/json`, or any type with the suffix `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    })
}
