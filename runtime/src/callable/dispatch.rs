//! Dispatch of a callable (spec §4.2): transform, resolve, call.

use super::{Callable, CallableError, ErrorCode};
use crate::{
    call::{Argument, Arguments, CallError, ObjectName},
    object::Context,
    platform::Target,
};

/// Calls what the descriptor names, with `payload` laid over the descriptor's base.
///
/// # Errors
/// The target cannot be resolved; or the call fails, in which case its error is passed through.
pub async fn dispatch(
    context: &Context,
    callable: &Callable,
    payload: Arguments,
) -> Result<Argument, CallableError> {
    let Callable::WorkersRpc(rpc) = callable;
    let mut input = Arguments::new();
    if let Some(transform) = &rpc.transform_input {
        for (name, value) in &transform.shallow_merge {
            input.set(name.clone(), Argument::Json(value.clone()));
        }
    }
    for (name, value) in payload.iter() {
        input.set(name.to_owned(), value.clone());
    }
    let binding = &rpc.via.binding_name;
    let object = ObjectName::new(binding.clone(), rpc.via.durable_object.name.as_str());
    let stub = context.stub_to(Target::Object(object));
    let reply = stub.call(rpc.rpc_method.as_str().to_owned(), input).await;
    reply.map_err(|error| match error {
        CallError::Unresolved(message) => {
            CallableError::refused(ErrorCode::ResolutionFailed, message)
        }
        error => CallableError::Call(error),
    })
}
