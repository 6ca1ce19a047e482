//! A server outside that a session is connected to: where it is, and what every request to it carries.

use http::{
    header::{ACCEPT, CONTENT_TYPE},
    HeaderMap, HeaderName, HeaderValue, StatusCode,
};
use runtime::{
    call::CallError,
    http::{client, Request, Response},
    object::Context,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// The props of an export that speaks to a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    pub url: Url,
    /// Where requests go, if that is not said by what stands at `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Url>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// An answer with its whole body in hand.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Server {
    /// Sends a request with the server's own headers.
    ///
    /// # Errors
    /// A header is none; the server cannot be reached.
    pub async fn send(&self, context: &Context, request: Request) -> Result<Answer, CallError> {
        let mut request = request;
        for (name, value) in &self.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            let parsed = parsed.zip(HeaderValue::from_str(value).ok());
            let (name, value) =
                parsed.ok_or_else(|| failed(format!("{name:?} is no header to send")))?;
            request.headers.insert(name, value);
        }
        let url = request.url.clone();
        let lost = |error: &dyn std::fmt::Display| failed(format!("{url}: {error}"));
        let response = client::fetch(context, request).await;
        let Response {
            status,
            headers,
            mut body,
            ..
        } = response.map_err(|error| lost(&error))?;
        let text = body.text().await.map_err(|error| lost(&error))?;
        Ok(Answer {
            status,
            headers,
            text,
        })
    }
}

impl Answer {
    pub fn is_of(&self, content_type: &str) -> bool {
        let said = self.headers.get(CONTENT_TYPE);
        let said = said.and_then(|value| value.to_str().ok());
        said.is_some_and(|said| said.starts_with(content_type))
    }

    /// # Errors
    /// The server did not do what it was asked.
    pub fn successful(self, what: &str) -> Result<Self, CallError> {
        match self.status.is_success() {
            true => Ok(self),
            false => {
                let (status, text) = (self.status.as_u16(), self.text.trim());
                Err(failed(format!("{what} answered {status}: {text}")))
            }
        }
    }

    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value, CallError> {
        let parsed = serde_json::from_str(&self.text);
        parsed.map_err(|error| failed(format!("the answer is not JSON: {error}")))
    }
}

pub fn accepting(request: Request, content_types: &'static str) -> Request {
    request.header(ACCEPT, HeaderValue::from_static(content_types))
}

pub fn failed(message: impl Into<String>) -> CallError {
    CallError::remote("provider", message)
}
