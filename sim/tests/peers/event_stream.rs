//! The test's reader of server-sent events, by the standard: an event counts when its blank line has
//! come, comments do not count, and lines end in any way.

use crate::raw_http::{BodyEnd, Wire};
use serde_json::Value;

pub struct EventStream {
    wire: Wire,
    text: Vec<u8>,
    name: Option<String>,
    data: Option<String>,
    /// How many pieces the body came in.
    pub pieces: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SentEvent {
    pub name: Option<String>,
    pub data: String,
}

impl SentEvent {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("{} is JSON", self.data))
    }
}

impl EventStream {
    /// The body of a reply whose head was read.
    pub fn new(wire: Wire) -> Self {
        EventStream {
            wire,
            text: Vec::new(),
            name: None,
            data: None,
            pieces: 0,
        }
    }

    pub async fn next(&mut self) -> Result<SentEvent, BodyEnd> {
        loop {
            let Some(at) = self.text.iter().position(|byte| *byte == b'\n') else {
                let piece = self.wire.piece().await?;
                self.text.extend(piece);
                self.pieces += 1;
                continue;
            };
            let line: Vec<u8> = self.text.drain(..=at).collect();
            let line = String::from_utf8(line).unwrap();
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let name = self.name.take();
                if let Some(data) = self.data.take() {
                    return Ok(SentEvent { name, data });
                }
            } else if let Some(name) = line.strip_prefix("event: ") {
                self.name = Some(name.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                assert_eq!(self.data, None, "the services send one line of data");
                self.data = Some(data.to_owned());
            } else {
                assert!(line.starts_with(':'), "{line:?} is a comment");
            }
        }
    }

    /// The next event, or how the body ended; `None` if neither came in time.
    pub async fn next_within(&mut self, limit_ms: u64) -> Option<Result<SentEvent, BodyEnd>> {
        let limit = std::time::Duration::from_millis(limit_ms);
        madsim::time::timeout(limit, self.next()).await.ok()
    }

    /// All events, and how the body ended.
    pub async fn rest(&mut self) -> (Vec<SentEvent>, BodyEnd) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(event) => events.push(event),
                Err(end) => return (events, end),
            }
        }
    }
}
