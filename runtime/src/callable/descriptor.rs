//! The descriptor (spec §4.1): every object strict, every rule checked when it is parsed.
//!
//! Built so far: `workers-rpc` through a durable-object namespace of the environment, with
//! `shallowMerge`. Every other form is refused by name.

use crate::schema::present;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::fmt;

const SCHEMA: &str = "https://schemas.iterate.com/callable/v1";

/// Methods that a descriptor must not name: they are part of every object, not of its surface.
const DENIED_METHODS: [&str; 29] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "alarm",
    "apply",
    "bind",
    "call",
    "connect",
    "constructor",
    "dup",
    "email",
    "fetch",
    "hasOwnProperty",
    "isPrototypeOf",
    "prototype",
    "propertyIsEnumerable",
    "queue",
    "scheduled",
    "tail",
    "then",
    "toLocaleString",
    "toString",
    "trace",
    "valueOf",
    "webSocketClose",
    "webSocketError",
    "webSocketMessage",
];

/// A validated descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Callable {
    #[serde(rename = "workers-rpc")]
    WorkersRpc(WorkersRpc),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkersRpc {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "schema_literal"
    )]
    pub schema: Option<String>,
    pub via: DurableObjectNamespace,
    pub rpc_method: RpcMethod,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub args_mode: Option<ArgsMode>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub transform_input: Option<TransformInput>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgsMode {
    Object,
}

/// `via` an `env-binding` of type `durable-object-namespace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DurableObjectNamespace {
    #[serde(rename = "type")]
    kind: EnvBinding,
    binding_type: DurableObjectNamespaceTag,
    #[serde(deserialize_with = "not_empty")]
    pub binding_name: String,
    pub durable_object: DurableObjectAddress,
}

impl DurableObjectNamespace {
    pub fn named(binding_name: &str, name: impl Into<String>) -> Self {
        DurableObjectNamespace {
            kind: EnvBinding::Tag,
            binding_type: DurableObjectNamespaceTag::Tag,
            binding_name: binding_name.to_owned(),
            durable_object: DurableObjectAddress { name: name.into() },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum EnvBinding {
    #[serde(rename = "env-binding")]
    Tag,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum DurableObjectNamespaceTag {
    #[serde(rename = "durable-object-namespace")]
    Tag,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurableObjectAddress {
    #[serde(deserialize_with = "not_empty")]
    pub name: String,
}

/// One identifier, not on the deny-list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RpcMethod(String);

impl RpcMethod {
    /// # Errors
    /// It is not an identifier, or it is denied.
    pub fn new(method: &str) -> Result<Self, String> {
        let mut characters = method.chars();
        let starts_well = characters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
        let goes_on_well = characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
        if !starts_well || !goes_on_well {
            return Err(format!("rpcMethod {method:?} is not one identifier"));
        }
        if DENIED_METHODS.contains(&method) {
            return Err(format!("rpcMethod {method:?} is not allowed"));
        }
        Ok(RpcMethod(method.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RpcMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RpcMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let method = String::deserialize(deserializer)?;
        RpcMethod::new(&method).map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransformInput {
    /// The payload is laid over this base; the payload wins.
    pub shallow_merge: Map<String, Value>,
}

impl Callable {
    /// The standard descriptor of a processor that an object hosts (spec §1.8).
    pub fn hosted_processor(binding_name: &str, object: &str, processor: &str) -> Self {
        let mut shallow_merge = Map::new();
        shallow_merge.insert("processorName".to_owned(), processor.into());
        Callable::WorkersRpc(WorkersRpc {
            schema: None,
            via: DurableObjectNamespace::named(binding_name, object),
            rpc_method: RpcMethod::new("requestStreamSubscription").expect("an identifier"),
            args_mode: Some(ArgsMode::Object),
            transform_input: Some(TransformInput { shallow_merge }),
        })
    }
}

fn schema_literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let schema = String::deserialize(deserializer)?;
    match schema == SCHEMA {
        true => Ok(Some(schema)),
        false => Err(serde::de::Error::custom(format!(
            "schema {schema:?} is not {SCHEMA:?}"
        ))),
    }
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.is_empty() {
        true => Err(serde::de::Error::custom("must not be empty")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn descriptor() -> Value {
        json!({
            "type": "workers-rpc",
            "via": {
                "type": "env-binding",
                "bindingType": "durable-object-namespace",
                "bindingName": "AGENT",
                "durableObject": { "name": "p1:/agents/a" },
            },
            "rpcMethod": "requestStreamSubscription",
            "argsMode": "object",
            "transformInput": { "shallowMerge": { "processorName": "agent" } },
        })
    }

    #[test]
    fn the_standard_descriptor_round_trips() {
        let callable: Callable = serde_json::from_value(descriptor()).unwrap();
        let standard = Callable::hosted_processor("AGENT", "p1:/agents/a", "agent");
        assert_eq!(callable, standard);
        assert_eq!(serde_json::to_value(&callable).unwrap(), descriptor());
    }
}
