//! A TCP stream with a fate: it may be read and written in small pieces, be reset in the middle of
//! what it carries, or fall silent in one direction without a word to anybody.
//!
//! The fate is drawn once, when the connection is made, and strikes at the platform's end. A silent
//! connection stays so until the network heals; then it is reset, as everything was lost on it.
//! Nothing here is pending: who waits for bytes that never come must have a time-out of their own.

use super::{Healing, TcpStream};
use crate::{
    choice::{Choices, Subject},
    faults,
};
use futures_util::future::BoxFuture;
use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of one read of a connection with a fate.
const PIECE_BYTES_MAX: usize = 1024;

/// What will happen to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// The most bytes of one read or write.
    pub piece_bytes: Option<u64>,
    /// Reset after so many bytes, of both directions.
    pub reset_bytes: Option<u64>,
    pub silence: Option<Silence>,
}

/// Nothing gets through in one direction, after so many bytes in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub way: Way,
    pub after_bytes: u64,
}

/// As the platform's end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    There,
    Back,
}

impl Fate {
    pub fn draw(choices: &Choices, subject: &Subject) -> Self {
        let some = |bytes: u64| (bytes > 0).then_some(bytes);
        Fate {
            piece_bytes: some(choices.bytes(&faults::TCP_SHORT, subject)),
            reset_bytes: some(choices.bytes(&faults::TCP_RESET, subject)),
            silence: choices
                .variant(&faults::TCP_HALF_OPEN, subject)
                .map(Silence::parse),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = self.piece_bytes.map(|bytes| format!("pieces of {bytes}"));
        let reset = self.reset_bytes.map(|bytes| format!("reset after {bytes}"));
        let silence = self.silence.map(|silence| match silence.way {
            Way::There => format!("silent there after {}", silence.after_bytes),
            Way::Back => format!("silent back after {}", silence.after_bytes),
        });
        let parts: Vec<String> = [pieces, reset, silence].into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

impl Silence {
    /// A variant of `tcp.half-open`.
    fn parse(variant: &str) -> Self {
        let mut words = variant.split(' ');
        Silence {
            way: match words.next() {
                Some("there") => Way::There,
                Some("back") => Way::Back,
                _ => panic!("{variant:?} begins with no direction"),
            },
            after_bytes: words
                .next()
                .and_then(|bytes| bytes.parse().ok())
                .unwrap_or_else(|| panic!("{variant:?} has no number of bytes")),
        }
    }
}

pub struct Disturbed {
    /// Absent when it was reset.
    stream: Option<TcpStream>,
    fate: Fate,
    written: u64,
    read: u64,
    healing: Arc<Healing>,
    healed: Option<BoxFuture<'static, ()>>,
    /// Who waits for bytes, to be told of a reset.
    reader: Option<Waker>,
}

impl Disturbed {
    pub fn new(stream: TcpStream, fate: Fate, healing: Arc<Healing>) -> Self {
        Disturbed {
            stream: Some(stream),
            fate,
            written: 0,
            read: 0,
            healing,
            healed: None,
            reader: None,
        }
    }

    /// Whether nothing gets through that way any more.
    fn is_silent(&self, way: Way) -> bool {
        let passed = match way {
            Way::There => self.written,
            Way::Back => self.read,
        };
        let silence = self.fate.silence;
        silence.is_some_and(|silence| silence.way == way && passed >= silence.after_bytes)
    }

    /// How many bytes may pass that way before something happens.
    fn limit(&self, way: Way) -> usize {
        let passed = match way {
            Way::There => self.written,
            Way::Back => self.read,
        };
        let until_reset = self.fate.reset_bytes;
        let until_silence = self.fate.silence.filter(|silence| silence.way == way);
        let limits = [
            self.fate.piece_bytes,
            until_reset.map(|bytes| bytes - self.written - self.read),
            until_silence.map(|silence| silence.after_bytes.saturating_sub(passed)),
        ];
        let least = limits.into_iter().flatten().min();
        least.map_or(usize::MAX, |bytes| bytes as usize)
    }

    /// Counts bytes that passed; the last one before a reset closes both sides.
    fn count(&mut self, way: Way, bytes: usize) {
        match way {
            Way::There => self.written += bytes as u64,
            Way::Back => self.read += bytes as u64,
        }
        let is_reset = self.fate.reset_bytes == Some(self.written + self.read);
        if is_reset {
            self.stream = None;
        }
        if is_reset || self.is_silent_either_way() {
            // The reader has something else to wait for now.
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }

    /// Healing resets a connection that is silent.
    fn poll_healed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let healed = self.healed.get_or_insert_with(|| {
            let healing = self.healing.clone();
            Box::pin(async move { healing.healed().await })
        });
        healed.as_mut().poll(cx)
    }

    fn is_silent_either_way(&self) -> bool {
        self.is_silent(Way::There) || self.is_silent(Way::Back)
    }

    fn resets_now(&self) -> bool {
        self.is_silent_either_way() && self.healing.is_healed()
    }
}

fn was_reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset")
}

impl AsyncRead for Disturbed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.fate == Fate::default() {
            let stream = this.stream.as_mut().expect("nothing resets it");
            return Pin::new(stream).poll_read(cx, buffer);
        }
        if this.resets_now() {
            this.stream = None;
        }
        let mut piece = [0; PIECE_BYTES_MAX];
        let limit = this.limit(Way::Back);
        let limit = limit.min(buffer.remaining()).min(piece.len());
        let is_silent = this.is_silent(Way::Back);
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(Err(was_reset()));
        };
        if !is_silent {
            let mut part = ReadBuf::new(&mut piece[..limit]);
            if let Poll::Ready(outcome) = Pin::new(stream).poll_read(cx, &mut part) {
                buffer.put_slice(part.filled());
                this.count(Way::Back, part.filled().len());
                return Poll::Ready(outcome);
            }
        }
        this.reader = Some(cx.waker().clone());
        if this.is_silent_either_way() && this.poll_healed(cx).is_ready() {
            this.stream = None;
            return Poll::Ready(Err(was_reset()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Disturbed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.fate == Fate::default() {
            let stream = this.stream.as_mut().expect("nothing resets it");
            return Pin::new(stream).poll_write(cx, bytes);
        }
        if this.resets_now() {
            this.stream = None;
        }
        let limit = bytes.len().min(this.limit(Way::There));
        let is_silent = this.is_silent(Way::There);
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(Err(was_reset()));
        };
        if is_silent {
            return Poll::Ready(Ok(bytes.len()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // Neither of the two is ever pending. Each piece is a packet, so that the other side meets
        // every boundary too.
        let mut written = Pin::new(&mut *stream).poll_write(cx, &bytes[..limit]);
        if let Poll::Ready(Err(error)) = Pin::new(stream).poll_flush(cx) {
            written = Poll::Ready(Err(error));
        }
        match written {
            Poll::Ready(Ok(length)) => {
                this.count(Way::There, length);
                Poll::Ready(Ok(length))
            }
            // That the other side has gone would have to come from there.
            Poll::Ready(Err(_)) if this.is_silent(Way::Back) => Poll::Ready(Ok(limit)),
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate != Fate::default() {
            // Every write was flushed.
            return match self.stream {
                Some(_) => Poll::Ready(Ok(())),
                None => Poll::Ready(Err(was_reset())),
            };
        }
        let stream = self.stream.as_mut().expect("nothing resets it");
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        if self.is_silent(Way::There) {
            // Nor does the end of the connection get there.
            if let Some(stream) = self.stream.take() {
                self.healing.keep_untold(stream);
            }
        }
    }
}
