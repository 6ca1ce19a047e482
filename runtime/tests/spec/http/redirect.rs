//! Redirects, by the rules of the fetch standard.

use super::{fetch, url};
use crate::support::{
    outside::{ok, Outside},
    run, World,
};
use bytes::Bytes;
use futures_util::stream;
use http::{header, HeaderValue, Method, StatusCode};
use runtime::http::{
    client::{HttpError, REDIRECTS_MAX},
    Body, Redirect, Request,
};

const HOST: &str = "a.test:443";

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

fn post() -> Request {
    Request::new(Method::POST, url("https://a.test/from")).json(&1)
}

/// The request line and the body of what follows a redirected POST.
async fn after(world: &World, status: u16) -> (String, String) {
    let host = Outside::new(
        world,
        HOST,
        [
            to(status, "there").as_str(),
            "HTTP/1.1 204 No Content\r\n\r\n",
        ],
    );
    fetch(world, post()).await.unwrap();
    let second = host.requests().remove(1);
    let (head, body) = second.split_once("\r\n\r\n").unwrap();
    let is_typed = head.contains("content-type");
    assert_eq!(is_typed, !body.is_empty(), "{head}");
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn a_post_becomes_a_get_or_stays_by_its_status() {
    run(|world| async move {
        for status in [301, 302, 303] {
            let expected = ("GET /there HTTP/1.1".to_owned(), String::new());
            assert_eq!(after(&world, status).await, expected, "{status}");
        }
        for status in [307, 308] {
            let expected = ("POST /there HTTP/1.1".to_owned(), "1".to_owned());
            assert_eq!(after(&world, status).await, expected, "{status}");
        }
    });
}

#[test]
fn a_manual_redirect_is_an_answer() {
    run(|world| async move {
        Outside::new(&world, HOST, [to(302, "/there").as_str()]);
        let request = Request {
            redirect: Redirect::Manual,
            ..post()
        };
        let response = fetch(&world, request).await.unwrap();
        assert_eq!(response.status, StatusCode::FOUND);
        assert_eq!(response.headers[header::LOCATION], "/there");
    });
}

#[test]
fn credentials_stay_with_their_origin() {
    run(|world| async move {
        Outside::new(&world, HOST, [to(302, "https://b.test/").as_str()]);
        let other = Outside::new(&world, "b.test:443", [ok("text/plain", "b").as_str()]);
        let request = Request::get(url("https://a.test/"))
            .header(header::AUTHORIZATION, HeaderValue::from_static("secret"))
            .header(header::ACCEPT, HeaderValue::from_static("all"));
        let mut response = fetch(&world, request).await.unwrap();
        assert_eq!(response.body.text().await.unwrap(), "b");
        let request = other.requests().remove(0);
        assert!(
            !request.contains("secret") && request.contains("accept: all"),
            "{request}"
        );
    });
}

#[test]
fn a_circle_ends() {
    run(|world| async move {
        let circle = to(302, "/");
        let host = Outside::new(&world, HOST, vec![circle.as_str(); REDIRECTS_MAX + 1]);
        let error = fetch(&world, Request::get(url("https://a.test/"))).await;
        assert!(matches!(error, Err(HttpError::TooManyRedirects)));
        assert_eq!(host.requests().len(), REDIRECTS_MAX + 1);
    });
}

#[test]
fn a_stream_is_not_sent_twice_and_nobody_is_sent_to_a_file() {
    run(|world| async move {
        Outside::new(
            &world,
            HOST,
            [to(307, "/").as_str(), to(302, "file:///etc").as_str()],
        );
        let pieces = [Ok(Bytes::from("a"))];
        let body = Body::stream(stream::iter(pieces));
        let error = fetch(&world, post().body(body)).await.unwrap_err();
        assert!(matches!(error, HttpError::BodyIsGone), "{error}");
        let error = fetch(&world, post()).await.unwrap_err();
        assert!(matches!(error, HttpError::BadRedirect(_)), "{error}");
    });
}
