//! A byte stream between two objects, over calls: each end exports what the other writes to. Each
//! piece waits until the one before it was taken, so a slow reader slows the writer down.
//!
//! No call waits for bytes to come: at rest, nothing is under way. When either object ends, the
//! other end reads the end of the stream.

use super::{unknown_method, Context, Stub};
use crate::{
    call::{Argument, Arguments, CallError, Capability, Wire},
    platform::{ByteStream, Target},
};
use bytes::Bytes;
use data_encoding::BASE64;
use serde::{de::Error, Deserialize, Deserializer};
use serde_json::Value;
use std::{cell::OnceCell, rc::Rc, sync::Arc};
use tokio::{
    io::{split, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::Mutex,
};

/// The longest piece that one call carries.
const PIECE_BYTES_MAX: usize = 16 << 10;

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

/// This object's end, which takes what the peer writes, and does not know the peer yet.
pub(super) struct Receiving {
    /// For the peer.
    pub capability: Capability,
    reading: ReadHalf<Stream>,
}

/// A stream for the product, and the end behind it.
pub(super) fn pair(context: &Context) -> (Stream, Receiving) {
    let (near, far) = tokio::io::duplex(PIECE_BYTES_MAX);
    (Box::new(near), receive(context, Box::new(far)))
}

/// Exports an end that writes to `stream` what the peer sends.
pub(super) fn receive(context: &Context, stream: Stream) -> Receiving {
    let (reading, writing) = split(stream);
    let writing = Rc::new(Mutex::new(writing));
    let own: Rc<OnceCell<Capability>> = Rc::default();
    let (handler_context, handler_own) = (context.clone(), own.clone());
    let capability = context.export(Rc::new(move |method, arguments| {
        let (context, own, writing) = (
            handler_context.clone(),
            handler_own.clone(),
            writing.clone(),
        );
        Box::pin(async move {
            let mut writing = writing.lock().await;
            match method.as_str() {
                WRITE => take(&mut writing, &arguments).await?,
                CLOSE => {
                    // A reader that is gone misses nothing.
                    let _ = writing.shutdown().await;
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
    }
}

async fn take(writing: &mut WriteHalf<Stream>, arguments: &Arguments) -> Result<(), CallError> {
    let piece = arguments.shared_optional::<Piece>(PIECE)?;
    let piece = piece.ok_or_else(|| CallError::invalid("argument \"piece\" is missing"))?;
    let written = async {
        writing.write_all(&piece.0).await?;
        writing.flush().await
    };
    let written = written.await;
    written.map_err(|error| CallError::Broken(error.to_string()))
}

impl Receiving {
    /// Sends to the peer what is read here, until one side ends.
    pub(super) fn connect(self, context: &Context, peer: Capability) {
        let peer = context.stub_to(Target::Capability(peer));
        let (context_of_work, own) = (context.clone(), self.capability);
        context.spawn("socket", async move {
            if send(self.reading, &peer).await.is_err() {
                // Drops the writing half as well: whoever reads here reads the end.
                context_of_work.revoke(&own);
            }
        });
    }

    /// There will be no peer.
    pub(super) fn end(self, context: &Context) {
        context.revoke(&self.capability);
    }
}

/// # Errors
/// The peer is gone.
async fn send(mut reading: ReadHalf<Stream>, peer: &Stub) -> Result<(), CallError> {
    let mut broken = peer.broken();
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let length = tokio::select! {
            biased;
            () = &mut broken => return Err(CallError::Broken("the peer is gone".to_owned())),
            // A stream that fails has ended.
            length = reading.read(&mut buffer) => length.unwrap_or(0),
        };
        if length == 0 {
            return peer.call(CLOSE, Arguments::new()).await.map(drop);
        }
        let piece = Piece(Bytes::copy_from_slice(&buffer[..length]));
        let piece = Arguments::new().with(PIECE, Argument::shared(Arc::new(piece)));
        peer.call(WRITE, piece).await?;
    }
}
