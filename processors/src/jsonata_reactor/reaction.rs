//! What a rule makes of an event: the events that its reactions compute, each with a key.
//!
//! **Keys.** A reaction that says no key of its own gets one, of the rule, its place in the rule, and the
//! event that caused it: whoever delivers the event again gets no second reaction. In production
//! such a reaction has no key. On another stream several reactors may append, and a log may begin anew at
//! offset 1: there the key also holds where and when the cause was written.
//!
//! **Depth.** A rule may match what it has appended itself, and would then react for ever. A reaction
//! therefore carries, in its metadata, how many reactions led to it, across streams too; what came of
//! [`DEPTH_MAX`] reactions is not reacted to any more.

use super::contract::{Rule, CONTRACT};
use runtime::{
    call::Wire,
    event::{Event, EventInput, EventType, IdempotencyKey, StreamName, StreamPath},
    jsonata::{evaluate, JsonataError},
    object::Context,
    schema::{from_json, optional_text, present, text},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// So many reactions may follow from one another.
pub const DEPTH_MAX: u64 = 8;

/// Where an event's metadata says how many reactions led to it.
pub const DEPTH_KEY: &str = "reactionDepth";

/// An event on its way to a stream: the own one, if there is no path.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    pub path: Option<StreamPath>,
    pub event: EventInput,
}

/// Why a rule could not be applied; the batch fails.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReactionError {
    #[error("rule {rule:?}: {error}")]
    Expression { rule: String, error: JsonataError },
    #[error("rule {rule:?} computed {computed}, which is no reaction: {reason}")]
    Misfit {
        rule: String,
        computed: Value,
        reason: String,
    },
}

/// What a reaction computes, for one event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Computed {
    #[serde(default, deserialize_with = "optional_text")]
    stream_path: Option<String>,
    event: ComputedEvent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ComputedEvent {
    #[serde(rename = "type", deserialize_with = "text")]
    kind: String,
    payload: Value,
    #[serde(default, deserialize_with = "present")]
    metadata: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "present")]
    idempotency_key: Option<IdempotencyKey>,
}

/// An event that rules are applied to.
pub struct Cause<'a> {
    event: &'a Event,
    /// What expressions see of it.
    json: Value,
    /// Whose log it is in.
    own: &'a StreamName,
}

impl<'a> Cause<'a> {
    pub fn new(event: &'a Event, own: &'a StreamName) -> Self {
        let json = event.to_json();
        Cause { event, json, own }
    }

    /// How many reactions led to it.
    pub fn depth(&self) -> u64 {
        let metadata = self.event.metadata.as_ref();
        let depth = metadata.and_then(|metadata| metadata.get(DEPTH_KEY));
        depth.and_then(Value::as_u64).unwrap_or(0)
    }

    /// # Errors
    /// The matcher cannot be evaluated.
    pub fn matches(
        &self,
        context: &Context,
        slug: &str,
        rule: &Rule,
    ) -> Result<bool, ReactionError> {
        let matched = self.evaluate(context, slug, &rule.matcher)?;
        Ok(matched.is_some_and(|value| is_truthy(&value)))
    }

    /// What a rule that matches makes of it. `is_keyed`: what says no key gets one.
    ///
    /// # Errors
    /// An expression cannot be evaluated, or gives something else than events.
    pub fn reactions(
        &self,
        context: &Context,
        slug: &str,
        rule: &Rule,
        is_keyed: bool,
    ) -> Result<Vec<Append>, ReactionError> {
        let mut appends = Vec::new();
        for (place, reaction) in rule.reactions.iter().enumerate() {
            let computed = match self.evaluate(context, slug, &reaction.events)? {
                Some(Value::Array(list)) => list,
                Some(one) => vec![one],
                // In JSONata, a list of nothing.
                None => Vec::new(),
            };
            for (index, computed) in computed.into_iter().enumerate() {
                let mut append = self.append(slug, computed)?;
                if append.event.idempotency_key.is_none() && is_keyed {
                    let name = format!("reaction/{slug}/{place}/{index}");
                    append.event = append.event.keyed(self.key(&name, append.path.as_ref()));
                }
                appends.push(append);
            }
        }
        Ok(appends)
    }

    fn evaluate(
        &self,
        context: &Context,
        slug: &str,
        expression: &str,
    ) -> Result<Option<Value>, ReactionError> {
        let outcome = evaluate(context, expression, Some(&self.json), &Map::new());
        outcome.map_err(|error| ReactionError::Expression {
            rule: slug.to_owned(),
            error,
        })
    }

    /// Where a computed event goes; its path is resolved against this stream's.
    fn append(&self, slug: &str, computed: Value) -> Result<Append, ReactionError> {
        let misfit = |reason: String| ReactionError::Misfit {
            rule: slug.to_owned(),
            computed: computed.clone(),
            reason,
        };
        let fitting: Computed = from_json(&computed).map_err(|error| misfit(error.to_string()))?;
        let path = match fitting.stream_path {
            None => None,
            Some(path) => {
                let path = self.own.path.resolve(&path);
                let path = path.map_err(|error| misfit(error.to_string()))?;
                (path != self.own.path).then_some(path)
            }
        };
        let mut metadata = fitting.event.metadata.unwrap_or_default();
        metadata.insert(DEPTH_KEY.to_owned(), (self.depth() + 1).into());
        let event = EventInput {
            kind: EventType::from(fitting.event.kind.as_str()),
            payload: Some(Arc::new(fitting.event.payload)),
            metadata: Some(metadata),
            source: None,
            idempotency_key: fitting.event.idempotency_key,
            offset: None,
        };
        Ok(Append { path, event })
    }

    /// A key for what this event causes, in that stream.
    fn key(&self, name: &str, path: Option<&StreamPath>) -> String {
        let Event {
            offset, created_at, ..
        } = self.event;
        match path {
            None => CONTRACT.key_at(name, *offset),
            Some(_) => {
                let name = format!("{name}/{}/{}", self.own.path, created_at.unix_ms);
                CONTRACT.key_at(&name, *offset)
            }
        }
    }
}

/// As JavaScript has it, which production is written in.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn truth_is_that_of_javascript() {
        for truthy in [
            json!(true),
            json!(-1),
            json!("0"),
            json!([]),
            json!({}),
            json!([false]),
        ] {
            assert!(is_truthy(&truthy), "{truthy}");
        }
        for falsy in [json!(null), json!(false), json!(0), json!(0.0), json!("")] {
            assert!(!is_truthy(&falsy), "{falsy}");
        }
    }
}
