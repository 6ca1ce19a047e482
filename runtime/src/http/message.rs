//! A request and a response, between whoever asks and whoever answers.
//!
//! A request with an `upgrade` header asks for a WebSocket; a response of status 101 then has the
//! raw byte stream, on which the two sides go on.

use super::Body;
use crate::platform::ByteStream;
use http::{
    header::{CONTENT_TYPE, UPGRADE},
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// What is done about an answer that points elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redirect {
    #[default]
    Follow,
    /// It is an answer like any other.
    Manual,
}

#[derive(Debug)]
pub struct Request {
    pub method: Method,
    /// Absolute.
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Body,
    pub redirect: Redirect,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::EMPTY,
            redirect: Redirect::Follow,
        }
    }

    pub fn get(url: Url) -> Self {
        Request::new(Method::GET, url)
    }

    /// Asks for a WebSocket. The client adds the rest of the handshake.
    pub fn websocket(url: Url) -> Self {
        Request::get(url).header(UPGRADE, HeaderValue::from_static("websocket"))
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body, and its content type.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.headers.insert(CONTENT_TYPE, APPLICATION_JSON);
        self.body(Body::json(value))
    }

    pub fn is_upgrade(&self) -> bool {
        self.headers
            .get(UPGRADE)
            .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
    }
}

pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
    /// The upgraded byte stream, with status 101.
    pub socket: Option<Box<dyn ByteStream>>,
}

impl Response {
    pub fn new(status: StatusCode) -> Self {
        Response {
            status,
            headers: HeaderMap::new(),
            body: Body::EMPTY,
            socket: None,
        }
    }

    /// An accepted upgrade.
    pub fn switching(socket: Box<dyn ByteStream>) -> Self {
        Response {
            socket: Some(socket),
            ..Response::new(StatusCode::SWITCHING_PROTOCOLS)
        }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body, and its content type.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.headers.insert(CONTENT_TYPE, APPLICATION_JSON);
        self.body(Body::json(value))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .field("socket", &self.socket.is_some())
            .finish()
    }
}

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
