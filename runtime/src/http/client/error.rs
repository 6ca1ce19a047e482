//! How a request fails to get an answer.

use crate::http::BodyError;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Whoever was to send it says no, or could not.
    #[error("{0}")]
    Refused(String),
    /// The URL is not one of a host that speaks HTTP; nothing was sent.
    #[error("{0} is not an http or https URL")]
    NotHttp(String),
    /// Nothing was sent.
    #[error("cannot reach {host}:{port}: {error}")]
    Unreachable {
        host: String,
        port: u16,
        error: io::Error,
    },
    /// The body of the request cannot be sent.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The connection was lost, or what came is not HTTP: the outcome is unknown.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    #[error("more than {} redirects", super::REDIRECTS_MAX)]
    TooManyRedirects,
    /// The answer points to something that is no URL.
    #[error("redirected to {0:?}, which is no http or https URL")]
    BadRedirect(String),
    /// The answer wants the same body elsewhere, and it was a stream.
    #[error("redirected, and the body cannot be sent again")]
    BodyIsGone,
    /// The answer accepts an upgrade that was not asked for, or with another key.
    #[error("the upgrade was not accepted as it was asked for")]
    BadUpgrade,
}
