//! Workers written in JavaScript, in an embedded engine (spec §4.1, `dynamic-worker`).
//!
//! - [`WorkerCode`]: the modules of a worker, by name.
//! - [`Worker`]: a loaded worker: its exports are called, or answer requests. Start there.
//! - [`Host`]: all that a script reaches of the world; an object's [`Context`](crate::object::Context) is one.
//! - [`WorkerError`]: how a call ends otherwise.
//! - [`Limits`]: of memory, stack and work.
//!
//! Inside:
//!
//! - `engine`: enters the engine, runs its jobs until none is left, reads its errors.
//! - `modules`: which import means which source; `builtin/` holds those that every worker has.
//! - `native`: the functions that the built-in modules are given.
//! - `operations`: what scripts wait for; `calls`: who waits for scripts.
//!
//! # What makes it deterministic
//!
//! Time, chance and the network come from the host. There is no zone but UTC, and no weak
//! reference, through which one could see garbage being collected. Memory is counted as it was
//! asked for, not as the allocator rounds it. The limit of work counts steps of the engine, and not
//! time. What depends on the build of the engine, and on nothing else: how deep a recursion goes.
//!
//! # What a script cannot do
//!
//! Start anything before its first call; keep anything going after its last (`waitUntil` holds the
//! answer back instead); stream a body: they are read whole. Nothing but JSON passes a call.

mod calls;
mod chance;
mod code;
mod engine;
mod error;
mod host;
mod modules;
mod native;
mod operations;
mod worker;

pub use code::{Entrypoint, WorkerCode};
pub use engine::Limits;
pub use error::{Exception, WorkerError};
pub use host::{Host, LogLevel};
pub use worker::Worker;
