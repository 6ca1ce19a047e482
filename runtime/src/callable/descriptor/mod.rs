//! The descriptor (spec §4.1): every object strict, every rule checked when it is parsed, so that
//! a [`Callable`] in hand is a valid one.
//!
//! - [`via`]: through what the target is reached.
//! - [`worker`]: a worker that brings its own code.
//! - [`method`], [`transform`], [`fetch_request`]: what is called, and with what.
//! - [`fields`]: strict objects, and refusals that name the field and the value.

mod fetch_request;
mod fields;
mod method;
mod transform;
mod via;
mod worker;

pub use fetch_request::{BasePath, FetchRequest, PathMode, PathRule};
pub use fields::Invalid;
pub use method::RpcMethod;
pub use transform::TransformInput;
pub use via::{BindingVia, DurableObjectAddress, FetchVia, HttpUrl};
pub use worker::{DynamicWorker, Entrypoint, WorkerCode, LOADER_BINDING};

use fields::{Field, Object, Written};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

const SCHEMA: &str = "https://schemas.iterate.com/callable/v1";
const FETCH: &str = "fetch";
const WORKERS_RPC: &str = "workers-rpc";

/// The method by which a stream dials a host, and the field that says which processor it means.
const HANDSHAKE_METHOD: &str = "requestStreamSubscription";
const PROCESSOR_NAME: &str = "processorName";

