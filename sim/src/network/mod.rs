//! The simulated network, as services outside the platform and their clients see it.
//!
//! - [`tcp`]: a byte stream that costs one packet per flushed write.

pub mod tcp;

pub use tcp::TcpStream;
