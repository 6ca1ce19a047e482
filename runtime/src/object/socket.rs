//! A byte stream between two objects, over calls: each end exports what the other writes to. Each
//! piece waits until the one before it was taken, so a slow reader slows the writer down.
//!
//! No call waits for bytes to come: at rest, nothing is under way. When either object ends, or a
//! piece is lost, both read the end of the stream.

use super::{unknown_method, Context};
use crate::{
    call::{Argument, Arguments, CallError, Capability, Wire},
    platform::{ByteStream, Target},
};
use bytes::Bytes;
use data_encoding::BASE64;
use serde::{de::Error, Deserialize, Deserializer};
use serde_json::Value;
use std::{cell::OnceCell, io, rc::Rc, sync::Arc};
use tokio::{
    io::{split, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::Mutex,
};

/// The longest piece that one call carries.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// How often the peer is told of the end, and how long to wait in between.
const TELL_ATTEMPTS_MAX: u32 = 10;
const TELL_RETRY_MS: u64 = 1_000;

const WRITE: &str = "write";
const CLOSE: &str = "close";
const PIECE: &str = "piece";

/// Bytes on their way, as JSON in base64.
struct Piece(Bytes);

impl Wire for Piece {
    fn to_json(&self) -> Value {
        BASE64.encode(&self.0).into()
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Ok(Piece(bytes.into()))
    }
}

type Stream = Box<dyn ByteStream>;

/// What the peer writes to; none when it was let go.
type Writing = Rc<Mutex<Option<WriteHalf<Stream>>>>;

/// This object's end, which takes what the peer writes, and does not know the peer yet.
pub(super) struct Receiving {
    /// For the peer.
    pub capability: Capability,
    reading: ReadHalf<Stream>,
    writing: Writing,
}

/// A stream for the product, and the end behind it.
pub(super) fn pair(context: &Context) -> (Stream, Receiving) {
    let (near, far) = tokio::io::duplex(PIECE_BYTES_MAX);
    (Box::new(near), receive(context, Box::new(far)))
}

/// Exports an end that writes to `stream` what the peer sends.
pub(super) fn receive(context: &Context, stream: Stream) -> Receiving {
    let (reading, writing) = split(stream);
    let writing = Rc::new(Mutex::new(Some(writing)));
    let own: Rc<OnceCell<Capability>> = Rc::default();
    let handler = (context.clone(), own.clone(), writing.clone());
    let capability = context.export(Rc::new(move |method, arguments| {
        let (context, own, writing) = handler.clone();
        Box::pin(async move {
            let mut writing = writing.lock().await;
            match method.as_str() {
                WRITE => take(&mut writing, &arguments).await?,
                CLOSE => {
                    if let Some(mut writing) = writing.take() {
                        // A reader that is gone misses nothing.
                        let _ = writing.shutdown().await;
                    }
                    context.revoke(own.get().expect("set when it was exported"));
                }
                method => return Err(unknown_method("socket", method)),
            }
            Ok(Argument::NULL)
        })
    }));
    own.set(capability.clone()).expect("set once");
    Receiving {
        capability,
        reading,
        writing,
    }
}

/// # Errors
/// Nobody reads any more.
async fn take(
    writing: &mut Option<WriteHalf<Stream>>,
    arguments: &Arguments,
) -> Result<(), CallError> {
    let piece = arguments.shared::<Piece>(PIECE)?;
    let written = async {
        let writing = writing.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writing.write_all(&piece.0).await?;
        writing.flush().await
    };
    let written: io::Result<()> = written.await;
    written.map_err(|error| CallError::remote("socket-closed", error.to_string()))
}

impl Receiving {
    /// Sends to the peer what is read here, until one side ends.
    pub(super) fn connect(self, context: &Context, peer: Capability) {
        let work_context = context.clone();
        context.spawn("socket", async move {
            let context = work_context;
            let ended = send(&context, self.reading, &peer).await;
            let is_told = tell_end(&context, &peer).await;
            if ended == Ended::There || !is_told {
                // Drops this half as well: whoever reads here reads the end.
                self.writing.lock().await.take();
            }
            if !is_told {
                context.revoke(&self.capability);
            }
        });
    }

    /// There will be no peer.
    pub(super) fn end(self, context: &Context) {
        context.revoke(&self.capability);
    }
}

#[derive(PartialEq, Eq)]
enum Ended {
    /// There is no more to read.
    Here,
    /// The peer does not take it any more, or it was lost on the way.
    There,
}

async fn send(context: &Context, mut reading: ReadHalf<Stream>, peer: &Capability) -> Ended {
    let peer = context.stub_to(Target::Capability(peer.clone()));
    let mut broken = peer.broken();
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let length = tokio::select! {
            biased;
            () = &mut broken => return Ended::There,
            // A stream that fails has ended.
            length = reading.read(&mut buffer) => length.unwrap_or(0),
        };
        if length == 0 {
            return Ended::Here;
        }
        let piece = Piece(Bytes::copy_from_slice(&buffer[..length]));
        let piece = Arguments::new().with(PIECE, Argument::shared(Arc::new(piece)));
        if peer.call(WRITE, piece).await.is_err() {
            return Ended::There;
        }
    }
}

/// Tells the peer that no more will come: again, while the word may have been lost, as otherwise
/// the peer would wait for ever. False if it cannot be told.
async fn tell_end(context: &Context, peer: &Capability) -> bool {
    for _ in 0..TELL_ATTEMPTS_MAX {
        // A connection on which something was lost stays broken.
        let peer = context.stub_to(Target::Capability(peer.clone()));
        let told = tokio::select! {
            biased;
            () = peer.broken() => return false,
            told = peer.call(CLOSE, Arguments::new()) => told,
        };
        match told {
            Err(error) if error.is_transient() => {
                context.sleep("socket", TELL_RETRY_MS).await;
            }
            told => return told.is_ok(),
        }
    }
    false
}
