//! Streams (spec §1): an append-only log with a core processor inline, and its subscribers.
//!
//! - [`contract`]: the core's event types and payloads; [`state`]: its state and reducer.
//! - [`log`]: rows and chunks, recovery. [`append`]: the rules of appending.
//! - [`connection`]: a subscriber and its pump. [`dial`]: opening, closing, reconciling;
//!   [`idle`]: letting go of subscribers to whom nothing happens.
//! - [`announce`]: telling the streams above that this one exists.
//! - [`object`]: the durable object around them; start there. [`StreamClient`]: its callers' side.

mod announce;
mod append;
mod client;
mod connection;
pub mod contract;
mod dial;
mod idle;
mod log;
mod object;
mod state;

pub use append::AppendError;
pub use client::{Events, StreamClient};
pub use connection::BATCH_EVENTS_MAX;
pub use log::{parse_chunks, EVENT_CHUNKS, STATE_KEY};
pub use object::{class, BINDING, CLASS};
pub use state::{
    AnnouncedProcessor, Config, ConfiguredEvent, ConfiguredSubscription, CoreState, ReduceError,
    RosterEntry, STATE_VERSION,
};
