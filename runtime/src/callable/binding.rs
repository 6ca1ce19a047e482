//! What a callable can reach: live things under the names by which a descriptor asks for them.

use super::{descriptor::LOADER_BINDING, JavaScriptLoader, WorkerCode};
use crate::{
    call::{Argument, CallError},
    http::{client, client::HttpError, Request},
    object::{Context, FetchReply, Reply},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

/// What a dispatch may use of the world (spec §4.2).
#[derive(Clone)]
pub struct DispatchContext {
    /// The object that dispatches.
    pub context: Context,
    /// By binding name.
    pub env: Bindings,
    /// The exports of the caller's own worker.
    pub exports: Bindings,
    /// HTTP to the outside; without it, no URL can be reached.
    pub fetch: Option<Rc<dyn OutsideFetch>>,
    /// What an expression sees as `$ambient`.
    pub ambient: Map<String, Value>,
}

impl DispatchContext {
    /// Everything that the platform has: every class of objects, a worker loader under its usual
    /// name, and HTTP to outside hosts. Workers live as long as this and its clones.
    pub fn of_platform(context: &Context) -> Self {
        DispatchContext {
            context: context.clone(),
            env: Bindings::of_platform().with(
                LOADER_BINDING,
                Binding::WorkerLoader(Rc::new(JavaScriptLoader::new(context))),
            ),
            exports: Bindings::default(),
            fetch: Some(Rc::new(Outside(context.clone()))),
            ambient: Map::new(),
        }
    }

    /// Nothing but what is added.
    pub fn empty(context: &Context) -> Self {
        DispatchContext {
            env: Bindings::default(),
            fetch: None,
            ..DispatchContext::of_platform(context)
        }
    }
}

/// Live things by name.
#[derive(Clone, Default)]
pub struct Bindings {
    named: BTreeMap<String, Binding>,
    /// Every class of the platform is a namespace under its own binding.
    has_platform: bool,
}

impl Bindings {
    /// The platform's classes of objects, each under its own binding.
    pub fn of_platform() -> Self {
        Bindings {
            named: BTreeMap::new(),
            has_platform: true,
        }
    }

    pub fn with(mut self, name: impl Into<String>, binding: Binding) -> Self {
        self.named.insert(name.into(), binding);
        self
    }

    pub(super) fn get(&self, context: &Context, name: &str) -> Option<Binding> {
        let of_platform = || {
            let exists = self.has_platform && context.has_namespace(name);
            exists.then(|| Binding::DurableObjectNamespace(name.to_owned().into()))
        };
        self.named.get(name).cloned().or_else(of_platform)
    }
}

#[derive(Clone)]
pub enum Binding {
    /// A class of objects, by the platform's name for it.
    DurableObjectNamespace(Cow<'static, str>),
    Service(Rc<dyn Service>),
    WorkerLoader(Rc<dyn WorkerLoader>),
    /// A setting or a secret: nothing that can be called.
    Value(Value),
}

/// A worker in this process: answers rpc methods, and requests if it can.
pub trait Service {
    /// Whether it has an rpc method of that name. A stub of a remote service cannot tell: it says
    /// yes, and the call fails.
    fn has_method(&self, method: &str) -> bool {
        let _ = method;
        true
    }

    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply;

    fn is_fetchable(&self) -> bool {
        false
    }

    /// Answers a request; asked only of a service that [is fetchable](Service::is_fetchable).
    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        drop(request);
        Box::pin(async {
            Err(CallError::remote(
                CallError::NOT_FETCHABLE,
                "the service does not answer fetch",
            ))
        })
    }

    /// The same service with these props; none, if it takes no props.
    fn with_props(self: Rc<Self>, props: &Value) -> Option<Rc<dyn Service>> {
        let _ = props;
        None
    }
}

/// Loads workers that come with their code.
pub trait WorkerLoader {
    /// The worker that was loaded under this id, whatever its code; or a new one, if there is none
    /// or no id is given.
    ///
    /// # Errors
    /// The code cannot be loaded; the message says why.
    fn get(&self, id: Option<&str>, code: &WorkerCode) -> Result<Rc<dyn LoadedWorker>, String>;
}

pub trait LoadedWorker {
    /// An export of the worker's main module, the default one if none is named; `ctx.props` of it
    /// are those given.
    ///
    /// # Errors
    /// There is no such export.
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<&Value>,
    ) -> Result<Rc<dyn Service>, String>;
}

/// HTTP to the outside.
pub trait OutsideFetch {
    /// # Errors
    /// No answer came: `Broken`, if nothing was sent; `Disconnected`, if the outcome is unknown; any
    /// other, if there is no such way at all.
    fn fetch(&self, request: Request) -> FetchReply;
}

/// HTTP over byte streams of the platform.
pub struct Outside(pub Context);

impl OutsideFetch for Outside {
    fn fetch(&self, request: Request) -> FetchReply {
        let context = self.0.clone();
        Box::pin(async move {
            let response = client::fetch(&context, request).await;
            response.map_err(|error| match error {
                HttpError::Unreachable { .. } => CallError::Broken(error.to_string()),
                HttpError::Connection(_) => CallError::Disconnected(error.to_string()),
                error => CallError::remote("http", error.to_string()),
            })
        })
    }
}
