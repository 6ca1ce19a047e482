//! A WebSocket is a fetch with an upgrade (spec §4.2), and every kind of target may accept one.

use super::{code, failure, fetch, loopback, object, on_stage, service, url, with, Stage};
use crate::support::{Fate, World};
use data_encoding::BASE64;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::{header::SEC_WEBSOCKET_PROTOCOL, HeaderMap, HeaderValue, StatusCode};
use runtime::{
    call::ObjectName,
    callable::{connect_websocket, Callable, CallableError, ErrorCode, Socket},
    http::Response,
};
use serde_json::{json, Value};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::{
    tungstenite::{protocol::Role, Message},
    WebSocketStream,
};

async fn connect(stage: &Stage, descriptor: Value) -> Result<Socket, CallableError> {
    let callable = Callable::parse(&descriptor).expect("a descriptor");
    let mut headers = HeaderMap::new();
    let protocol = HeaderValue::from_static("chat");
    headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    connect_websocket(&stage.dispatch, &callable, headers).await
}

/// The server's side: sends every text back, until it is told to close.
async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            socket.send(message).await.expect("somebody listens");
        }
    }
}

/// Accepts the next upgrade that the target is asked for.
fn accept(stage: &Stage) {
    let (near, far) = tokio::io::duplex(1024);
    tokio::task::spawn_local(echo(far));
    let protocol = HeaderValue::from_static("chat");
    let accepted = Response::switching(Box::new(near));
    stage
        .record
        .answers(accepted.header(SEC_WEBSOCKET_PROTOCOL, protocol));
}

/// Says something, long enough to travel in pieces, and hears it; then says goodbye.
async fn converse(socket: Socket) {
    assert_eq!(socket.headers["sec-websocket-protocol"], "chat");
    let mut socket = WebSocketStream::from_raw_socket(socket.stream, Role::Client, None).await;
    for words in ["hello".to_owned(), "long ".repeat(20_000)] {
        let message = Message::text(words.as_str());
        socket.send(message).await.expect("somebody listens");
        let answer = socket.next().await.expect("an answer").expect("a message");
        assert_eq!(answer.to_text().expect("text"), words);
    }
    socket.close(None).await.expect("somebody listens");
    while let Some(rest) = socket.next().await {
        assert!(rest.expect("a goodbye").is_close());
    }
}

/// An outside server that reads the request and accepts it.
async fn serve(mut stream: DuplexStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.expect("a request"));
    }
    let request = String::from_utf8(request).expect("text");
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: "))
        .expect("a key");
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-protocol: chat\r\nsec-websocket-accept: {}\r\n\r\n",
        BASE64.encode(&hash)
    );
    stream
        .write_all(answer.as_bytes())
        .await
        .expect("somebody listens");
    echo(stream).await;
}

fn add_server(world: &World) {
    world.add_host("a.test:80", |stream| serve(stream).boxed_local());
}

#[test]
fn a_websocket_opens_at_an_outside_host() {
    on_stage(|stage| async move {
        add_server(&stage.world);
        let socket = connect(&stage, fetch(url("http://a.test/chat"))).await;
        converse(socket.unwrap()).await;
    });
}

#[test]
fn a_websocket_opens_at_a_service_and_at_an_export() {
    on_stage(|stage| async move {
        for via in [service(), loopback("Plain")] {
            accept(&stage);
            converse(connect(&stage, fetch(via)).await.unwrap()).await;
            let request = stage.record.request();
            assert!(request.is_upgrade());
            assert_eq!(request.method, http::Method::GET);
            assert_eq!(request.headers["sec-websocket-protocol"], "chat");
        }
    });
}

#[test]
fn a_websocket_opens_at_a_durable_object_and_travels_in_calls() {
    on_stage(|stage| async move {
        accept(&stage);
        let via = fetch(object(json!({ "name": "t" })));
        converse(connect(&stage, via).await.unwrap()).await;
        assert!(stage.record.request().is_upgrade());
        assert!(stage.world.calls("write") > 10, "in pieces");
    });
}

