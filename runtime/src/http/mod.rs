//! HTTP, as objects, services and outside hosts speak it with one another.
//!
//! - [`message`](Request): a request and its response, with names and values as the `http` crate has them.
//! - [`Body`]: nothing, bytes, or a stream that can be read once and is passed on unread.
//! - [`wire`](WireRequest): both messages with the whole body in hand, so that a call can carry them.
//! - [`client`]: sends a request to a host and port. Start at [`client::fetch`].
//!
//! Streams and sockets belong to the one thread of their object: nothing here is `Send`, except the
//! wire forms.

mod body;
pub mod client;
mod message;
mod wire;

pub use body::{Body, BodyError, BodyStream, BODY_BYTES_MAX};
pub use message::{Redirect, Request, Response};
pub use wire::{WireError, WireRequest, WireResponse};
