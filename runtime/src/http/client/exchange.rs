//! One request and its answer, on a connection of their own.
//!
//! Nothing runs beside the caller: whoever polls for the answer, or for a piece of its body, drives
//! the connection.

use super::{upgrade, HttpError};
use crate::{
    http::{Body, BodyError, Request, Response},
    object::Context,
    platform::ByteStream,
};
use bytes::Bytes;
use futures_util::{future::poll_fn, stream::Stream};
use http::{
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    HeaderMap, HeaderValue, Method, StatusCode,
};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use std::{
    future::Future,
    pin::{pin, Pin},
    task::{ready, Poll},
};
use url::{Position, Url};

type Connection = http1::Connection<TokioIo<Box<dyn ByteStream>>, Body>;

/// # Errors
/// See [`HttpError`].
pub(super) async fn exchange(
    context: &Context,
    mut request: Request,
) -> Result<Response, HttpError> {
    let (host, port) = address(&request.url)?;
    let body = request.body.take()?;
    let key = request.is_upgrade().then(|| upgrade::draw_key(context));
    let head = head(&request, &body, key.as_ref())?;
    let stream = context.connect(&host, port).await;
    let stream = stream.map_err(|error| HttpError::Unreachable { host, port, error })?;
    let (mut sender, mut connection) = http1::handshake(TokioIo::new(stream)).await?;

    let mut ended = false;
    let mut answer = pin!(sender.send_request(head.map(|()| body)));
    let answer = poll_fn(|cx| loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        if ended {
            return Poll::Pending;
        }
        // How it ended is told by the answer.
        let _ = ready!(connection.poll_without_shutdown(cx));
        ended = true;
    });
    let (head, body) = answer.await?.into_parts();
    let mut response = Response::new(head.status);
    response.headers = head.headers;
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !key.is_some_and(|key| upgrade::accepts(&response.headers, &key)) {
            return Err(HttpError::BadUpgrade);
        }
        if !ended {
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await?;
        }
        response.socket = Some(upgrade::socket(connection.into_parts()));
    } else if !body.is_end_stream() {
        response.body = Body::stream(Arriving {
            body,
            connection: (!ended).then_some(connection),
            _sender: sender,
        });
    }
    Ok(response)
}

/// # Errors
/// It is not an address that speaks HTTP.
fn address(url: &Url) -> Result<(String, u16), HttpError> {
    let is_http = matches!(url.scheme(), "http" | "https");
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) if is_http => Ok((host.to_owned(), port)),
        _ => Err(HttpError::NotHttp(url.to_string())),
    }
}

/// The head as it is sent: what belongs to the connection is ours to say, the rest is the caller's.
///
/// # Errors
/// The URL is too long for a request line.
fn head(
    request: &Request,
    body: &Body,
    key: Option<&HeaderValue>,
) -> Result<http::Request<()>, HttpError> {
    let url = &request.url;
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let mut headers = HeaderMap::new();
    let value = |text| HeaderValue::from_str(text).expect("a URL's parts are ASCII");
    headers.insert(HOST, value(authority));
    for (name, value) in &request.headers {
        if ![HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            headers.append(name, value.clone());
        }
    }
    match key {
        Some(key) => upgrade::ask(&mut headers, key),
        None => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    if body.is_empty() && matches!(request.method, Method::POST | Method::PUT) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut head = http::Request::new(());
    *head.method_mut() = request.method.clone();
    let uri = target.parse();
    *head.uri_mut() = uri.map_err(|_| HttpError::NotHttp(url.to_string()))?;
    *head.headers_mut() = headers;
    Ok(head)
}

/// A body on its way in.
struct Arriving {
    body: Incoming,
    /// Absent when it has ended, and all that came is in `body`.
    connection: Option<Connection>,
    /// The connection closes when nobody can send on it.
    _sender: http1::SendRequest<Body>,
}

impl Stream for Arriving {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(BodyError::CutShort(error.to_string()))))
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                    Err(_trailers) => continue,
                },
                Poll::Pending => {}
            }
            let Some(connection) = &mut self.connection else {
                return Poll::Pending;
            };
            // How it ended is told by the body.
            let _ = ready!(Pin::new(connection).poll(cx));
            self.connection = None;
        }
    }
}
