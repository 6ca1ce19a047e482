//! Byte streams between an incarnation and an outside service: bytes wait for the output gate, and
//! a crash point stands before each request and after each answer.

use crate::{choice::Site, faults, network::Disturbed, waits::Waiting};
use futures_util::future::LocalBoxFuture;
use runtime::platform::{ByteStream, WriteId};
use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{ready, Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The part of an incarnation that outside bytes depend on.
pub(super) trait OutputGate {
    fn newest_write(&self) -> WriteId;
    fn is_durable(&self, write: WriteId) -> bool;
    fn durable(&self, write: WriteId) -> LocalBoxFuture<'static, ()>;
    fn is_alive(&self) -> bool;
    /// It is the one that lives under its name: bytes may leave it.
    fn is_present(&self) -> bool;
    /// Whether the incarnation is dead, or dies here.
    fn dies_at(&self, site: &'static Site) -> bool;
    /// The work that runs now waits for bytes of the peer.
    fn waits_for_bytes(&self, peer: &Arc<str>) -> Option<Waiting>;
}

/// `peer` is who is on the other side, for reports.
pub(super) fn gated(
    stream: Disturbed,
    peer: Arc<str>,
    gate: Rc<dyn OutputGate>,
) -> Box<dyn ByteStream> {
    Box::new(Gated {
        stream,
        peer,
        reading: None,
        gate,
        waiting: None,
        direction: Direction::Reading,
    })
}

struct Gated {
    stream: Disturbed,
    peer: Arc<str>,
    /// Somebody waits for bytes.
    reading: Option<Waiting>,
    gate: Rc<dyn OutputGate>,
    waiting: Option<LocalBoxFuture<'static, ()>>,
    direction: Direction,
}

/// The last thing that happened: a write after a read begins a request, a read after a write ends it.
#[derive(PartialEq, Eq)]
enum Direction {
    Reading,
    Writing,
}

impl AsyncWrite for Gated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !this.gate.is_present() {
            return Poll::Pending;
        }
        if this.waiting.is_none() {
            let newest = this.gate.newest_write();
            if !this.gate.is_durable(newest) {
                this.waiting = Some(this.gate.durable(newest));
            }
        }
        if let Some(waiting) = &mut this.waiting {
            ready!(waiting.as_mut().poll(cx));
            this.waiting = None;
        }
        if this.direction == Direction::Reading {
            if this.gate.dies_at(&faults::CRASH_BEFORE_REQUEST) {
                return Poll::Pending;
            }
            this.direction = Direction::Writing;
        }
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gate.is_present() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.gate.is_alive() {
            return Poll::Pending;
        }
        let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buffer) else {
            if this.reading.is_none() {
                this.reading = this.gate.waits_for_bytes(&this.peer);
            }
            return Poll::Pending;
        };
        this.reading = None;
        read?;
        if this.direction == Direction::Writing {
            if this.gate.dies_at(&faults::CRASH_AFTER_REQUEST) {
                return Poll::Pending;
            }
            this.direction = Direction::Reading;
        }
        Poll::Ready(Ok(()))
    }
}
