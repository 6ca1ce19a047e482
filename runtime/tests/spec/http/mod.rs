//! HTTP: bodies that are read once, messages that travel in calls, and the client on the wire.

mod body;
mod client;
mod redirect;
mod wire;

use crate::support::World;
use runtime::http::{client::HttpError, Request, Response};

/// Sends a request as a client of the world.
async fn fetch(world: &World, request: Request) -> Result<Response, HttpError> {
    runtime::http::client::fetch(&world.client("client"), request).await
}

fn url(text: &str) -> url::Url {
    text.parse().unwrap()
}
