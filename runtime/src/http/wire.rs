//! Messages with their whole body in hand: immutable, shared, and so fit to travel in a call
//! between objects as a [`Wire`] value.
//!
//! As JSON: headers are pairs in their order, each value a string of Latin-1 characters; the body
//! is `{text}` if it is UTF-8, else `{base64}`, and absent if there is none.

use super::{Body, BodyError, Redirect, Request, Response};
use crate::call::Wire;
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use url::Url;

/// Why a message cannot travel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("an upgraded connection does not fit into a message")]
    Socket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub redirect: Redirect,
}

impl WireRequest {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// See [`Body::bytes`].
    pub async fn read(request: Request) -> Result<Self, WireError> {
        Ok(WireRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: whole(request.body).await?,
            redirect: request.redirect,
        })
    }
}

impl From<WireRequest> for Request {
    fn from(request: WireRequest) -> Self {
        Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body.map(Body::from).unwrap_or_default(),
            redirect: request.redirect,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
}

impl WireResponse {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// See [`Body::bytes`]; or the response is an accepted upgrade.
    pub async fn read(response: Response) -> Result<Self, WireError> {
        if response.socket.is_some() {
            return Err(WireError::Socket);
        }
        Ok(WireResponse {
            status: response.status,
            headers: response.headers,
            body: whole(response.body).await?,
        })
    }
}

impl From<WireResponse> for Response {
    fn from(response: WireResponse) -> Self {
        Response {
            status: response.status,
            headers: response.headers,
            body: response.body.map(Body::from).unwrap_or_default(),
            socket: None,
        }
    }
}

async fn whole(mut body: Body) -> Result<Option<Bytes>, BodyError> {
    match body.is_empty() {
        true => Ok(None),
        false => body.bytes().await.map(Some),
    }
}

/// The JSON form of a request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestForm {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<BodyForm>,
    redirect: Redirect,
}

/// The JSON form of a response.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseForm {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<BodyForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BodyForm {
    Text(String),
    Base64(String),
}

impl Wire for WireRequest {
    fn to_json(&self) -> Value {
        written(RequestForm {
            method: self.method.to_string(),
            url: self.url.to_string(),
            headers: pairs(&self.headers),
            body: self.body.as_deref().map(BodyForm::of),
            redirect: self.redirect,
        })
    }
}

impl Wire for WireResponse {
    fn to_json(&self) -> Value {
        written(ResponseForm {
            status: self.status.as_u16(),
            headers: pairs(&self.headers),
            body: self.body.as_deref().map(BodyForm::of),
        })
    }
}

impl<'de> Deserialize<'de> for WireRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let form = RequestForm::deserialize(deserializer)?;
        Ok(WireRequest {
            method: form.method.parse().map_err(Error::custom)?,
            url: form.url.parse().map_err(Error::custom)?,
            headers: headers(&form.headers).map_err(Error::custom)?,
            body: form
                .body
                .map(BodyForm::bytes)
                .transpose()
                .map_err(Error::custom)?,
            redirect: form.redirect,
        })
    }
}

impl<'de> Deserialize<'de> for WireResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let form = ResponseForm::deserialize(deserializer)?;
        Ok(WireResponse {
            status: StatusCode::from_u16(form.status).map_err(Error::custom)?,
            headers: headers(&form.headers).map_err(Error::custom)?,
            body: form
                .body
                .map(BodyForm::bytes)
                .transpose()
                .map_err(Error::custom)?,
        })
    }
}

impl BodyForm {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => BodyForm::Text(text.to_owned()),
            Err(_) => BodyForm::Base64(BASE64.encode(bytes)),
        }
    }

    fn bytes(self) -> Result<Bytes, String> {
        match self {
            BodyForm::Text(text) => Ok(text.into()),
            BodyForm::Base64(text) => match BASE64.decode(text.as_bytes()) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(format!("the body is not base64: {error}")),
            },
        }
    }
}

fn written(form: impl Serialize) -> Value {
    serde_json::to_value(form).expect("strings and numbers serialize")
}

/// Names and values as text, in their order.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let latin = |value: &HeaderValue| {
        value
            .as_bytes()
            .iter()
            .map(|&byte| char::from(byte))
            .collect()
    };
    let pair = |(name, value): (&HeaderName, _)| (name.to_string(), latin(value));
    headers.iter().map(pair).collect()
}

/// # Errors
/// A name or value is none; the message names it.
pub(crate) fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
        let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        let value = value.ok_or_else(|| format!("no value for the header {name:?}"))?;
        let parsed = HeaderName::from_bytes(name.as_bytes());
        headers.append(
            parsed.map_err(|_| format!("no header name: {name:?}"))?,
            value,
        );
    }
    Ok(headers)
}
