//! What the services share as HTTP/1.1 servers: accepting, one task per connection, JSON replies,
//! and closing a connection in place of a reply.
//!
//! - [`body`]: a body that comes in pieces, and may be cut.
//! - [`events`]: server-sent events, in the forms in which they may arrive.

pub(super) mod body;
pub(super) mod events;

use crate::network::TcpStream;
use bytes::Bytes;
use hyper::{
    body::Incoming,
    header::{HeaderValue, AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
    HeaderMap, Request, Response, StatusCode,
};
use hyper_util::rt::TokioIo;
use madsim::net::TcpListener;
use std::{error::Error, future::Future, net::SocketAddr, sync::Arc};

pub(super) type Reply<Body = body::Body> = Response<Body>;

/// The connection is closed in place of a reply.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without a reply")]
pub(super) struct NoReply;

/// A service that replies with bodies of this kind.
pub(super) trait HttpService<Body = body::Body>: Send + Sync + 'static {
    /// The number of a connection that was just accepted.
    fn next_connection(&self) -> u64;

    fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Reply<Body>, NoReply>> + Send;
}

/// Binds `address` on the node of the current task and serves it for ever.
pub(super) async fn serve<Service, Body>(service: Arc<Service>, address: SocketAddr)
where
    Service: HttpService<Body>,
    Body:
        hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let listener = TcpListener::bind(address)
        .await
        .unwrap_or_else(|error| panic!("a service must be able to bind {address}: {error}"));
    // Accepting fails only when the node's network is gone, and then the service is too.
    while let Ok((stream, _)) = listener.accept().await {
        let connection = service.next_connection();
        madsim::task::spawn(serve_connection(service.clone(), connection, stream.into()));
    }
}

async fn serve_connection<Service, Body>(service: Arc<Service>, connection: u64, stream: TcpStream)
where
    Service: HttpService<Body>,
    Body:
        hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let answer = service_fn(move |request| service.clone().answer(connection, request));
    // A connection that breaks, or is closed in place of a reply, is an ordinary end. The date
    // header is left out: hyper would take it from the machine's clock.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
}

/// A reply with a body of one kind of text.
pub(super) fn json_reply<Body: From<Bytes>>(
    status: StatusCode,
    content_type: &'static str,
    body: String,
) -> Reply<Body> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .body(Bytes::from(body).into())
        .expect("a status and a static header make a reply")
}

/// The error page of somebody in between.
pub(super) fn html_reply(status: StatusCode) -> Reply<body::Body> {
    let reason = status.canonical_reason().unwrap_or_default();
    let page = format!("<html><body><h1>{reason}</h1></body></html>");
    json_reply(status, "text/html", page)
}

/// A value of digits, names and other plain signs.
pub(super) fn header_value(text: impl ToString) -> HeaderValue {
    HeaderValue::try_from(text.to_string()).expect("plain signs are a header value")
}

/// What a bearer shows, if anything.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(AUTHORIZATION)?.to_str().ok()?;
    shown.strip_prefix("Bearer ")
}

/// How often the client's library has sent this request before (spec/peers.md §1.1).
pub(super) fn retries(headers: &HeaderMap) -> u32 {
    let count = headers.get("x-stainless-retry-count");
    let count = count.and_then(|count| count.to_str().ok()?.parse().ok());
    count.unwrap_or(0)
}
