//! The opening handshake of a WebSocket (RFC 6455 §4.1), and the byte stream that it leaves.

use crate::{object::Context, platform::ByteStream};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
    HeaderMap, HeaderValue,
};
use hyper::client::conn::http1::Parts;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use std::{
    io,
    pin::Pin,
    task::{Context as Waker, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What RFC 6455 appends to a key before it is hashed.
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key of 16 random bytes.
pub(super) fn draw_key(context: &Context) -> HeaderValue {
    header_value(BASE64.encode(context.draw_id().as_bytes()))
}

pub(super) fn ask(headers: &mut HeaderMap, key: &HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key.clone());
}

/// Whether the answer to `key` is the right one.
pub(super) fn accepts(headers: &HeaderMap, key: &HeaderValue) -> bool {
    let hash = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(ACCEPT_SUFFIX)
        .finalize();
    let expected = header_value(BASE64.encode(&hash));
    headers.get(SEC_WEBSOCKET_ACCEPT) == Some(&expected)
}

fn header_value(base64: String) -> HeaderValue {
    HeaderValue::try_from(base64).expect("base64 is ASCII")
}

/// The byte stream behind the handshake: first what came along with the answer, then the rest.
pub(super) fn socket(parts: Parts<TokioIo<Box<dyn ByteStream>>>) -> Box<dyn ByteStream> {
    let stream = parts.io.into_inner();
    match parts.read_buf.is_empty() {
        true => stream,
        false => Box::new(Rewound {
            came_along: parts.read_buf,
            stream,
        }),
    }
}

struct Rewound {
    came_along: Bytes,
    stream: Box<dyn ByteStream>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Waker<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.came_along.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.came_along.len().min(buffer.remaining());
        buffer.put_slice(&self.came_along.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Waker<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
