//! The client: the bytes it sends, and what it makes of the bytes that come.

use super::{fetch, url};
use crate::support::{
    outside::{ok, Outside},
    run, World,
};
use bytes::Bytes;
use futures_util::{future::poll_fn, stream};
use http::{header, HeaderValue, Method, StatusCode};
use hyper::body::{Body as _, Frame};
use runtime::http::{client::HttpError, Body, BodyError, Request};
use serde_json::{json, Value};
use std::{pin::Pin, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

const HOST: &str = "a.test:443";

fn get() -> Request {
    Request::get(url("https://a.test/"))
}

/// What a request looks like on the wire.
async fn sent(world: &World, request: Request) -> String {
    let host = Outside::new(world, HOST, ["HTTP/1.1 204 No Content\r\n\r\n"]);
    fetch(world, request).await.unwrap();
    host.requests().remove(0)
}

/// What hyper would send on.
async fn next_frame(body: &mut Body) -> Option<Result<Frame<Bytes>, BodyError>> {
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

#[test]
fn a_request_is_sent_with_its_host_and_length() {
    run(|world| async move {
        let request = Request::new(Method::POST, url("https://a.test/b/../c%20d?e=f#g"))
            .json(&json!({"h": 1}));
        assert_eq!(
            sent(&world, request)
                .await
                .split("\r\n")
                .collect::<Vec<_>>(),
            [
                "POST /c%20d?e=f HTTP/1.1",
                "host: a.test",
                "content-type: application/json",
                "connection: close",
                "content-length: 7",
                "",
                "{\"h\":1}",
            ]
        );
    });
}

#[test]
fn what_belongs_to_the_connection_is_not_the_callers() {
    run(|world| async move {
        let request = get()
            .header(header::HOST, HeaderValue::from_static("b.test"))
            .header(header::CONTENT_LENGTH, HeaderValue::from_static("7"));
        let sent = sent(&world, request).await;
        assert_eq!(
            sent,
            "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n"
        );
    });
}

#[test]
fn a_post_without_a_body_says_so() {
    run(|world| async move {
        let request = Request::new(Method::POST, url("https://a.test/"));
        let sent = sent(&world, request).await;
        assert!(sent.contains("content-length: 0\r\n"), "{sent}");
    });
}

#[test]
fn a_stream_is_sent_in_chunks() {
    run(|world| async move {
        let pieces = ["ab", "c"].map(|piece| Ok(Bytes::from(piece)));
        let request = Request::new(Method::PUT, url("https://a.test/"))
            .body(Body::stream(stream::iter(pieces)));
        let sent = sent(&world, request).await;
        assert!(sent.ends_with("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), "{sent}");
    });
}

#[test]
fn the_port_of_a_url_is_dialed_and_named() {
    run(|world| async move {
        let host = Outside::new(&world, "a.test:8080", [ok("text/plain", "hi").as_str()]);
        let request = Request::get(url("http://a.test:8080/"));
        let mut response = fetch(&world, request).await.unwrap();
        assert_eq!(response.body.text().await.unwrap(), "hi");
        assert!(host.requests()[0].contains("host: a.test:8080\r\n"));
    });
}

#[test]
fn a_body_arrives_while_it_is_being_sent() {
    run(|world| async move {
        let host = Outside::new(&world, HOST, []);
        host.answer([
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\na\r\n",
            "1\r\nb\r\n",
            "0\r\n\r\n",
        ]);
        let began = Instant::now();
        let mut response = fetch(&world, get()).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO, "the head is enough");
        let mut arrived = Vec::new();
        while let Some(frame) = next_frame(&mut response.body).await {
            let piece = frame.unwrap().into_data().unwrap();
            arrived.push((began.elapsed().as_millis(), piece));
        }
        assert_eq!(arrived, [(10, Bytes::from("a")), (20, Bytes::from("b"))]);
    });
}

#[test]
fn a_status_is_an_answer_not_an_error() {
    run(|world| async move {
        let answer = "HTTP/1.1 500 Oh\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nno";
        Outside::new(&world, HOST, [answer]);
        let mut response = fetch(&world, get()).await.unwrap();
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers["x-a"], "1");
        assert_eq!(response.body.text().await.unwrap(), "no");
    });
}

#[test]
fn nobody_there_garbage_and_a_lost_connection_are_errors_of_their_own() {
    run(|world| async move {
        let error = fetch(&world, get()).await.unwrap_err();
        assert!(
            matches!(error, HttpError::Unreachable { port: 443, .. }),
            "{error}"
        );
        Outside::new(&world, HOST, ["garbage\r\n\r\n", ""]);
        for _ in 0..2 {
            let error = fetch(&world, get()).await.unwrap_err();
            assert!(matches!(error, HttpError::Connection(_)), "{error}");
        }
        let error = fetch(&world, Request::get(url("ftp://a.test/"))).await;
        assert!(matches!(error, Err(HttpError::NotHttp(_))));
    });
}

#[test]
fn a_body_that_ends_too_early_is_cut_short() {
    run(|world| async move {
        Outside::new(
            &world,
            HOST,
            ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"],
        );
        let mut response = fetch(&world, get()).await.unwrap();
        let error = response.body.parse::<Value>().await.unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    });
}

#[test]
fn an_accepted_upgrade_leaves_the_raw_bytes() {
    run(|world| async move {
        // The key of the world's first identifier, 1.
        let host = Outside::new(
            &world,
            HOST,
            [
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: m0WfVAJdlQBK8aublRKyUu4QvD0=\r\n\r\nfirst",
            ],
        );
        let request = Request::websocket(url("https://a.test/socket"));
        let response = fetch(&world, request).await.unwrap();
        let mut socket = response.socket.unwrap();
        socket.write_all(b" and back").await.unwrap();
        let mut bytes = [0; 14];
        socket.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"first and back");
        let request = host.requests().remove(0);
        for line in [
            "connection: Upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
        ] {
            assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
        }
    });
}

#[test]
fn a_refused_upgrade_is_an_answer_and_a_false_one_an_error() {
    run(|world| async move {
        Outside::new(
            &world,
            HOST,
            [
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            ],
        );
        let request = || Request::websocket(url("https://a.test/socket"));
        let refused = fetch(&world, request()).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.socket.is_none());
        let error = fetch(&world, request()).await.unwrap_err();
        assert!(matches!(error, HttpError::BadUpgrade), "{error}");
    });
}
