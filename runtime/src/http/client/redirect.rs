//! Where an answer points, and the request that goes there, by the rules of the fetch standard.

use super::HttpError;
use crate::http::{Body, Redirect, Request, Response};
use http::{
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
        CONTENT_TYPE, LOCATION,
    },
    HeaderMap, HeaderName, Method, StatusCode,
};
use url::Url;

const ABOUT_THE_BODY: [HeaderName; 5] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
];

/// What is kept of a request while it is on its way, in case it has to go elsewhere.
pub(super) struct Origin {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// Absent if it can be sent only once.
    body: Option<Body>,
}

impl Origin {
    pub(super) fn of(request: &Request) -> Self {
        Origin {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.try_clone(),
        }
    }
}

/// The next request; none if the answer is the last.
///
/// # Errors
/// The answer points to no URL, or wants a body that is gone.
pub(super) fn next_request(
    origin: Origin,
    response: &Response,
) -> Result<Option<Request>, HttpError> {
    let status = response.status;
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers.get(LOCATION).filter(|_| redirects) else {
        return Ok(None);
    };
    let url = target(&origin.url, location.as_bytes())?;
    let mut headers = origin.headers;
    if url.origin() != origin.url.origin() {
        headers.remove(AUTHORIZATION);
    }
    let (method, body) = match becomes_get(status, &origin.method) {
        true => {
            for name in ABOUT_THE_BODY {
                headers.remove(name);
            }
            (Method::GET, Some(Body::EMPTY))
        }
        false => (origin.method, origin.body),
    };
    let body = match status == StatusCode::SEE_OTHER {
        true => body.unwrap_or_default(),
        false => body.ok_or(HttpError::BodyIsGone)?,
    };
    Ok(Some(Request {
        method,
        url,
        headers,
        body,
        redirect: Redirect::Follow,
    }))
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
        StatusCode::SEE_OTHER => !matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    }
}

/// The URL that a location means; it keeps the fragment of where it came from.
fn target(base: &Url, location: &[u8]) -> Result<Url, HttpError> {
    let location = String::from_utf8_lossy(location);
    let bad = || HttpError::BadRedirect(location.clone().into_owned());
    let mut url = base.join(&location).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad());
    }
    if url.fragment().is_none() {
        url.set_fragment(base.fragment());
    }
    Ok(url)
}
