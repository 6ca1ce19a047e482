//! The simulated network, as services outside the platform and their clients see it.
//!
//! - [`tcp`]: a byte stream that costs one packet per flushed write.
//! - [`disturbed`]: the same with a fate: short pieces, a reset, silence.
//! - [`healing`]: the end of all this.

pub mod disturbed;
pub mod healing;
pub mod tcp;

pub use disturbed::{Disturbed, Fate, Silence, Way};
pub use healing::Healing;
pub use tcp::TcpStream;
