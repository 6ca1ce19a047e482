//! Somebody who looks on: subscribes to a stream as an outside client does, takes everything, and
//! leaves after a while without a word. What matters is that it comes: each time, the stream says so
//! to everybody who reads it.

use runtime::{
    call::{Argument, Arguments},
    event::{Offset, StreamName},
    stream,
};
use sim::world::World;
use std::rc::Rc;

/// Opens a browser on the stream, once; if it does not get through, it is not there.
pub async fn look_on(world: &World, stream: &StreamName, number: u64, stays_ms: u64) {
    let stream = stream.to_string();
    let looked = world.client(move |context| {
        Box::pin(async move {
            let callback = context.export(Rc::new(|_, _| Box::pin(async { Ok(Argument::NULL) })));
            let arguments = Arguments::new()
                .json("subscriptionKey", format!("browser-{number}"))
                .json("replayAfterOffset", Offset::ZERO)
                .with("processEventBatch", Argument::Capability(callback.clone()));
            let stub = context.object(stream::BINDING, stream);
            let opened = stub.call("subscribe", arguments).await.is_ok();
            context.sleep("look on", stays_ms).await;
            context.revoke(&callback);
            opened
        })
    });
    drop(looked);
}
