//! The body of a message: nothing, bytes, or a stream. It can be read once.
//!
//! Reading takes it: from then on it [is used](Body::is_used), and a second reader gets
//! [`BodyError::Used`] instead of an empty body. Passing it on unread is [`Body::take`]. A message
//! without a body is never used up.

use bytes::Bytes;
use futures_util::{
    stream::{LocalBoxStream, Stream},
    StreamExt,
};
use hyper::body::{Frame, SizeHint};
use serde::{de::DeserializeOwned, Serialize};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The longest body that is read into memory, unless the reader says otherwise.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// The pieces of a body, as they arrive.
pub type BodyStream = LocalBoxStream<'static, Result<Bytes, BodyError>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body was read already")]
    Used,
    #[error("the body is longer than {max_bytes} bytes")]
    TooLong { max_bytes: usize },
    #[error("the body is not JSON of the expected shape: {0}")]
    NotJson(String),
    /// It ended before it was complete.
    #[error("the body was cut short: {0}")]
    CutShort(String),
}

#[derive(Default)]
pub struct Body(State);

#[derive(Default)]
enum State {
    #[default]
    Empty,
    Bytes(Bytes),
    Stream(BodyStream),
    Used,
}

impl Body {
    pub const EMPTY: Body = Body(State::Empty);

    pub fn json(value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("a body of ours serializes");
        Body::from(json)
    }

    pub fn stream(pieces: impl Stream<Item = Result<Bytes, BodyError>> + 'static) -> Self {
        Body(State::Stream(Box::pin(pieces)))
    }

    /// There is no body, and there was none.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, State::Empty)
    }

    pub fn is_used(&self) -> bool {
        matches!(self.0, State::Used)
    }

    /// Whether its length is known only when it was read.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, State::Stream(_))
    }

    /// The body, unread, for somebody else; this one is used from now on.
    ///
    /// # Errors
    /// It is used.
    pub fn take(&mut self) -> Result<Body, BodyError> {
        match self.0 {
            State::Used => Err(BodyError::Used),
            State::Empty => Ok(Body::EMPTY),
            _ => Ok(Body(std::mem::replace(&mut self.0, State::Used))),
        }
    }

    /// The same body once more; none if it is used, or a stream, of which there is only one.
    pub fn try_clone(&self) -> Option<Body> {
        match &self.0 {
            State::Empty => Some(Body::EMPTY),
            State::Bytes(bytes) => Some(Body::from(bytes.clone())),
            State::Stream(_) | State::Used => None,
        }
    }

    /// # Errors
    /// It is used, longer than [`BODY_BYTES_MAX`], or cut short.
    pub async fn bytes(&mut self) -> Result<Bytes, BodyError> {
        self.bytes_up_to(BODY_BYTES_MAX).await
    }

    /// # Errors
    /// It is used, longer than `max_bytes`, or cut short.
    pub async fn bytes_up_to(&mut self, max_bytes: usize) -> Result<Bytes, BodyError> {
        let within = |length: usize| match length <= max_bytes {
            true => Ok(()),
            false => Err(BodyError::TooLong { max_bytes }),
        };
        match self.take()?.0 {
            State::Bytes(bytes) => within(bytes.len()).map(|()| bytes),
            State::Stream(mut pieces) => {
                let mut whole = Vec::new();
                while let Some(piece) = pieces.next().await {
                    let piece = piece?;
                    within(whole.len() + piece.len())?;
                    whole.extend_from_slice(&piece);
                }
                Ok(whole.into())
            }
            State::Empty | State::Used => Ok(Bytes::new()),
        }
    }

    /// The body as text; what is not UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// See [`Body::bytes`].
    pub async fn text(&mut self) -> Result<String, BodyError> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// # Errors
    /// See [`Body::bytes`]; or it is not JSON of that shape.
    pub async fn parse<T: DeserializeOwned>(&mut self) -> Result<T, BodyError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| BodyError::NotJson(error.to_string()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body(State::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Empty => f.write_str("no body"),
            State::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            State::Stream(_) => f.write_str("a stream"),
            State::Used => f.write_str("a used body"),
        }
    }
}

/// How hyper sends it.
impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = match &mut self.0 {
            State::Empty => None,
            State::Used => Some(Err(BodyError::Used)),
            State::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = State::Empty;
                Some(Ok(bytes))
            }
            State::Stream(pieces) => match pieces.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    self.0 = State::Empty;
                    None
                }
                Poll::Ready(piece) => piece,
            },
        };
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            State::Empty => true,
            State::Bytes(bytes) => bytes.is_empty(),
            State::Stream(_) | State::Used => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Empty => SizeHint::with_exact(0),
            State::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            State::Stream(_) | State::Used => SizeHint::default(),
        }
    }
}
