//! A body that comes in pieces while its service works on it, and may be cut: the connection is then
//! closed before the body has ended. Madsim's streams know one way to be closed, so an end without a
//! last chunk and a reset are the same here.

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{ready, Context, Poll},
};
use tokio::sync::mpsc;

/// What a service replies with.
pub enum Body {
    /// Absent when it was sent.
    Whole(Option<Bytes>),
    Pieces {
        pieces: mpsc::UnboundedReceiver<Piece>,
        /// The next piece cuts the body, and what came before it has left.
        is_flushed: bool,
    },
}

pub enum Piece {
    Bytes(Bytes),
    /// Nothing more, and not the end.
    Cut,
}

/// The connection is closed before the body has ended.
#[derive(Debug, thiserror::Error)]
#[error("the body is cut")]
pub struct Cut;

/// Nobody reads the body any more.
#[derive(Debug)]
pub struct ReaderLeft;

/// What comes after the first half of a body that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The connection is closed.
    Closed,
    /// Nothing, on a connection that stays open.
    Stalled,
}

/// Where a service puts the pieces; dropping it ends the body properly.
pub struct Writer(mpsc::UnboundedSender<Piece>);

pub fn pieces() -> (Writer, Body) {
    let (writer, pieces) = mpsc::unbounded_channel();
    let body = Body::Pieces {
        pieces,
        is_flushed: false,
    };
    (Writer(writer), body)
}

/// The first half of a body. Its length is to be told beside it: the client waits for all of it.
pub fn half(bytes: &Bytes, rest: Rest) -> Body {
    let (writer, body) = pieces();
    // Nobody can have left it so early.
    let _ = writer.write(bytes.slice(..bytes.len() / 2));
    match rest {
        Rest::Closed => writer.cut(),
        Rest::Stalled => {
            madsim::task::spawn(async move { writer.reader_left().await });
        }
    }
    body
}

impl Writer {
    pub fn write(&self, bytes: Bytes) -> Result<(), ReaderLeft> {
        self.0.send(Piece::Bytes(bytes)).map_err(|_| ReaderLeft)
    }

    pub fn cut(&self) {
        // Whoever left needs no cut.
        let _ = self.0.send(Piece::Cut);
    }

    /// Completes when nobody reads the body any more.
    pub async fn reader_left(&self) {
        self.0.closed().await;
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut *self {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Pieces { is_flushed, .. } if *is_flushed => Poll::Ready(Some(Err(Cut))),
            Body::Pieces { pieces, is_flushed } => match ready!(pieces.poll_recv(cx)) {
                None => Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Piece::Cut) => {
                    // An error would throw away what hyper has not flushed: it flushes while it waits.
                    *is_flushed = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Body::Pieces { .. } => SizeHint::default(),
        }
    }
}
