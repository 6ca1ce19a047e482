//! What the tests stand on: a little world in which real objects live on one thread.
//!
//! - [`world::World`]: objects by name, calls between them, crashes, alarms, a clock.
//! - [`disk::Disk`]: an object's storage, which outlives its incarnations.
//! - [`stream::Stream`]: a stream, as a client calls it.
//! - [`json_transport`]: what becomes of a call's values between machines.
//! - [`guest::Guest`]: a subscriber that is dialed; [`listener::Listener`]: one that subscribes itself.
//! - [`outside::Outside`]: a host that answers HTTP requests with bytes from a script.
//! - [`adder`]: a processor and the object that hosts it.

pub mod adder;
pub mod disk;
pub mod guest;
pub mod json_transport;
pub mod listener;
pub mod outside;
pub mod stream;
pub mod world;

pub use guest::Guest;
pub use listener::Listener;
pub use stream::{configure, Stream};
pub use world::{run, Call, Fate, World};

use runtime::{
    call::CallError,
    event::{Event, Offset},
    processor::EventBatch,
};
use serde_json::{json, Value};
use std::sync::Arc;

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> String {
    let error = outcome.expect_err("it is refused");
    error.code().unwrap_or("none").to_owned()
}

/// A delivered batch of such events: offset, type, payload.
pub fn batch_of(events: impl IntoIterator<Item = (u64, &'static str, Value)>) -> EventBatch {
    let events = events.into_iter().map(|(offset, kind, payload)| {
        let event = json!({
            "type": kind,
            "payload": payload,
            "offset": offset,
            "createdAt": "2026-02-26T20:17:38.963Z",
        });
        Arc::new(serde_json::from_value::<Event>(event).expect("an event"))
    });
    EventBatch {
        events: Arc::new(events.collect()),
        stream_max_offset: Offset(99),
    }
}
