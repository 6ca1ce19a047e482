//! The platform itself: event streams, durable objects, callables and the processor model.
//!
//! - [`event`]: the envelope, offsets, paths.
//! - [`stream`]: the append-only log, its core processor, subscriptions and their delivery.
//! - [`object`]: durable objects: storage, gates, alarms, stubs, incarnations.
//! - [`callable`]: "call this", as data, and its dispatch.
//! - [`javascript`]: workers written in JavaScript, in an embedded engine.
//! - [`processor`]: reducer, effects, checkpoint; and the host that owns them in an object.
//! - [`call`]: what travels between objects.
//! - [`http`]: requests and responses, and the client that sends them to outside hosts.
//! - [`jsonata`]: expressions over JSON, with time and chance from the ports.
//! - [`platform`]: the ports. Start there: this crate reaches the world through nothing else.
//! - [`quirk`]: known bugs that can be switched on.
//! - [`schema`]: parsers of fields that several wire formats share.

pub mod call;
pub mod callable;
pub mod event;
pub mod http;
pub mod javascript;
pub mod jsonata;
pub mod object;
mod patience;
pub mod platform;
pub mod processor;
pub mod quirk;
pub mod schema;
pub mod stream;
