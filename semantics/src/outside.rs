//! The outside services of a story: they write down what they are asked, and answer as they are told.
//! They speak HTTP/1.1 and WebSocket, so that a processor's own client is part of the story.

use crate::{
    clock::Clock,
    effect::{Effect, Journal, OnSocket},
};
use bytes::Bytes;
use futures_util::{future::LocalBoxFuture, SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
    server::conn::http1,
    service::service_fn,
    StatusCode,
};
use hyper_util::rt::TokioIo;
use runtime::platform::ByteStream;
use serde_json::Value;
use std::{collections::BTreeMap, io, rc::Rc};
use tokio_tungstenite::{
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{frame::coding::CloseCode, CloseFrame, Role},
        Message,
    },
    WebSocketStream,
};

/// What a service is asked.
pub struct Request {
    pub method: String,
    /// Without the host.
    pub path: String,
    pub body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Answer {
    Json(u16, Value),
    /// The connection is cut.
    Cut,
}

/// What it says on a socket.
#[derive(Clone, Debug)]
pub enum Frame {
    Json(Value),
    Close(u16),
}

pub type AnswerRequest = Rc<dyn Fn(&Request) -> Answer>;
pub type AnswerFrame = Rc<dyn Fn(&Value) -> Vec<Frame>>;

#[derive(Clone)]
pub enum Host {
    Http(AnswerRequest),
    WebSocket(AnswerFrame),
}

#[derive(Clone, Default)]
pub struct Outside {
    pub hosts: BTreeMap<String, Host>,
}

impl Outside {
    pub fn connect(
        &self,
        clock: &Clock,
        journal: &Journal,
        name: &str,
        port: u16,
    ) -> io::Result<Box<dyn ByteStream>> {
        let address = match port {
            443 => name.to_owned(),
            port => format!("{name}:{port}"),
        };
        let Some(host) = self.hosts.get(&address) else {
            let (url, what) = (address, OnSocket::Refused);
            journal.note(Effect::Socket { url, what });
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let (here, there) = tokio::io::duplex(64 * 1024);
        let connection = Connection {
            clock: clock.clone(),
            journal: journal.clone(),
            address,
            host: host.clone(),
        };
        clock.spawn(connection.serve(there));
        Ok(Box::new(here))
    }
}

#[derive(Clone)]
struct Connection {
    clock: Clock,
    journal: Journal,
    address: String,
    host: Host,
}

type Reply = hyper::Response<Full<Bytes>>;

/// The connection is cut in place of a reply.
#[derive(Debug)]
struct NoReply;

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut in place of a reply")
    }
}

impl std::error::Error for NoReply {}

impl Connection {
    fn serve(self, bytes: tokio::io::DuplexStream) -> LocalBoxFuture<'static, ()> {
        let answer = service_fn(move |request| self.clone().answer(request));
        Box::pin(async move {
            // A connection that breaks is an ordinary end. A date would be that of the machine's clock.
            let _ = http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(bytes), answer)
                .with_upgrades()
                .await;
        })
    }

    async fn answer(self, request: hyper::Request<Incoming>) -> Result<Reply, NoReply> {
        match self.host.clone() {
            Host::Http(answer) => self.answer_request(request, answer).await,
            Host::WebSocket(answer) => self.upgrade(request, answer),
        }
    }

    async fn answer_request(
        self,
        request: hyper::Request<Incoming>,
        answer: AnswerRequest,
    ) -> Result<Reply, NoReply> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
        let request = Request {
            method: head.method.to_string(),
            path: head.uri.to_string(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let answer = match answer(&request) {
            Answer::Json(status, body) => Some((status, body)),
            Answer::Cut => None,
        };
        self.journal.note(Effect::Asked {
            method: request.method,
            url: format!("https://{}{}", self.address, request.path),
            body: request.body,
            answer: answer.clone(),
        });
        let (status, body) = answer.ok_or(NoReply)?;
        let reply = hyper::Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())));
        Ok(reply.expect("the status of an answer is one"))
    }

    fn upgrade(
        self,
        request: hyper::Request<Incoming>,
        answer: AnswerFrame,
    ) -> Result<Reply, NoReply> {
        let key = request.headers().get(SEC_WEBSOCKET_KEY).ok_or(NoReply)?;
        let accept = derive_accept_key(key.as_bytes());
        let url = format!("wss://{}{}", self.address, request.uri());
        let what = OnSocket::Opened;
        self.journal.note(Effect::Socket {
            url: url.clone(),
            what,
        });
        self.clock
            .clone()
            .spawn(self.converse(request, url, answer));
        let reply = hyper::Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_ACCEPT, accept)
            .body(Full::default());
        Ok(reply.expect("constant headers make a reply"))
    }

    async fn converse(self, request: hyper::Request<Incoming>, url: String, answer: AnswerFrame) {
        let note = |what| {
            let url = url.clone();
            self.journal.note(Effect::Socket { url, what });
        };
        let Ok(bytes) = hyper::upgrade::on(request).await else {
            return;
        };
        let bytes = TokioIo::new(bytes);
        let mut socket = WebSocketStream::from_raw_socket(bytes, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let frame = serde_json::from_str(&text);
            let frame = frame.unwrap_or_else(|_| Value::from(text.as_str()));
            note(OnSocket::Sent(frame.clone()));
            for frame in answer(&frame) {
                let sent = match frame {
                    Frame::Json(frame) => {
                        note(OnSocket::Received(frame.clone()));
                        socket.send(Message::text(frame.to_string())).await
                    }
                    Frame::Close(code) => {
                        note(OnSocket::ClosedByService(code));
                        let frame = CloseFrame {
                            code: CloseCode::from(code),
                            reason: "".into(),
                        };
                        socket.close(Some(frame)).await
                    }
                };
                if sent.is_err() {
                    break;
                }
            }
        }
        note(OnSocket::Closed);
    }
}
