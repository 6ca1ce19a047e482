//! What travels between objects: a method name with named arguments, and one value back.
//!
//! An argument is JSON by value, a live capability by reference, or a shared immutable value
//! (an event, a core state) that a remote transport would write as JSON and a local one passes on.

use crate::{platform::StorageError, schema::from_json};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::{Map, Value};
use std::{any::Any, borrow::Cow, fmt, sync::Arc};

/// A shared immutable value that has a JSON form.
pub trait Wire: Any + Send + Sync {
    fn to_json(&self) -> Value;

    /// The JSON form as text.
    fn to_json_text(&self) -> String {
        self.to_json().to_string()
    }
}

impl<T: Wire> Wire for Vec<Arc<T>> {
    fn to_json(&self) -> Value {
        self.iter().map(|item| item.to_json()).collect()
    }
}

/// The name of a durable object: its class's binding and its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace binding, such as `STREAM` or `AGENT`.
    pub binding: Cow<'static, str>,
    /// Usually `<project>:<path>`.
    pub name: Arc<str>,
}

impl ObjectName {
    pub fn new(binding: impl Into<Cow<'static, str>>, name: impl Into<Arc<str>>) -> Self {
        ObjectName {
            binding: binding.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.binding.to_ascii_lowercase(), self.name)
    }
}

/// A live reference to something that one incarnation of an object exported. It breaks when that
/// incarnation ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability {
    pub object: ObjectName,
    pub incarnation: u64,
    pub export: u64,
}

/// One value of a call.
#[derive(Clone)]
pub enum Argument {
    Json(Value),
    Capability(Capability),
    Shared(Arc<dyn Wire>),
    /// Values in order, live capabilities among them.
    List(Vec<Argument>),
    /// Named values, live capabilities among them.
    Record(Arguments),
}

impl Argument {
    pub const NULL: Argument = Argument::Json(Value::Null);

    pub fn json(value: impl Serialize) -> Self {
        Argument::Json(serde_json::to_value(value).expect("an argument of ours serializes"))
    }

    pub fn shared<T: Wire>(value: Arc<T>) -> Self {
        Argument::Shared(value)
    }

    /// The JSON form; a capability has none, and neither has a list or record that holds one.
    pub fn to_json(&self) -> Option<Value> {
        match self {
            Argument::List(list) => {
                let list = list.iter().map(Argument::to_json);
                list.collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Argument::Record(record) => record
                .iter()
                .map(|(name, value)| Some((name.to_owned(), value.to_json()?)))
                .collect::<Option<Map<_, _>>>()
                .map(Value::Object),
            Argument::Json(value) => Some(value.clone()),
            Argument::Shared(value) => Some(value.to_json()),
            Argument::Capability(_) => None,
        }
    }

    /// The value parsed from JSON.
    ///
    /// # Errors
    /// It is a capability, or JSON of another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let parsed =
            match self {
                Argument::Json(value) => from_json(value),
                argument => {
                    let value = argument.to_json();
                    from_json(&value.ok_or_else(|| {
                        CallError::invalid("expected a value, got a live capability")
                    })?)
                }
            };
        parsed.map_err(|error| CallError::invalid(error.to_string()))
    }

    /// The named values of a record; of a JSON object, if nothing in the record was live.
    ///
    /// # Errors
    /// It is something else.
    pub fn record(&self) -> Result<Cow<'_, Arguments>, CallError> {
        match self {
            Argument::Record(record) => Ok(Cow::Borrowed(record)),
            Argument::Json(Value::Object(fields)) => {
                Ok(Cow::Owned(Arguments::from(fields.clone())))
            }
            _ => Err(CallError::invalid("expected a record")),
        }
    }

    /// The shared value, as the caller holds it; or, from a transport that writes values as JSON,
    /// parsed. What is not of that type is judged by its JSON form, so both transports agree.
    ///
    /// # Errors
    /// It is a capability, or of another shape.
    pub fn to_shared<T: Wire + DeserializeOwned>(&self) -> Result<Arc<T>, CallError> {
        if let Argument::Shared(value) = self {
            let any: Arc<dyn Any + Send + Sync> = value.clone();
            if let Ok(shared) = any.downcast() {
                return Ok(shared);
            }
        }
        self.parse().map(Arc::new)
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Json(value) => write!(f, "{value}"),
            Argument::Shared(value) => write!(f, "{}", value.to_json()),
            Argument::List(list) => f.debug_list().entries(list).finish(),
            Argument::Record(record) => f.debug_map().entries(record.iter()).finish(),
            Argument::Capability(capability) => {
                write!(f, "<{}#{}>", capability.object, capability.export)
            }
        }
    }
}