/// A validated descriptor.
#[derive(Clone, Debug, PartialEq)]
pub enum Callable {
    Fetch(Box<FetchCallable>),
    WorkersRpc(Box<RpcCallable>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct FetchCallable {
    has_schema: bool,
    pub(super) via: FetchVia,
    pub(super) transform_input: Option<TransformInput>,
    pub(super) fetch_request: Option<FetchRequest>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RpcCallable {
    has_schema: bool,
    pub(super) via: BindingVia,
    pub(super) rpc_method: RpcMethod,
    args_mode: Option<ArgsMode>,
    pub(super) transform_input: Option<TransformInput>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArgsMode {
    /// The input is the one argument.
    #[default]
    Object,
    /// The input is the list of arguments.
    Positional,
}

/// A processor that a durable object hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostedProcessor<'a> {
    pub binding_name: &'a str,
    /// The object's name.
    pub object: &'a str,
    pub processor: &'a str,
}

impl Callable {
    /// # Errors
    /// A rule of the descriptor is broken.
    pub fn parse(descriptor: &Value) -> Result<Self, Invalid> {
        let mut object = Field::root(descriptor).object()?;
        let kind = object.required("type")?;
        let callable = match kind.one_of(&[(FETCH, true), (WORKERS_RPC, false)])? {
            true => Callable::Fetch(Box::new(FetchCallable::parse(&mut object)?)),
            false => Callable::WorkersRpc(Box::new(RpcCallable::parse(&mut object)?)),
        };
        object.end()?;
        Ok(callable)
    }

    pub fn to_json(&self) -> Value {
        match self {
            Callable::Fetch(fetch) => fetch.to_json(),
            Callable::WorkersRpc(rpc) => rpc.to_json(),
        }
    }

    /// The standard descriptor of a processor that an object hosts (spec §1.8).
    pub fn hosted_processor(binding_name: &str, object: &str, processor: &str) -> Self {
        let mut shallow_merge = Map::new();
        shallow_merge.insert(PROCESSOR_NAME.to_owned(), processor.into());
        let via = BindingVia::object(binding_name, object);
        Callable::WorkersRpc(Box::new(RpcCallable {
            args_mode: Some(ArgsMode::Object),
            transform_input: Some(TransformInput {
                shallow_merge: Some(shallow_merge),
                jsonata: None,
            }),
            ..RpcCallable::plain(via, HANDSHAKE_METHOD)
        }))
    }

    /// A method of an object.
    ///
    /// # Panics
    /// The method is none that a descriptor may name.
    pub fn object_method(binding_name: &str, object: &str, method: &str) -> Self {
        let via = BindingVia::object(binding_name, object);
        Callable::WorkersRpc(Box::new(RpcCallable::plain(via, method)))
    }

    /// A method of an export of the caller's own worker.
    ///
    /// # Panics
    /// The method is none that a descriptor may name.
    pub fn export_method(export_name: &str, props: Option<Value>, method: &str) -> Self {
        let via = BindingVia::LoopbackService {
            export_name: export_name.to_owned(),
            props,
        };
        Callable::WorkersRpc(Box::new(RpcCallable::plain(via, method)))
    }

    /// Which hosted processor this dials, if it has the standard shape.
    pub fn as_hosted_processor(&self) -> Option<HostedProcessor<'_>> {
        let Callable::WorkersRpc(rpc) = self else {
            return None;
        };
        let BindingVia::EnvDurableObject {
            binding_name,
            durable_object: DurableObjectAddress::Name(object),
        } = &rpc.via
        else {
            return None;
        };
        let Some(TransformInput {
            shallow_merge: Some(base),
            jsonata: None,
        }) = &rpc.transform_input
        else {
            return None;
        };
        if rpc.rpc_method.as_str() != HANDSHAKE_METHOD || rpc.args_mode() != ArgsMode::Object {
            return None;
        }
        Some(HostedProcessor {
            binding_name,
            object,
            processor: base.get(PROCESSOR_NAME)?.as_str()?,
        })
    }
}

impl FetchCallable {
    fn parse(object: &mut Object<'_>) -> Result<Self, Invalid> {
        let has_schema = parse_schema(object)?;
        let via = object.required("via")?;
        let transform = object.optional("transformInput");
        let fetch_request = object.optional("fetchRequest");
        Ok(FetchCallable {
            has_schema,
            via: FetchVia::parse(via)?,
            transform_input: transform.map(TransformInput::parse).transpose()?,
            fetch_request: fetch_request.map(FetchRequest::parse).transpose()?,
        })
    }

    fn to_json(&self) -> Value {
        let transform = self.transform_input.as_ref();
        let fetch_request = self.fetch_request.as_ref();
        Written::default()
            .with("type", FETCH)
            .with_some("schema", self.has_schema.then_some(SCHEMA))
            .with("via", self.via.to_json())
            .with_some("transformInput", transform.map(TransformInput::to_json))
            .with_some("fetchRequest", fetch_request.map(FetchRequest::to_json))
            .into()
    }
}

const ARGS_MODES: [(&str, ArgsMode); 2] = [
    ("object", ArgsMode::Object),
    ("positional", ArgsMode::Positional),
];

impl RpcCallable {
    fn plain(via: BindingVia, method: &str) -> Self {
        let rpc_method = RpcMethod::new(method);
        RpcCallable {
            has_schema: false,
            via,
            rpc_method: rpc_method.unwrap_or_else(|error| panic!("method {method:?} {error}")),
            args_mode: None,
            transform_input: None,
        }
    }

    pub fn args_mode(&self) -> ArgsMode {
        self.args_mode.unwrap_or_default()
    }

    fn parse(object: &mut Object<'_>) -> Result<Self, Invalid> {
        let has_schema = parse_schema(object)?;
        let via = object.required("via")?;
        let method = object.required("rpcMethod")?;
        let args_mode = object.optional("argsMode");
        let transform = object.optional("transformInput");
        let rpc = RpcCallable {
            has_schema,
            via: BindingVia::parse(via)?,
            rpc_method: method.parse(RpcMethod::new)?,
            args_mode: args_mode.map(|mode| mode.one_of(&ARGS_MODES)).transpose()?,
            transform_input: transform.clone().map(TransformInput::parse).transpose()?,
        };
        let merges_only = |transform: &TransformInput| transform.jsonata.is_none();
        match (transform, &rpc.transform_input) {
            (Some(field), Some(transform))
                if rpc.args_mode() == ArgsMode::Positional && merges_only(transform) =>
            {
                Err(field.refuse(
                    "must have \"jsonata\" with positional arguments: a merge makes no list",
                ))
            }
            _ => Ok(rpc),
        }
    }

    fn to_json(&self) -> Value {
        let word = |mode: ArgsMode| {
            let named = ARGS_MODES.iter().find(|(_, named)| *named == mode);
            named.expect("every mode has a word").0
        };
        let transform = self.transform_input.as_ref();
        Written::default()
            .with("type", WORKERS_RPC)
            .with_some("schema", self.has_schema.then_some(SCHEMA))
            .with("via", self.via.to_json())
            .with("rpcMethod", self.rpc_method.as_str())
            .with_some("argsMode", self.args_mode.map(word))
            .with_some("transformInput", transform.map(TransformInput::to_json))
            .into()
    }
}

/// Whether the optional `schema` is there.
fn parse_schema(object: &mut Object<'_>) -> Result<bool, Invalid> {
    match object.optional("schema") {
        Some(schema) => schema.one_of(&[(SCHEMA, true)]),
        None => Ok(false),
    }
}

impl Serialize for Callable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Callable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let descriptor = Value::deserialize(deserializer)?;
        Callable::parse(&descriptor).map_err(serde::de::Error::custom)
    }
}