#[test]
fn when_an_object_dies_its_websocket_ends() {
    on_stage(|stage| async move {
        accept(&stage);
        let via = fetch(object(json!({ "name": "t" })));
        let mut socket = connect(&stage, via).await.unwrap();
        stage.world.crash(&ObjectName::new("TARGET", "t"));
        let mut rest = Vec::new();
        socket.stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    });
}

#[test]
fn when_the_caller_lets_go_the_object_reads_the_end() {
    on_stage(|stage| async move {
        let (near, mut far) = tokio::io::duplex(1024);
        stage.record.answers(
            Response::switching(Box::new(near))
                .header(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat")),
        );
        let via = fetch(object(json!({ "name": "t" })));
        let mut socket = connect(&stage, via).await.unwrap();
        socket.stream.write_all(b"bye").await.unwrap();
        drop(socket);
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"bye");
    });
}

#[test]
fn when_a_piece_is_lost_both_sides_read_the_end_however_often_the_word_is_lost_too() {
    on_stage(|stage| async move {
        let (near, mut far) = tokio::io::duplex(1024);
        stage.record.answers(Response::switching(Box::new(near)));
        let via = fetch(object(json!({ "name": "t" })));
        let mut socket = connect(&stage, via).await.unwrap();
        let mut losses = 3;
        stage.world.on_call(move |call| match call.method.as_str() {
            "write" => Fate::RequestLost,
            "close" if losses > 0 => {
                losses -= 1;
                Fate::RequestLost
            }
            _ => Fate::Arrives,
        });
        socket.stream.write_all(b"lost").await.unwrap();
        let (mut here, mut there) = (Vec::new(), Vec::new());
        socket.stream.read_to_end(&mut here).await.unwrap();
        far.read_to_end(&mut there).await.unwrap();
        assert!(here.is_empty() && there.is_empty());
    });
}

#[test]
fn an_answer_other_than_101_is_a_failure_of_the_transport() {
    on_stage(|stage| async move {
        for via in [service(), object(json!({ "name": "t" }))] {
            for (status, retryable) in [(200, false), (403, false), (503, true)] {
                let status = StatusCode::from_u16(status).unwrap();
                stage.record.answers(Response::new(status).body("words"));
                let failure = failure(connect(&stage, fetch(via.clone())).await.map(drop));
                assert_eq!(failure.code, ErrorCode::TransportFailed);
                assert_eq!(failure.retryable, retryable);
                assert_eq!(failure.details, Some(json!({ "status": status.as_u16() })));
            }
        }
    });
}

#[test]
fn a_host_that_is_not_there_or_does_not_speak_the_protocol_is_a_failure_of_the_transport() {
    on_stage(|stage| async move {
        let nowhere = connect(&stage, fetch(url("http://nowhere.test"))).await;
        assert_eq!(code(nowhere.map(drop)), ErrorCode::TransportFailed);
        let wrong = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
                     upgrade: websocket\r\nsec-websocket-accept: wrong\r\n\r\n";
        crate::support::outside::Outside::new(&stage.world, "b.test:80", [wrong]);
        let refused = connect(&stage, fetch(url("http://b.test"))).await;
        assert_eq!(code(refused.map(drop)), ErrorCode::TransportFailed);
    });
}

#[test]
fn a_callable_that_is_no_fetch_opens_nothing() {
    on_stage(|stage| async move {
        let rpc = connect(&stage, super::rpc(service())).await;
        assert_eq!(code(rpc.map(drop)), ErrorCode::DescriptorValidationFailed);
        let nowhere = with(service(), "bindingName", json!("NOWHERE"));
        let nowhere = connect(&stage, fetch(nowhere)).await;
        assert_eq!(code(nowhere.map(drop)), ErrorCode::ResolutionFailed);
    });
}
