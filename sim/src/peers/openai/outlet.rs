//! Where the events of a response go: to a lane of a WebSocket, into a stream, to somebody who waits
//! for all of it, or into the memory of the service, to be fetched later. Whoever makes a response knows
//! of no other difference between these.

use super::{event::type_of, recording::Recording, OpenAi, OpenAiFact};
use crate::peers::http::{body::ReaderLeft, events::EventStream};
use std::{future::pending, pin::pin, sync::Arc};
use tokio::sync::{mpsc, oneshot};

pub(super) struct Outlet {
    pub service: Arc<OpenAi>,
    pub connection: u64,
    pub way: Way,
}

pub(super) enum Way {
    Socket {
        frames: mpsc::UnboundedSender<Sent>,
        /// A named lane; none is the default one.
        lane: Option<Arc<str>>,
    },
    Stream(EventStream),
    /// The other end is dropped when nobody waits any more.
    Whole(oneshot::Sender<()>),
    Background(Arc<Recording>),
}

/// What is sent on a WebSocket.
pub(super) enum Sent {
    /// An event, as JSON.
    Event(String),
    /// A variant of `peer.openai.odd-frame` that is no event.
    Odd(&'static str),
}

/// Why a response does not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The client has left, or has cancelled the response.
    NobodyWaits,
    /// Its connection stays open, and stuck.
    Stuck,
    /// Its connection ends as this variant of `peer.openai.drop` says, or is reset.
    Dropped(&'static str),
    /// Its WebSocket has reached its limit, and is closed with this code.
    LimitReached(u16),
    /// Its stream ends as if all were well.
    Ended,
}

impl From<ReaderLeft> for Over {
    fn from(_: ReaderLeft) -> Self {
        Over::NobodyWaits
    }
}

impl Outlet {
    pub fn lane(&self) -> Option<&str> {
        match &self.way {
            Way::Socket { lane, .. } => lane.as_deref(),
            _ => None,
        }
    }

    /// Events that are sent in one instant travel together.
    pub fn send(&mut self, json: String) -> Result<(), Over> {
        match &mut self.way {
            Way::Socket { frames, .. } => {
                let sent = frames.send(Sent::Event(json));
                sent.map_err(|_| Over::NobodyWaits)
            }
            Way::Stream(stream) => Ok(stream.send(type_of(&json), &json)?),
            Way::Whole(_) => Ok(()),
            Way::Background(recording) => {
                recording.add(json);
                Ok(())
            }
        }
    }

    /// Waits in simulated time, but not longer than somebody waits for the response. Zero is no wait
    /// at all.
    pub async fn pause(&mut self, duration_ms: u64) -> Result<(), Over> {
        if duration_ms == 0 {
            return Ok(());
        }
        if let Way::Stream(stream) = &mut self.way {
            stream.flush()?;
        }
        let pause = pin!(self.service.ports.activity.sleep(duration_ms));
        tokio::select! {
            biased;
            () = nobody_waits(&mut self.way, self.service.config.finishes_unread) => {
                Err(Over::NobodyWaits)
            }
            () = pause => Ok(()),
        }
    }

    /// Keeps the connection open until the client leaves it.
    pub async fn hold(&mut self) {
        nobody_waits(&mut self.way, false).await;
    }

    pub fn record(&self, what: OpenAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

async fn nobody_waits(way: &mut Way, finishes_unread: bool) {
    match way {
        // The connection itself drops what it does not need any more.
        Way::Socket { .. } => pending().await,
        Way::Stream(stream) => stream.reader_left().await,
        Way::Whole(_) if finishes_unread => pending().await,
        Way::Whole(waiting) => waiting.closed().await,
        Way::Background(recording) => recording.cancelled().await,
    }
}
