//! One Web API call on one connection, with one deadline and no retry: a lost reply leaves the
//! outcome unknown, and what to do about it is the caller's to know (peers §4.2, P1).

use super::{
    error::SlackApiError,
    method::Method,
    settings::{BOT_TOKEN, CALL_DEADLINE_MS, HOST, REPLY_BYTES_MAX},
};
use http::{
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    HeaderValue, StatusCode,
};
use runtime::{
    http::{client, Redirect, Request, Response},
    object::Context,
};
use serde_json::{Map, Value};

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
        let response = client::fetch(&self.context, request(method)).await;
        read(response.map_err(SlackApiError::connection)?).await
    }
}

fn request(method: &Method) -> Request {
    let encoded = method.encode();
    let url = format!("https://{HOST}/api/{}", method.name());
    let url = url.parse().expect("a URL of constant parts is well-formed");
    let bearer = format!("Bearer {BOT_TOKEN}");
    let bearer = HeaderValue::try_from(bearer).expect("the token is ASCII");
    let request = Request::new(http::Method::POST, url)
        .header(CONTENT_TYPE, HeaderValue::from_static(encoded.content_type))
        .header(AUTHORIZATION, bearer)
        .body(encoded.body);
    Request {
        redirect: Redirect::Manual,
        ..request
    }
}

async fn read(mut response: Response) -> Result<Map<String, Value>, SlackApiError> {
    if response.status != StatusCode::OK {
        let retry_after = response.headers.get(RETRY_AFTER);
        return Err(SlackApiError::Http {
            status: response.status.as_u16(),
            retry_after_s: retry_after
                .and_then(|seconds| seconds.to_str().ok())
                .and_then(|seconds| seconds.parse().ok()),
        });
    }
    let body = response.body.bytes_up_to(REPLY_BYTES_MAX).await;
    let body = body.map_err(SlackApiError::connection)?;
    let reply: Map<String, Value> = serde_json::from_slice(&body)
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
