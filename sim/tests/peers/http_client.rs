//! The test's end of the HTTP APIs of OpenAI and Workers AI.

use crate::{
    event_stream::{EventStream, SentEvent},
    raw_http::{BodyEnd, Parsed, Wire},
    reference::Shape,
    world::{openai_address, workers_ai_address, World},
};
use serde_json::{json, Value};
use sim::peers::{
    openai::{OpenAiConfig, OpenAiFact},
    workers_ai::WorkersAiConfig,
};

/// A request, whose body is JSON or nothing.
pub fn request(method: &str, path: &str, token: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn openai(method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let token = OpenAiConfig::default().api_key;
    request(method, &format!("/v1/responses{path}"), &token, body)
}

/// A question to the model, with further fields.
pub fn question(text: &str, more: Value) -> Value {
    let mut body = json!({ "model": "gpt-5.5", "input": text });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

impl World {
    /// A request to a path below `/v1/responses`, whose reply was not read yet.
    pub async fn openai_sent(&self, method: &str, path: &str, body: Option<Value>) -> Wire {
        let mut wire = Wire::connect(openai_address(), self.piece_bytes).await;
        wire.write(&openai(method, path, body.as_ref())).await;
        wire
    }

    /// The same, and its whole reply.
    pub async fn openai_http(&self, method: &str, path: &str, body: Option<Value>) -> Parsed {
        let mut wire = self.openai_sent(method, path, body).await;
        let (reply, end) = wire.reply().await.expect("a reply");
        assert_eq!(end, BodyEnd::Whole);
        reply
    }

    /// A whole response that the schema knows.
    pub async fn response(&self, body: Value) -> Value {
        let reply = self.openai_http("POST", "", Some(body)).await;
        assert_eq!(reply.status(), 200, "{:?}", reply.json());
        assert_eq!(reply.header("content-type"), Some("application/json"));
        self.sent.push(Shape::Response, reply.json());
        reply.json()
    }

    /// The events of a stream.
    pub async fn stream(&self, body: Value) -> EventStream {
        let wire = self.openai_sent("POST", "", Some(body)).await;
        self.stream_of(wire).await
    }

    pub async fn stream_of(&self, mut wire: Wire) -> EventStream {
        let head = wire.head().await.expect("a reply");
        assert_eq!(head.status(), 200);
        let content_type = head.header("content-type");
        assert_eq!(content_type, Some("text/event-stream; charset=utf-8"));
        assert_eq!(head.header("cache-control"), Some("no-cache"));
        EventStream::new(wire)
    }

    /// The events of a stream that ends properly, each under its name and known to the schema.
    pub async fn streamed(&self, body: Value) -> Vec<Value> {
        let (events, end) = self.stream(body).await.rest().await;
        assert_eq!(end, BodyEnd::Whole);
        self.checked(&events)
    }

    /// Events, each under its name and known to the schema.
    pub fn checked(&self, events: &[SentEvent]) -> Vec<Value> {
        let check = |event: &SentEvent| {
            let json = event.json();
            assert_eq!(event.name.as_deref(), json["type"].as_str());
            self.sent.push(Shape::StreamEvent, json.clone());
            json
        };
        events.iter().map(check).collect()
    }

    /// What became of the requests, in the words of OpenAI's ledger.
    pub fn openai_story(&self) -> Vec<String> {
        let ledger = self.openai.ledger();
        let words = |what| match what {
            OpenAiFact::RequestLost => Some("lost".to_owned()),
            OpenAiFact::RequestReceived { .. } => Some("received".to_owned()),
            OpenAiFact::Rejected { code } => Some(format!("rejected {}", code.unwrap_or("-"))),
            OpenAiFact::Silenced { .. } => Some("silenced".to_owned()),
            OpenAiFact::Applied { .. } => Some("applied".to_owned()),
            OpenAiFact::Answered { status, .. } => Some(format!("answered {status}")),
            OpenAiFact::Errored { shape, .. } => Some(format!("errored {shape}")),
            OpenAiFact::Stalled { .. } => Some("stalled".to_owned()),
            OpenAiFact::Dropped { how, .. } => Some(format!("dropped {how}")),
            OpenAiFact::Abandoned { .. } => Some("abandoned".to_owned()),
            OpenAiFact::Cancelled { .. } => Some("cancelled".to_owned()),
            OpenAiFact::Replied { status: 200, .. } => None,
            OpenAiFact::Replied { status, .. } => Some(format!("replied {status}")),
            _ => None,
        };
        ledger
            .into_iter()
            .filter_map(|entry| words(entry.what))
            .collect()
    }

    /// A request to a path below the account of Workers AI.
    pub async fn workers_ai_sent(&self, path: &str, more: &str, body: &Value) -> Wire {
        let config = WorkersAiConfig::default();
        let path = format!("/client/v4/accounts/{}/ai/{path}", config.account_id);
        let bytes = request("POST", &path, &config.api_token, Some(body));
        let text = String::from_utf8(bytes).unwrap();
        let text = text.replacen("host: x\r\n", &format!("host: x\r\n{more}"), 1);
        let mut wire = Wire::connect(workers_ai_address(), self.piece_bytes).await;
        wire.write(text.as_bytes()).await;
        wire
    }

    /// The same, and its whole reply.
    pub async fn workers_ai(&self, path: &str, body: &Value) -> Parsed {
        let mut wire = self.workers_ai_sent(path, "", body).await;
        let (reply, end) = wire.reply().await.expect("a reply");
        assert_eq!(end, BodyEnd::Whole);
        reply
    }
}
