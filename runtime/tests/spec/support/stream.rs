//! A stream, as a client calls it: JSON in, JSON out.

use super::World;
use runtime::{
    call::{Argument, Arguments, CallError, ObjectName},
    callable::Callable,
    event::{Event, EventType, StreamName},
    object::{Context, Stub},
    stream::{contract::SUBSCRIPTION_CONFIGURED, BINDING},
};
use serde_json::{json, Value};

pub struct Stream {
    pub world: World,
    pub name: ObjectName,
    pub client: Context,
    stub: Stub,
}

impl Stream {
    pub fn new(world: World, name: StreamName, client: Context) -> Self {
        Stream {
            world,
            stub: client.object(BINDING, &name),
            name: ObjectName::new(BINDING, name.to_string()),
            client,
        }
    }

    pub async fn call(&self, method: &str, arguments: Arguments) -> Result<Argument, CallError> {
        self.stub.call(method.to_owned(), arguments).await
    }

    /// Calls with the fields of a JSON object as arguments; a JSON answer.
    pub async fn ask(&self, method: &str, fields: Value) -> Result<Value, CallError> {
        let Value::Object(fields) = fields else {
            panic!("arguments are named");
        };
        let arguments = fields
            .into_iter()
            .fold(Arguments::new(), |arguments, field| {
                arguments.with(field.0, Argument::Json(field.1))
            });
        let answer = self.call(method, arguments).await?;
        Ok(answer.to_json().expect("a JSON answer"))
    }

    pub async fn try_append(&self, events: Value) -> Result<Vec<Event>, CallError> {
        let answer = self.ask("appendBatch", json!({ "events": events })).await?;
        Ok(serde_json::from_value(answer).expect("committed events"))
    }

    /// Appends events; their offsets.
    pub async fn append(&self, events: Value) -> Vec<u64> {
        let appended = self.try_append(events).await.expect("it is taken");
        appended.iter().map(|event| event.offset.0).collect()
    }

    /// Appends so many events of no meaning, as one batch.
    pub async fn append_many(&self, kind: &str, count: usize) {
        let events: Vec<Value> = vec![json!({ "type": kind }); count];
        self.append(json!(events)).await;
    }

    pub async fn log(&self) -> Vec<Event> {
        let log = self.ask("getEvents", json!({})).await.expect("a log");
        serde_json::from_value(log).expect("events")
    }

    pub async fn events_of(&self, kind: &EventType) -> Vec<Event> {
        let log = self.log().await.into_iter();
        log.filter(|event| event.kind == *kind).collect()
    }

    pub async fn count(&self, kind: &EventType) -> usize {
        self.events_of(kind).await.len()
    }

    /// `type` and, of presence facts, the direction or the reason, from an offset on.
    pub async fn story(&self, from: u64) -> Vec<String> {
        let log = self.log().await.into_iter();
        log.filter(|event| event.offset.0 >= from)
            .map(|event| {
                let kind = event.kind.to_string();
                let word = kind.rsplit('/').next().expect("one part").to_owned();
                let payload = event.payload.unwrap_or_default();
                match payload.get("reason").or(payload.get("direction")) {
                    Some(Value::String(how)) => format!("{word} {how}"),
                    _ => word,
                }
            })
            .collect()
    }

    pub async fn runtime_state(&self) -> Value {
        let state = self.ask("runtimeState", json!({})).await;
        state.expect("a stream tells its state")
    }

    /// The core state.
    pub async fn state(&self) -> Value {
        self.runtime_state().await["coreProcessorState"].take()
    }

    /// A crash, and a new incarnation.
    pub async fn restart(&self) {
        self.world.crash(&self.name);
        self.runtime_state().await;
        self.world.settle().await;
    }
}

/// A subscription of a processor that an object hosts.
pub fn configure(key: &str, binding: &str, object: &str, processor: &str) -> Value {
    let callable = Callable::hosted_processor(binding, object, processor);
    json!({
        "type": SUBSCRIPTION_CONFIGURED,
        "payload": {
            "subscriptionKey": key,
            "subscriber": { "type": "callable", "callable": callable },
        },
    })
}
