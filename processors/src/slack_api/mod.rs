//! Slack's Web API, as far as it is called here, over an ordinary HTTP/1.1 connection.
//!
//! - [`method`]: the methods, with their arguments.
//! - [`client`]: one call, one connection. Start there.
//! - [`error`]: how a call fails.
//! - [`form`]: the encoding `application/x-www-form-urlencoded`.
//! - [`settings`]: where Slack is, and who we are to it.

pub mod client;
pub mod error;
pub mod form;
pub mod method;
pub mod settings;

pub use client::WebClient;
pub use error::{Failure, SlackApiError};
pub use method::Method;
