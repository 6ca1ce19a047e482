//! What becomes of the payload before the call (spec §4.2, step 3): the descriptor's base under it,
//! and then a JSONata expression on the result.
//!
//! Live capabilities pass both: the merge does not look into values, and for an expression, which
//! knows JSON only, a word stands for each of them until it is evaluated.

use super::{CallableError, DispatchContext, ErrorCode, Failure, TransformInput};
use crate::{
    call::{Argument, Arguments, Capability},
    http::Request,
    jsonata,
};
use serde_json::{Map, Value};

/// What a callable is dispatched with.
#[derive(Debug)]
pub enum Payload {
    Undefined,
    Value(Argument),
    /// Only [`dispatch_fetch`](super::dispatch_fetch()) takes one.
    Request(Box<Request>),
}

impl From<Arguments> for Payload {
    fn from(arguments: Arguments) -> Self {
        Payload::Value(Argument::Record(arguments))
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Payload::Value(Argument::Json(value))
    }
}

/// The payload of a callable, or nothing if it is undefined.
///
/// # Errors
/// It is no object, and there is a base; or the expression fails.
pub fn transform(
    dispatch: &DispatchContext,
    transform: Option<&TransformInput>,
    payload: Option<Argument>,
) -> Result<Option<Argument>, CallableError> {
    let Some(transform) = transform else {
        return Ok(payload);
    };
    let merged = match &transform.shallow_merge {
        Some(base) => Some(merge(base, payload)?),
        None => payload,
    };
    match &transform.jsonata {
        Some(expression) => evaluate(dispatch, expression, merged),
        None => Ok(merged),
    }
}

fn merge(base: &Map<String, Value>, payload: Option<Argument>) -> Result<Argument, CallableError> {
    let mut merged = Arguments::from(base.clone());
    let json = match payload {
        Some(Argument::Record(fields)) => {
            for (name, value) in fields.iter() {
                merged.set(name.to_owned(), value.clone());
            }
            return Ok(Argument::Record(merged));
        }
        Some(payload) => payload.to_json(),
        None => Some(Value::Null),
    };
    match json {
        Some(Value::Null) => {}
        Some(Value::Object(fields)) => {
            for (name, value) in fields {
                merged.set(name, Argument::Json(value));
            }
        }
        other => {
            let kind = other.as_ref().map_or("a live capability", kind);
            return Err(CallableError::payload(format!(
                "shallowMerge needs an object as payload, not {kind}"
            )));
        }
    }
    Ok(Argument::Record(merged))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Evaluates an expression of the descriptor, with `$ambient` bound.
///
/// # Errors
/// It fails: `PAYLOAD_VALIDATION_FAILED`.
pub fn evaluate(
    dispatch: &DispatchContext,
    expression: &str,
    input: Option<Argument>,
) -> Result<Option<Argument>, CallableError> {
    let mut stand_ins = StandIns::default();
    let input = input.map(|input| stand_ins.put(dispatch, input));
    let mut variables = Map::new();
    variables.insert("ambient".to_owned(), dispatch.ambient.clone().into());
    let result = jsonata::evaluate(&dispatch.context, expression, input.as_ref(), &variables);
    match result {
        Ok(result) => Ok(result.map(|result| stand_ins.take_back(result))),
        Err(error) => Err(CallableError::from(Failure {
            code: ErrorCode::PayloadValidationFailed,
            message: "the payload cannot be transformed".to_owned(),
            retryable: false,
            cause: Some(error.to_string()),
            details: None,
        })),
    }
}

/// Words that stand for live capabilities.
#[derive(Default)]
struct StandIns {
    /// Drawn when the first one is needed, so that no payload can hold such a word by itself.
    prefix: Option<String>,
    capabilities: Vec<Capability>,
}

impl StandIns {
    fn put(&mut self, dispatch: &DispatchContext, argument: Argument) -> Value {
        match argument {
            Argument::Json(value) => value,
            Argument::Shared(value) => value.to_json(),
            Argument::List(list) => {
                let list = list.into_iter();
                list.map(|item| self.put(dispatch, item)).collect()
            }
            Argument::Record(record) => {
                let fields = record.iter();
                let fields = fields
                    .map(|(name, value)| (name.to_owned(), self.put(dispatch, value.clone())));
                Value::Object(fields.collect())
            }
            Argument::Capability(capability) => {
                let draw = || format!("live:{}:", dispatch.context.draw_id());
                let prefix = self.prefix.get_or_insert_with(draw);
                let word = format!("{prefix}{}", self.capabilities.len());
                self.capabilities.push(capability);
                word.into()
            }
        }
    }

    fn take_back(&self, value: Value) -> Argument {
        if self.capabilities.is_empty() {
            return Argument::Json(value);
        }
        match value {
            Value::String(text) => match self.find(&text) {
                Some(capability) => Argument::Capability(capability.clone()),
                None => Argument::Json(Value::String(text)),
            },
            Value::Array(items) => {
                let items = items.into_iter();
                Argument::List(items.map(|item| self.take_back(item)).collect())
            }
            Value::Object(fields) => {
                let mut record = Arguments::new();
                for (name, value) in fields {
                    record.set(name, self.take_back(value));
                }
                Argument::Record(record)
            }
            value => Argument::Json(value),
        }
    }

    fn find(&self, word: &str) -> Option<&Capability> {
        let number = word.strip_prefix(self.prefix.as_deref()?)?;
        self.capabilities.get(number.parse::<usize>().ok()?)
    }
}
