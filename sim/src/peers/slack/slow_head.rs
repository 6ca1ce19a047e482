//! A connection whose first bytes come late: half of what is written first, and the rest after a while.
//! As the head of a request is what is written first, it is the head that is slow.

use crate::{activity::Activity, network::TcpStream};
use futures_util::future::BoxFuture;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{ready, Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct SlowHead {
    stream: TcpStream,
    state: State,
}

enum State {
    /// Nothing was written yet; the rest will wait for this.
    Untouched(BoxFuture<'static, ()>),
    Waiting(BoxFuture<'static, ()>),
    Through,
}

impl SlowHead {
    /// With 0 ms it is like any other connection.
    pub fn new(stream: TcpStream, slow_ms: u64, activity: &Arc<Activity>) -> Self {
        let activity = activity.clone();
        let state = match slow_ms {
            0 => State::Through,
            slow_ms => State::Untouched(Box::pin(async move { activity.sleep(slow_ms).await })),
        };
        SlowHead { stream, state }
    }
}

impl AsyncWrite for SlowHead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match std::mem::replace(&mut this.state, State::Through) {
            State::Untouched(wait) if bytes.len() > 1 => {
                this.state = State::Waiting(wait);
                Pin::new(&mut this.stream).poll_write(cx, &bytes[..bytes.len() / 2])
            }
            State::Waiting(mut wait) => {
                // What was written must be under way before the wait counts.
                let flushed = Pin::new(&mut this.stream).poll_flush(cx);
                if flushed.is_pending() || wait.as_mut().poll(cx).is_pending() {
                    this.state = State::Waiting(wait);
                    return Poll::Pending;
                }
                Pin::new(&mut this.stream).poll_write(cx, bytes)
            }
            state => {
                this.state = state;
                Pin::new(&mut this.stream).poll_write(cx, bytes)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for SlowHead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        Poll::Ready(Ok(()))
    }
}
