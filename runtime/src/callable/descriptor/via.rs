//! `via`: through what a callable reaches its target. Only a fetch can go to a URL.

use super::{
    fields::{Field, Invalid, Object, Written},
    worker::DynamicWorker,
};
use serde_json::Value;
use url::Url;

#[derive(Clone, Debug, PartialEq)]
pub enum FetchVia {
    Url(HttpUrl),
    Binding(BindingVia),
}

/// A binding of the environment, or an export of the caller's own worker.
#[derive(Clone, Debug, PartialEq)]
pub enum BindingVia {
    EnvService {
        binding_name: String,
    },
    EnvDurableObject {
        binding_name: String,
        durable_object: DurableObjectAddress,
    },
    EnvDynamicWorker(Box<DynamicWorker>),
    LoopbackService {
        export_name: String,
        /// Any JSON.
        props: Option<Value>,
    },
    LoopbackDurableObject {
        export_name: String,
        durable_object: DurableObjectAddress,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurableObjectAddress {
    Name(String),
    /// Whether it is one is seen when the callable is dispatched.
    Id(String),
}

const URL: &str = "url";
const ENV_BINDING: &str = "env-binding";
const LOOPBACK_BINDING: &str = "loopback-binding";
const SERVICE: &str = "service";
const DURABLE_OBJECT_NAMESPACE: &str = "durable-object-namespace";
const DYNAMIC_WORKER: &str = "dynamic-worker";

#[derive(Clone, Copy)]
enum Type {
    Url,
    Env,
    Loopback,
}

#[derive(Clone, Copy)]
enum BindingType {
    Service,
    DurableObjectNamespace,
    DynamicWorker,
}

impl FetchVia {
    pub(super) fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let kind = object.required("type")?.one_of(&[
            (URL, Type::Url),
            (ENV_BINDING, Type::Env),
            (LOOPBACK_BINDING, Type::Loopback),
        ])?;
        let via = match kind {
            Type::Url => FetchVia::Url(object.required("url")?.parse(HttpUrl::parse)?),
            kind => FetchVia::Binding(BindingVia::parse_as(kind, &mut object)?),
        };
        object.end()?;
        Ok(via)
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            FetchVia::Url(url) => Written::default()
                .with("type", URL)
                .with("url", url.written.as_str())
                .into(),
            FetchVia::Binding(binding) => binding.to_json(),
        }
    }
}

impl BindingVia {
    pub(super) fn object(binding_name: &str, name: &str) -> Self {
        BindingVia::EnvDurableObject {
            binding_name: binding_name.to_owned(),
            durable_object: DurableObjectAddress::Name(name.to_owned()),
        }
    }

    pub(super) fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let kind = object
            .required("type")?
            .one_of(&[(ENV_BINDING, Type::Env), (LOOPBACK_BINDING, Type::Loopback)])?;
        let via = BindingVia::parse_as(kind, &mut object)?;
        object.end()?;
        Ok(via)
    }

    fn parse_as(kind: Type, object: &mut Object<'_>) -> Result<Self, Invalid> {
        let binding_type = object.required("bindingType")?;
        let shared = [
            (SERVICE, BindingType::Service),
            (
                DURABLE_OBJECT_NAMESPACE,
                BindingType::DurableObjectNamespace,
            ),
        ];
        if matches!(kind, Type::Loopback) {
            let export_name = object.required("exportName")?.name()?;
            return Ok(match binding_type.one_of(&shared)? {
                BindingType::Service => BindingVia::LoopbackService {
                    export_name,
                    props: object.optional("props").map(|props| props.json().clone()),
                },
                _ => BindingVia::LoopbackDurableObject {
                    export_name,
                    durable_object: DurableObjectAddress::parse(object)?,
                },
            });
        }
        let [service, namespace] = shared;
        let worker = (DYNAMIC_WORKER, BindingType::DynamicWorker);
        Ok(match binding_type.one_of(&[service, namespace, worker])? {
            BindingType::Service => BindingVia::EnvService {
                binding_name: object.required("bindingName")?.name()?,
            },
            BindingType::DurableObjectNamespace => BindingVia::EnvDurableObject {
                binding_name: object.required("bindingName")?.name()?,
                durable_object: DurableObjectAddress::parse(object)?,
            },
            BindingType::DynamicWorker => {
                BindingVia::EnvDynamicWorker(Box::new(DynamicWorker::parse(object)?))
            }
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let binding = |kind: &str, binding_type: &str| {
            Written::default()
                .with("type", kind)
                .with("bindingType", binding_type)
        };
        match self {
            BindingVia::EnvService { binding_name } => {
                binding(ENV_BINDING, SERVICE).with("bindingName", binding_name.as_str())
            }
            BindingVia::EnvDurableObject {
                binding_name,
                durable_object,
            } => binding(ENV_BINDING, DURABLE_OBJECT_NAMESPACE)
                .with("bindingName", binding_name.as_str())
                .with("durableObject", durable_object.to_json()),
            BindingVia::EnvDynamicWorker(worker) => {
                worker.write(binding(ENV_BINDING, DYNAMIC_WORKER))
            }
            BindingVia::LoopbackService { export_name, props } => {
                binding(LOOPBACK_BINDING, SERVICE)
                    .with("exportName", export_name.as_str())
                    .with_some("props", props.clone())
            }
            BindingVia::LoopbackDurableObject {
                export_name,
                durable_object,
            } => binding(LOOPBACK_BINDING, DURABLE_OBJECT_NAMESPACE)
                .with("exportName", export_name.as_str())
                .with("durableObject", durable_object.to_json()),
        }
        .into()
    }
}

impl DurableObjectAddress {
    /// The field `durableObject` of a `via`.
    fn parse(via: &mut Object<'_>) -> Result<Self, Invalid> {
        let mut object = via.required("durableObject")?.object()?;
        let address = match (object.optional("name"), object.optional("id")) {
            (Some(name), None) => DurableObjectAddress::Name(name.name()?),
            (None, Some(id)) => DurableObjectAddress::Id(id.name()?),
            _ => return Err(object.refuse("must have either \"name\" or \"id\"")),
        };
        object.end()?;
        Ok(address)
    }

    fn to_json(&self) -> Value {
        match self {
            DurableObjectAddress::Name(name) => Written::default().with("name", name.as_str()),
            DurableObjectAddress::Id(id) => Written::default().with("id", id.as_str()),
        }
        .into()
    }
}

/// An absolute http or https URL without hash, user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// As the descriptor has it.
    written: String,
    url: Url,
}

impl HttpUrl {
    /// # Errors
    /// It is another URL, or none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("must be an absolute URL ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must be an http or https URL".to_owned());
        }
        if url.fragment().is_some() {
            return Err("must not have a hash".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user or password".to_owned());
        }
        Ok(HttpUrl {
            written: text.to_owned(),
            url,
        })
    }

    pub fn url(&self) -> &Url {
        &self.url
    }
}