/// The named arguments of a call, in the order given. Later ones win.
#[derive(Clone, Debug, Default)]
pub struct Arguments(Vec<(Cow<'static, str>, Argument)>);

impl Arguments {
    pub fn new() -> Self {
        Arguments::default()
    }

    /// What a caller without names for its arguments passes. One object is the named arguments;
    /// anything else is named by its position, from `0`.
    pub fn positional(arguments: Vec<Argument>) -> Self {
        let record = match arguments.as_slice() {
            [Argument::Record(record)] => Some(record.clone()),
            [Argument::Json(Value::Object(object))] => Some(Arguments::from(object.clone())),
            [Argument::Shared(value)] => match value.to_json() {
                Value::Object(object) => Some(Arguments::from(object)),
                _ => None,
            },
            _ => None,
        };
        record.unwrap_or_else(|| {
            let arguments = arguments.into_iter().enumerate();
            let named = arguments.map(|(position, value)| (position.to_string().into(), value));
            Arguments(named.collect())
        })
    }

    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: Argument) -> Self {
        self.set(name, value);
        self
    }

    pub fn json(self, name: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        self.with(name, Argument::json(value))
    }

    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Argument) {
        let name = name.into();
        match self.0.iter_mut().find(|(existing, _)| *existing == name) {
            Some((_, existing)) => *existing = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Argument> {
        self.0
            .iter()
            .find(|(existing, _)| existing == name)
            .map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Argument)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// # Errors
    /// The argument is missing.
    pub fn require(&self, name: &str) -> Result<&Argument, CallError> {
        self.get(name)
            .ok_or_else(|| CallError::invalid(format!("argument {name:?} is missing")))
    }

    /// A required argument, parsed from JSON.
    ///
    /// # Errors
    /// It is missing or of another shape; the message names it.
    pub fn parse<T: DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        self.require(name)?
            .parse()
            .map_err(|error| CallError::invalid(format!("argument {name:?}: {error}")))
    }

    /// An optional argument, parsed from JSON; `null` counts as absent.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn parse_optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CallError> {
        match self.get(name) {
            None | Some(Argument::Json(Value::Null)) => Ok(None),
            Some(_) => self.parse(name).map(Some),
        }
    }

    /// A required argument, as [`Argument::to_shared`].
    ///
    /// # Errors
    /// It is missing or of another shape; the message names it.
    pub fn shared<T: Wire + DeserializeOwned>(&self, name: &str) -> Result<Arc<T>, CallError> {
        self.require(name)?
            .to_shared()
            .map_err(|error| CallError::invalid(format!("argument {name:?}: {error}")))
    }

    /// An optional argument, as [`Argument::to_shared`]; `null` counts as absent.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn shared_optional<T: Wire + DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<Arc<T>>, CallError> {
        match self.get(name) {
            None | Some(Argument::Json(Value::Null)) => Ok(None),
            Some(_) => self.shared(name).map(Some),
        }
    }

    /// A required live capability.
    ///
    /// # Errors
    /// It is missing or a plain value.
    pub fn capability(&self, name: &str) -> Result<Capability, CallError> {
        match self.require(name)? {
            Argument::Capability(capability) => Ok(capability.clone()),
            _ => Err(CallError::invalid(format!(
                "argument {name:?} is not a live capability"
            ))),
        }
    }
}

impl From<Map<String, Value>> for Arguments {
    fn from(object: Map<String, Value>) -> Self {
        let fields = object.into_iter();
        Arguments(
            fields
                .map(|(name, value)| (name.into(), Argument::Json(value)))
                .collect(),
        )
    }
}

/// How a call between objects fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection was lost while the call was under way: whether it had its effect is unknown.
    #[error("connection lost, outcome unknown: {0}")]
    Disconnected(String),
    /// The stub is dead: the call was not sent.
    #[error("broken stub: {0}")]
    Broken(String),
    /// The platform refused the call before it was delivered: nothing took effect.
    #[error("overloaded: {0}")]
    Overloaded(String),
    /// There is no such binding, object class or method.
    #[error("unresolved: {0}")]
    Unresolved(String),
    /// The callee refused or failed; `code` is stable, the message is for people.
    #[error("{message}")]
    Remote {
        code: Cow<'static, str>,
        message: String,
    },
}

impl CallError {
    /// The code of an argument that is missing or of a wrong shape.
    pub const INVALID: &'static str = "invalid-argument";

    /// The code of an object whose storage refused a write: the call had no effect there.
    pub const STORAGE: &'static str = "storage-failed";

    /// The code of an object that does not answer requests.
    pub const NOT_FETCHABLE: &'static str = "not-fetchable";

    pub fn remote(code: &'static str, message: impl Into<String>) -> Self {
        CallError::Remote {
            code: Cow::Borrowed(code),
            message: message.into(),
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        CallError::remote(CallError::INVALID, message)
    }

    /// The callee's own code, if it was the callee that failed.
    pub fn code(&self) -> Option<&str> {
        match self {
            CallError::Remote { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The way there failed, or the callee's storage, and not what was asked: the same call may
    /// succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            CallError::Disconnected(_) | CallError::Broken(_) | CallError::Overloaded(_) => true,
            CallError::Remote { code, .. } => code == CallError::STORAGE,
            CallError::Unresolved(_) => false,
        }
    }
}

impl From<StorageError> for CallError {
    fn from(error: StorageError) -> Self {
        CallError::remote(CallError::STORAGE, error.to_string())
    }
}
