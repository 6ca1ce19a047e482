//! Callables (spec §4): "call this", as data that can be stored in an event and dispatched later.
//!
//! - [`descriptor`]: the strict JSON form and its validation.
//! - [`binding`]: what a dispatch can reach, and what a service must be able to do.
//! - [`dispatch`](dispatch()): transforms the payload, resolves the target, calls it. Start there.
//! - [`loader`]: dynamic workers, in the embedded engine.
//! - [`fetch`], [`route`]: how a payload becomes a request, and a response a value.
//! - [`proxy`]: a request that is sent on as it is; WebSockets.
//! - [`transform`], [`resolve`]: the steps that all of them share.

mod binding;
mod descriptor;
mod dispatch;
mod error;
mod fetch;
mod loader;
mod proxy;
mod resolve;
mod route;
mod transform;

pub use binding::{
    Binding, Bindings, DispatchContext, LoadedWorker, Outside, OutsideFetch, Service, WorkerLoader,
};
pub use descriptor::{
    ArgsMode, BasePath, BindingVia, Callable, DurableObjectAddress, DynamicWorker, Entrypoint,
    FetchCallable, FetchRequest, FetchVia, HostedProcessor, HttpUrl, Invalid, PathMode, PathRule,
    RpcCallable, RpcMethod, TransformInput, WorkerCode, LOADER_BINDING,
};
pub use dispatch::{assert_dispatch_context, dispatch};
pub use error::{CallableError, ErrorCode, Failure};
pub use loader::JavaScriptLoader;
pub use proxy::{connect_websocket, dispatch_fetch, Socket};
pub use transform::Payload;
