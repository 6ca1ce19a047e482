//! The test's end of a Responses WebSocket.

use crate::{
    reference::Shape,
    world::{openai_address, Sent, World},
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{json, Value};
use sim::network::TcpStream;
use tokio_tungstenite::{
    client_async,
    tungstenite::{client::IntoClientRequest, Error, Message},
    WebSocketStream,
};

pub struct Session {
    pub socket: WebSocketStream<TcpStream>,
    sent: Sent,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Closed(u16),
    Reset,
}

impl World {
    /// An upgraded connection, or the status of the refusal.
    pub async fn open(&self) -> Result<Session, u16> {
        let stream = TcpStream::connect(openai_address()).await.unwrap();
        let mut request = "ws://10.0.0.1/v1/responses".into_client_request().unwrap();
        let key = "Bearer sk-test-000".parse().unwrap();
        request.headers_mut().insert("authorization", key);
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(self.session(socket)),
            Err(Error::Http(reply)) => Err(reply.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn session(&self, socket: WebSocketStream<TcpStream>) -> Session {
        Session {
            socket,
            sent: self.sent.clone(),
        }
    }
}

impl Session {
    pub async fn send(&mut self, message: Value) {
        let frame = Message::text(message.to_string());
        self.socket.send(frame).await.unwrap();
    }

    /// Asks with one user text and, if given, further fields.
    pub async fn ask(&mut self, text: &str, more: Value) {
        self.send(question(text, more)).await;
    }

    /// The same, of a service that may have closed the connection.
    pub async fn ask_if_open(&mut self, text: &str, more: Value) {
        let frame = Message::text(question(text, more).to_string());
        let _ = self.socket.send(frame).await;
    }

    pub async fn next(&mut self) -> Result<Value, End> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    // Of the odd frames, these are no events that a schema could know.
                    let Ok(event) = serde_json::from_str::<Value>(&text) else {
                        continue;
                    };
                    if !is_odd(&event) {
                        self.sent.push(Shape::ServerEvent, event.clone());
                    }
                    return Ok(event);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(End::Closed(frame.unwrap().code.into()))
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Reset),
            }
        }
    }

    /// The next event, or how the connection ended; `None` if neither came in time.
    pub async fn next_within(&mut self, limit_ms: u64) -> Option<Result<Value, End>> {
        let limit = std::time::Duration::from_millis(limit_ms);
        madsim::time::timeout(limit, self.next()).await.ok()
    }

    /// The next text frame, which need not be an event that the schema knows.
    pub async fn next_unchecked(&mut self) -> Value {
        let frame = self.socket.next().await.unwrap().unwrap();
        serde_json::from_str(&frame.into_text().unwrap()).unwrap()
    }

    /// The events up to a terminal one.
    pub async fn response(&mut self) -> Vec<Value> {
        let (events, end) = self.rest().await;
        assert_eq!(end, None, "after {events:#?}");
        events
    }

    /// The events up to a terminal one, or to the end of the connection.
    pub async fn rest(&mut self) -> (Vec<Value>, Option<End>) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(event) => events.push(event),
                Err(end) => return (events, Some(end)),
            }
            // The bare error has no type.
            let last = events.last().unwrap()["type"].as_str();
            if matches!(
                last,
                None | Some(
                    "response.completed" | "response.failed" | "response.incomplete" | "error"
                )
            ) {
                return (events, None);
            }
        }
    }
}

/// A `response.create` with one user text and further fields.
fn question(text: &str, more: Value) -> Value {
    let mut message = json!({
        "type": "response.create",
        "model": "gpt-5.5",
        "store": false,
        "input": [{
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }],
    });
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

/// What `peer.openai.odd-frame` sends, and the shapes of `peer.openai.error` that are not documented
/// for WebSockets.
fn is_odd(event: &Value) -> bool {
    event.get("type").is_none()
        || event["type"] == "error" && event.get("error").is_none()
        || event["type"] == "response.mood.changed"
        || event["item"]["type"] == "oddity"
        || event["item_id"] == "msg_stray"
}

pub fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

/// The text of all deltas.
pub fn said(events: &[Value]) -> String {
    events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect()
}

/// The id of the response that these events belong to.
pub fn response_id(events: &[Value]) -> String {
    events[0]["response"]["id"].as_str().unwrap().to_owned()
}
