//! A TCP stream over madsim's, fit for hyper and tungstenite (design §7, "Measured").
//!
//! madsim makes a packet of every flush, also of an empty one, and each packet takes a
//! millisecond to arrive; hyper flushes whenever it has been polled. So a flush is passed on only
//! after a write, and what is written between two flushes arrives together.
//!
//! There is no half-close: `poll_shutdown` does nothing, and a stream is closed by dropping it.
//! The other side then reads the end of the stream, after everything that was flushed; a write to
//! a stream whose other side is gone fails with `ConnectionReset`.

use madsim::net;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub struct TcpStream {
    inner: net::TcpStream,
    written: bool,
    piece_bytes: Option<usize>,
}

impl TcpStream {
    /// Connects from the node of the current task.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(net::TcpStream::connect(address).await?.into())
    }

    /// Cuts what is written into packets of at most `piece_bytes`, so that the other side meets
    /// every boundary. At one byte, this is the hardest reading test that there is.
    pub fn in_pieces(mut self, piece_bytes: usize) -> Self {
        assert!(piece_bytes > 0, "a piece has at least one byte");
        self.piece_bytes = Some(piece_bytes);
        self
    }
}

impl From<net::TcpStream> for TcpStream {
    fn from(inner: net::TcpStream) -> Self {
        TcpStream {
            inner,
            written: false,
            piece_bytes: None,
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(piece_bytes) = self.piece_bytes else {
            self.written = true;
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        };
        // madsim takes any amount at once, so neither call below is ever pending.
        for piece in bytes.chunks(piece_bytes) {
            if let Poll::Ready(Err(error)) = Pin::new(&mut self.inner).poll_write(cx, piece) {
                return Poll::Ready(Err(error));
            }
            if let Poll::Ready(Err(error)) = Pin::new(&mut self.inner).poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.written {
            return Poll::Ready(Ok(()));
        }
        self.written = false;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
