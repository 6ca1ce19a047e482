//! What a processor does with a list of events, as text that reviews like code.
//!
//! A [`Story`] is a processor and what happens to it: events, batches, time that goes by, crashes,
//! calls that get lost. Told, it is a page with a section for each batch: the event, what changed in
//! the state, and what the processor did to the world, in order. Kept as a snapshot, the page is the
//! processor's semantics, and whoever changes them sees what changed.
//!
//! ```text
//! let story = Story::new("what runs low is ordered", "p1:/shop", StockKeeper::new)
//!     .event(delivered("tea", 4))
//!     .event(sold("tea", 2));
//! insta::assert_snapshot!(story.tell());
//! ```
//!
//! `examples/shop` has it in full.
//!
//! - [`Story`]: start there. [`Told`], [`untold`]: what comes of it, and which types no story tells of.
//! - [`Answer`], [`Frame`]: what outside services say; [`connected`]: an event that many consume.
//! - [`log`]: the stream. [`clock`]: tasks and time. [`memory`]: an object's storage. They are there for
//!   other tests too.
//!
//! It needs no simulation and no runtime: the clock jumps from timer to timer, nothing is random,
//! and a story is told the same way every time, on any machine.

mod checkpoints;
pub mod clock;
mod difference;
mod effect;
pub mod log;
pub mod memory;
mod outline;
mod outside;
mod ports;
mod section;
mod stage;
mod story;
mod streams;
mod telling;

pub use outside::{Answer, Frame, Request};
pub use story::{connected, Story};
pub use telling::{untold, Told};
