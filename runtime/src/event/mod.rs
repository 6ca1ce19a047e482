//! The event envelope (spec §1.1): what an appender hands in, and what a stream commits.
//!
//! An [`EventInput`] is strict: any key that is not listed here is an error. An [`Event`] is the
//! same fields with an offset and a creation time; it is immutable and shared by reference.

mod kind;
mod offset;
mod path;
mod timestamp;

pub use kind::EventType;
pub use offset::Offset;
pub use path::{PathError, StreamName, StreamPath};
pub use timestamp::Timestamp;

use crate::{
    call::Wire,
    schema::{from_json, present},
};
use serde::{de::DeserializeOwned, Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an appender hands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventInput {
    #[serde(rename = "type")]
    pub kind: EventType,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub payload: Option<Arc<Value>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub metadata: Option<Map<String, Value>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub source: Option<Source>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub idempotency_key: Option<IdempotencyKey>,
    /// A precondition: the offset that the event must get (spec §1.2).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub offset: Option<Offset>,
}

impl EventInput {
    pub fn new(kind: EventType, payload: impl Serialize) -> Self {
        EventInput {
            kind,
            payload: Some(Arc::new(
                serde_json::to_value(payload).expect("a payload of ours serializes"),
            )),
            metadata: None,
            source: None,
            idempotency_key: None,
            offset: None,
        }
    }

    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.idempotency_key =
            Some(IdempotencyKey::new(&key).expect("an idempotency key of ours is not blank"));
        self
    }

    /// Sets the precondition: the append fails unless the event gets this offset.
    pub fn at(mut self, offset: Offset) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The payload, parsed; none if it is not of that shape.
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        from_json(self.payload.as_deref()?).ok()
    }
}

/// A committed event. Offsets are dense and start at 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: EventType,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub payload: Option<Arc<Value>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub metadata: Option<Map<String, Value>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub source: Option<Source>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub idempotency_key: Option<IdempotencyKey>,
    pub offset: Offset,
    pub created_at: Timestamp,
}

impl Event {
    /// The payload, parsed. An absent payload is parsed like `null`.
    ///
    /// # Errors
    /// The payload is not of that shape; the message names the type and the offset.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let payload = self.payload.as_deref().unwrap_or(&Value::Null);
        from_json(payload).map_err(|error| PayloadError {
            kind: self.kind.clone(),
            offset: self.offset,
            message: error.to_string(),
        })
    }
}

impl Event {
    /// The JSON form has at most that many bytes.
    pub fn json_bytes_max(&self) -> usize {
        /// Keys, offset, creation time and punctuation of the envelope.
        const ENVELOPE_BYTES: usize = 512;
        let payload = self.payload.as_deref().map_or(0, json_bytes_max);
        let metadata = self
            .metadata
            .iter()
            .flatten()
            .map(|(key, value)| text_bytes_max(key) + json_bytes_max(value));
        let source = self.source.iter().flat_map(|source| &source.processor);
        let source = source.map(|by| text_bytes_max(&by.slug) + text_bytes_max(&by.version));
        let key = self.idempotency_key.as_ref();
        ENVELOPE_BYTES
            + text_bytes_max(self.kind.as_str())
            + key.map_or(0, |key| text_bytes_max(key.as_str()))
            + payload
            + metadata.sum::<usize>()
            + source.sum::<usize>()
    }
}

fn json_bytes_max(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 6,
        Value::Number(_) => 32,
        Value::String(text) => text_bytes_max(text),
        Value::Array(items) => 2 + items.iter().map(json_bytes_max).sum::<usize>(),
        Value::Object(map) => {
            let fields = map.iter();
            let fields = fields.map(|(key, value)| text_bytes_max(key) + json_bytes_max(value));
            2 + fields.sum::<usize>()
        }
    }
}

/// Quotes, punctuation, and every byte escaped as `\u00XX`.
fn text_bytes_max(text: &str) -> usize {
    6 * text.len() + 4
}

impl Wire for Event {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("an event serializes")
    }

    fn to_json_text(&self) -> String {
        serde_json::to_string(self).expect("an event serializes")
    }
}

impl Wire for EventInput {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("an event serializes")
    }
}

/// A payload that does not fit the schema of its event type.
#[derive(Clone, Debug, thiserror::Error)]
#[error("payload of {kind} at offset {offset}: {message}")]
pub struct PayloadError {
    pub kind: EventType,
    pub offset: Offset,
    pub message: String,
}

/// Which processor appended the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub processor: Option<SourceProcessor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceProcessor {
    pub slug: String,
    pub version: String,
}

/// A key that makes an append happen at most once in a stream: trimmed and never blank.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// # Errors
    /// The key is blank.
    pub fn new(key: &str) -> Result<Self, String> {
        match key.trim() {
            "" => Err("idempotencyKey must not be blank".to_owned()),
            key => Ok(IdempotencyKey(key.into())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        IdempotencyKey::new(&key).map_err(serde::de::Error::custom)
    }
}
