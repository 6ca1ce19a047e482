//! From a `via` to what it names (spec §4.2, steps 4 to 6). Nothing is called yet.

use super::{
    Binding, BindingVia, CallableError, DispatchContext, DurableObjectAddress, DynamicWorker,
    FetchVia, OutsideFetch, Service,
};
use crate::{
    call::{Argument, Arguments, ObjectName},
    http::Request,
    object::{FetchReply, Reply, Stub},
    platform::Target,
};
use serde_json::Value;
use std::rc::Rc;
use url::Url;

/// Something with rpc methods.
pub enum Callee {
    Object(Stub),
    Service(Rc<dyn Service>),
}

/// Something that answers requests.
pub enum Fetchee {
    /// An outside host, by the URL of the descriptor.
    Outside {
        fetch: Rc<dyn OutsideFetch>,
        url: Url,
    },
    Internal(Callee),
}

impl Callee {
    pub fn resolve(dispatch: &DispatchContext, via: &BindingVia) -> Result<Self, CallableError> {
        match via {
            BindingVia::EnvService { binding_name } => {
                let binding = dispatch.env.get(&dispatch.context, binding_name);
                service(binding, "binding", binding_name).map(Callee::Service)
            }
            BindingVia::EnvDurableObject {
                binding_name,
                durable_object,
            } => {
                let binding = dispatch.env.get(&dispatch.context, binding_name);
                object(dispatch, binding, "binding", binding_name, durable_object)
            }
            BindingVia::EnvDynamicWorker(worker) => {
                dynamic_worker(dispatch, worker).map(Callee::Service)
            }
            BindingVia::LoopbackService { export_name, props } => {
                let export = dispatch.exports.get(&dispatch.context, export_name);
                let service = service(export, "export", export_name)?;
                with_props(service, export_name, props.as_ref()).map(Callee::Service)
            }
            BindingVia::LoopbackDurableObject {
                export_name,
                durable_object,
            } => {
                let export = dispatch.exports.get(&dispatch.context, export_name);
                object(dispatch, export, "export", export_name, durable_object)
            }
        }
    }

    /// # Errors
    /// It is known to have no such method.
    pub fn check_method(&self, method: &str) -> Result<(), CallableError> {
        match self {
            Callee::Service(service) if !service.has_method(method) => Err(
                CallableError::resolution(format!("the target has no method {method:?}")),
            ),
            _ => Ok(()),
        }
    }

    pub fn call(self, method: &str, arguments: Vec<Argument>) -> Reply {
        match self {
            Callee::Object(stub) => stub.call(method.to_owned(), Arguments::positional(arguments)),
            Callee::Service(service) => service.call(method.to_owned(), arguments),
        }
    }
}

impl Fetchee {
    pub fn resolve(dispatch: &DispatchContext, via: &FetchVia) -> Result<Self, CallableError> {
        match via {
            FetchVia::Url(url) => match &dispatch.fetch {
                Some(fetch) => Ok(Fetchee::Outside {
                    fetch: fetch.clone(),
                    url: url.url().clone(),
                }),
                None => Err(CallableError::resolution(format!(
                    "there is no fetch to reach {} with",
                    url.url()
                ))),
            },
            FetchVia::Binding(via) => match Callee::resolve(dispatch, via)? {
                Callee::Service(service) if !service.is_fetchable() => Err(
                    CallableError::resolution("the target does not answer fetch"),
                ),
                callee => Ok(Fetchee::Internal(callee)),
            },
        }
    }

    pub fn url(&self) -> Option<&Url> {
        match self {
            Fetchee::Outside { url, .. } => Some(url),
            Fetchee::Internal(_) => None,
        }
    }

    pub fn fetch(self, request: Request) -> FetchReply {
        match self {
            Fetchee::Outside { fetch, .. } => fetch.fetch(request),
            Fetchee::Internal(Callee::Object(stub)) => stub.fetch(request),
            Fetchee::Internal(Callee::Service(service)) => service.fetch(request),
        }
    }
}

fn missing(kind: &str, name: &str) -> CallableError {
    CallableError::resolution(format!("there is no {kind} {name:?}"))
}

fn service(
    binding: Option<Binding>,
    kind: &str,
    name: &str,
) -> Result<Rc<dyn Service>, CallableError> {
    match binding {
        Some(Binding::Service(service)) => Ok(service),
        Some(_) => Err(CallableError::resolution(format!(
            "{kind} {name:?} is not a service"
        ))),
        None => Err(missing(kind, name)),
    }
}

fn object(
    dispatch: &DispatchContext,
    binding: Option<Binding>,
    kind: &str,
    name: &str,
    address: &DurableObjectAddress,
) -> Result<Callee, CallableError> {
    let class = match binding {
        Some(Binding::DurableObjectNamespace(class)) => class,
        Some(_) => {
            return Err(CallableError::resolution(format!(
                "{kind} {name:?} is not a durable object namespace"
            )))
        }
        None => return Err(missing(kind, name)),
    };
    let object = match address {
        DurableObjectAddress::Name(name) => ObjectName::new(class, name.as_str()),
        DurableObjectAddress::Id(id) => ObjectName::of_id(class, id)
            .map_err(|error| CallableError::resolution(error.to_string()))?,
    };
    let stub = dispatch.context.stub_to(Target::Object(object));
    Ok(Callee::Object(stub))
}

fn dynamic_worker(
    dispatch: &DispatchContext,
    worker: &DynamicWorker,
) -> Result<Rc<dyn Service>, CallableError> {
    let name = worker.loader_binding_name();
    let loader = match dispatch.env.get(&dispatch.context, name) {
        Some(Binding::WorkerLoader(loader)) => loader,
        Some(_) => {
            return Err(CallableError::resolution(format!(
                "binding {name:?} is not a worker loader"
            )))
        }
        None => return Err(missing("binding", name)),
    };
    let entrypoint = worker.entrypoint.as_ref();
    let export = entrypoint.and_then(|entrypoint| entrypoint.name.as_deref());
    let props = entrypoint.and_then(|entrypoint| entrypoint.props.as_ref());
    let loaded = loader.get(worker.id.as_deref(), &worker.code);
    let service = loaded.and_then(|loaded| loaded.entrypoint(export, props));
    service.map_err(|error| {
        CallableError::resolution(format!("the dynamic worker cannot be used: {error}"))
    })
}

fn with_props(
    service: Rc<dyn Service>,
    name: &str,
    props: Option<&Value>,
) -> Result<Rc<dyn Service>, CallableError> {
    match props {
        None => Ok(service),
        Some(props) => service
            .with_props(props)
            .ok_or_else(|| CallableError::resolution(format!("export {name:?} takes no props"))),
    }
}
