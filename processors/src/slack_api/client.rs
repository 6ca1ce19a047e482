//! One Web API call on one connection, with one deadline and no retry: a lost reply leaves the
//! outcome unknown, and what to do about it is the caller's to know (peers §4.2, P1).

use super::{
    error::SlackApiError,
    method::Method,
    settings::{BOT_TOKEN, CALL_DEADLINE_MS, HOST, PORT, REPLY_BYTES_MAX},
};
use bytes::Bytes;
use futures_util::future::{select, Either};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST as HOST_HEADER, RETRY_AFTER},
    Request, Response, StatusCode,
};
use hyper_util::rt::TokioIo;
use runtime::object::Context;
use serde_json::{Map, Value};
use std::pin::pin;

#[derive(Clone)]
pub struct WebClient {
    context: Context,
}

impl WebClient {
    pub fn new(context: Context) -> Self {
        WebClient { context }
    }

    /// Calls a method; the result is the reply's fields.
    ///
    /// # Errors
    /// See [`SlackApiError`]; most leave the outcome unknown.
    pub async fn call(&self, method: &Method) -> Result<Map<String, Value>, SlackApiError> {
        let deadline = self.context.sleep("slack deadline", CALL_DEADLINE_MS);
        tokio::select! {
            biased;
            reply = self.exchange(method) => reply,
            () = deadline => Err(SlackApiError::Deadline(CALL_DEADLINE_MS)),
        }
    }

    async fn exchange(&self, method: &Method) -> Result<Map<String, Value>, SlackApiError> {
        let stream = self.context.connect(HOST, PORT).await;
        let stream = TokioIo::new(stream.map_err(SlackApiError::connection)?);
        let (mut sender, connection) = http1::handshake(stream)
            .await
            .map_err(SlackApiError::connection)?;
        let exchange = async move {
            let response = sender.send_request(request(method)).await;
            read(response.map_err(SlackApiError::connection)?).await
        };
        // The connection is driven beside the exchange, so that it ends with the call.
        match select(pin!(exchange), pin!(connection)).await {
            Either::Left((reply, _)) => reply,
            Either::Right((_, exchange)) => exchange.await,
        }
    }
}

fn request(method: &Method) -> Request<Full<Bytes>> {
    let encoded = method.encode();
    Request::post(format!("/api/{}", method.name()))
        .header(HOST_HEADER, HOST)
        .header(CONTENT_TYPE, encoded.content_type)
        .header(AUTHORIZATION, format!("Bearer {BOT_TOKEN}"))
        .header(CONNECTION, "close")
        .body(Full::from(encoded.body))
        .expect("a request of constant parts is well-formed")
}

async fn read(response: Response<Incoming>) -> Result<Map<String, Value>, SlackApiError> {
    if response.status() != StatusCode::OK {
        let retry_after = response.headers().get(RETRY_AFTER);
        return Err(SlackApiError::Http {
            status: response.status().as_u16(),
            retry_after_s: retry_after
                .and_then(|seconds| seconds.to_str().ok())
                .and_then(|seconds| seconds.parse().ok()),
        });
    }
    let body = Limited::new(response.into_body(), REPLY_BYTES_MAX);
    let body = body.collect().await.map_err(SlackApiError::connection)?;
    let reply: Map<String, Value> = serde_json::from_slice(&body.to_bytes())
        .map_err(|error| SlackApiError::Unreadable(error.to_string()))?;
    match reply.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(reply),
        Some(false) => {
            let error = reply.get("error").and_then(Value::as_str);
            Err(SlackApiError::Refused {
                error: error.unwrap_or("unknown_error").to_owned(),
            })
        }
        None => Err(SlackApiError::Unreadable("no `ok` in the reply".to_owned())),
    }
}
