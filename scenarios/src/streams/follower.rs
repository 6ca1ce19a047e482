//! An outside subscriber: reads a stream from some offset on over a connection of its own. Nobody
//! tells it when a delivery got lost or its stream died, so it looks whether it still makes progress,
//! and subscribes anew from what it has seen (B-36).

use super::platform::retry;
use runtime::{
    call::{Argument, Arguments, Capability},
    event::{Event, EventType, Offset, StreamName},
    object::Context,
    stream,
};
use serde_json::json;
use sim::world::World;
use std::{cell::RefCell, future::Future, rc::Rc, sync::Arc};

/// How often it looks after its progress, and how often without any before it says so.
const LOOK_MS: u64 = 2_000;
const LOOKS_MAX: u32 = 60;

/// What to follow.
#[derive(Clone)]
pub struct Following {
    pub stream: StreamName,
    pub after: Offset,
    /// Up to here, at least.
    pub until: Offset,
    /// Every type, if there is none.
    pub types: Vec<EventType>,
}

/// Follows a stream, and keeps as evidence what it saw.
pub fn follow(world: &Arc<World>, following: Following) -> impl Future<Output = ()> + Send {
    let work = following.clone();
    let seen = world.client(move |context| Box::pin(follow_here(context, work)));
    let world = world.clone();
    async move {
        let offsets = seen.await;
        let Following {
            stream,
            after,
            until,
            types,
        } = following;
        let followed = json!({
            "stream": stream.to_string(), "after": after, "until": until, "types": types,
            "offsets": offsets,
        });
        world.observe("followed", followed);
    }
}

async fn follow_here(context: Context, following: Following) -> Vec<Offset> {
    let seen = Rc::new(RefCell::new(vec![following.after]));
    for _ in 0..LOOKS_MAX {
        let callback = listen(&context, seen.clone());
        subscribe(&context, &following, last(&seen), &callback).await;
        while last(&seen) < following.until {
            let before = last(&seen);
            context.sleep("look", LOOK_MS).await;
            if last(&seen) == before {
                break;
            }
        }
        context.revoke(&callback);
        if last(&seen) >= following.until {
            break;
        }
    }
    let offsets = seen.borrow()[1..].to_vec();
    offsets
}

fn last(seen: &RefCell<Vec<Offset>>) -> Offset {
    *seen.borrow().last().expect("it began somewhere")
}

fn listen(context: &Context, seen: Rc<RefCell<Vec<Offset>>>) -> Capability {
    context.export(Rc::new(move |_, batch| {
        let events = batch.require("events").and_then(Argument::to_shared);
        let outcome = events.map(|events: Arc<Vec<Arc<Event>>>| {
            let offsets = events.iter().map(|event| event.offset);
            seen.borrow_mut().extend(offsets);
            Argument::NULL
        });
        Box::pin(async { outcome })
    }))
}

/// Opens a connection, under the key that replaces the one before.
async fn subscribe(context: &Context, following: &Following, after: Offset, callback: &Capability) {
    let stub = context.object(stream::BINDING, &following.stream);
    let mut arguments = Arguments::new()
        .json("subscriptionKey", "follower")
        .json("replayAfterOffset", after)
        .with("processEventBatch", Argument::Capability(callback.clone()));
    if !following.types.is_empty() {
        arguments = arguments.json("eventTypes", &following.types);
    }
    while let Err(error) = stub.call("subscribe", arguments.clone()).await {
        retry(context, error).await;
    }
}
