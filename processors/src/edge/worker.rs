//! One HTTP/1.1 connection of the edge worker.
//!
//! A 200 for a webhook means that it stands durably in the integration's stream. Whatever goes wrong
//! on the way there, the answer is 503, and comes early enough for Slack to take it: Slack delivers
//! again, and a webhook is kept once, however often it comes (peers §4.7).

use super::{
    delivery::{parse, Delivery},
    settings::{ANSWER_DEADLINE_MS, BODY_BYTES_MAX, PROJECT, SIGNING_SECRET},
    signature::{self, SIGNATURE_HEADER, TIMESTAMP_HEADER},
};
use crate::slack;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    body::Incoming,
    header::{HeaderMap, ALLOW, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
    Method, Request, Response, StatusCode,
};
use hyper_util::rt::TokioIo;
use runtime::{
    call::{Arguments, CallError},
    object::Context,
    platform::{ByteStream, NoteKind},
    quirk::Quirk,
};
use serde_json::{json, Map, Value};
use std::{convert::Infallible, future::Future};

/// The one address that Slack is given.
pub const EVENTS_PATH: &str = "/slack/events";

type Answer = Response<Full<Bytes>>;

/// Serves a connection until the other side closes it.
pub async fn serve_connection(context: Context, stream: Box<dyn ByteStream>) {
    let service = service_fn(|request| {
        let context = context.clone();
        async move { Ok::<Answer, Infallible>(answer_in_time(context, request).await) }
    });
    // Without a date header: it would be of a clock that is not the platform's.
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        context.note(NoteKind::Failure, format_args!("edge connection: {error}"));
    }
}

async fn answer_in_time(context: Context, request: Request<Incoming>) -> Answer {
    let deadline = context.sleep("edge deadline", ANSWER_DEADLINE_MS);
    tokio::select! {
        biased;
        answer = answer(&context, request) => answer,
        () = deadline => {
            context.note(NoteKind::Failure, "webhook not kept in time");
            status(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn answer(context: &Context, request: Request<Incoming>) -> Answer {
    if request.uri().path() != EVENTS_PATH {
        return status(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::POST {
        let mut answer = status(StatusCode::METHOD_NOT_ALLOWED);
        answer
            .headers_mut()
            .insert(ALLOW, hyper::header::HeaderValue::from_static("POST"));
        return answer;
    }
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Err(_) => return status(StatusCode::BAD_REQUEST),
    };
    if let Err(error) = verify(context, &head.headers, &body) {
        context.note(NoteKind::Failure, format_args!("webhook refused: {error}"));
        return status(StatusCode::UNAUTHORIZED);
    }
    let content_type = header(&head.headers, CONTENT_TYPE.as_str());
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    match parse(&body, is_form) {
        Err(_) => status(StatusCode::BAD_REQUEST),
        Ok(Delivery::UrlVerification { challenge }) => verified(challenge),
        Ok(Delivery::RateLimited) => status(StatusCode::OK),
        Ok(Delivery::Webhook { body, event_id }) if context.quirk(Quirk::B02) => {
            // Nobody delivers again what was answered, whatever becomes of it.
            let kept = keep(context, body, event_id).map(drop);
            context.wait_until("keep a webhook", kept);
            status(StatusCode::OK)
        }
        Ok(Delivery::Webhook { body, event_id }) => match keep(context, body, event_id).await {
            Ok(()) => status(StatusCode::OK),
            Err(error) => {
                context.note(NoteKind::Failure, format_args!("webhook not kept: {error}"));
                status(StatusCode::SERVICE_UNAVAILABLE)
            }
        },
    }
}

fn verify(
    context: &Context,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), signature::SignatureError> {
    let timestamp = header(headers, TIMESTAMP_HEADER);
    let signature = header(headers, SIGNATURE_HEADER);
    signature::verify(SIGNING_SECRET, context.now(), timestamp, signature, body)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Completes when the integration has the webhook durably.
fn keep(
    context: &Context,
    body: Map<String, Value>,
    event_id: String,
) -> impl Future<Output = Result<(), CallError>> + 'static {
    let name = format!("{PROJECT}:{}", slack::object::STREAM_PATH);
    let arguments = Arguments::new()
        .json("body", body)
        .json("eventId", event_id);
    let integration = context.object(slack::object::BINDING, name);
    let received = integration.call(slack::object::RECEIVE_WEBHOOK, arguments);
    received.map(|outcome| outcome.map(drop))
}

fn verified(challenge: Value) -> Answer {
    let body = json!({ "challenge": challenge }).to_string();
    Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .expect("an answer of constant parts is well-formed")
}

fn status(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}
