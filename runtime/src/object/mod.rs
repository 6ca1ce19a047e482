//! Durable objects (design §4): named, single-threaded actors with storage, gates and an alarm.
//!
//! - [`Class`] and [`Object`]: what a domain implements.
//! - [`Context`]: what an object may do: storage, stubs, exports, timers, work of its own.
//! - [`Incarnation`]: one in-memory life of an object, as the platform drives it.
//! - [`Gate`]: the input gate, closed while `block_concurrency_while` runs.
//! - [`Storage`]: the key-value side of the object's durable store.
//! - [`fetch`], [`socket`]: requests and byte streams between objects, over calls.
//! - [`id`]: the other address of an object.
//!
//! Output gate: every call carries the newest write made before it, and the platform holds the
//! call back until that write is durable; replies and outside bytes likewise.

mod context;
mod fetch;
mod gate;
mod id;
mod incarnation;
mod socket;
mod storage;
mod stub;
mod turn;

pub use context::{Context, ExportHandler};
pub use fetch::FetchReply;
pub use gate::Gate;
pub use id::InvalidObjectId;
pub use incarnation::{Incarnation, Receiver};
pub use storage::{Storage, KV};
pub use stub::Stub;
pub use turn::Turn;

use crate::{
    call::{Argument, Arguments, CallError},
    http::Request,
};
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

/// What a call, a handler or an alarm comes back with, later.
pub type Reply = LocalBoxFuture<'static, Result<Argument, CallError>>;

/// A durable object of some class: answers calls and its alarm.
pub trait Object {
    /// Answers a call. Only the methods that the object lists itself can be reached.
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply;

    /// Answers a request. Refuses it, unless the object is one that speaks HTTP.
    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        drop(request);
        fetch::not_fetchable()
    }

    /// The alarm rang. At least once for each time it was set; an error makes the platform ring
    /// again, up to 6 times, with doubling back-off from 2 s.
    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A class of objects, bound to a namespace.
#[derive(Clone, Copy)]
pub struct Class {
    /// The namespace binding, such as `STREAM`.
    pub binding: &'static str,
    /// Builds the in-memory life of the named object; runs before any call is delivered.
    pub construct: fn(Context) -> Rc<dyn Object>,
}

/// Refuses a method that is not on an object's surface.
pub fn unknown_method(binding: &str, method: &str) -> CallError {
    CallError::Unresolved(format!("{binding} has no method {method:?}"))
}
