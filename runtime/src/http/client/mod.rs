//! Sends a request to the host and port of its URL, over a byte stream of the platform.
//!
//! Every request has a connection of its own. It is driven by whoever waits for the answer, and
//! then by whoever reads the body: dropping either closes it, and no work is left behind. There is
//! no deadline; who wants one races it against [`Context::sleep`]. TLS is the platform's business:
//! `https` is the same bytes, to port 443.
//!
//! - [`exchange`]: one request and its answer on one connection.
//! - [`redirect`]: where an answer points, and what the next request is.
//! - [`upgrade`]: the opening handshake of a WebSocket.

mod error;
mod exchange;
mod redirect;
mod upgrade;

pub use error::HttpError;

use super::{Redirect, Request, Response};
use crate::object::Context;
use redirect::next_request;

/// How many redirects are followed.
pub const REDIRECTS_MAX: usize = 20;

/// Sends a request; the answer comes as soon as its head is here. A status is no error.
///
/// # Errors
/// See [`HttpError`]; most leave it unknown whether the request had its effect.
pub async fn fetch(context: &Context, request: Request) -> Result<Response, HttpError> {
    let mut request = request;
    for _ in 0..=REDIRECTS_MAX {
        let again = (request.redirect == Redirect::Follow).then(|| redirect::Origin::of(&request));
        let response = exchange::exchange(context, request).await?;
        let next = match again {
            Some(origin) => next_request(origin, &response)?,
            None => None,
        };
        match next {
            Some(next) => request = next,
            None => return Ok(response),
        }
    }
    Err(HttpError::TooManyRedirects)
}
