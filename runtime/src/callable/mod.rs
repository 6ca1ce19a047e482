//! Callables (spec §4): "call this", as data that can be stored in an event and dispatched later.
//!
//! - [`descriptor`]: the strict JSON form and its validation.
//! - [`dispatch`](dispatch()): transforms the payload, resolves the target, calls it.

mod descriptor;
mod dispatch;
mod error;

pub use descriptor::{
    ArgsMode, Callable, DurableObjectAddress, DurableObjectNamespace, RpcMethod, TransformInput,
    WorkersRpc,
};
pub use dispatch::dispatch;
pub use error::{CallableError, ErrorCode};
