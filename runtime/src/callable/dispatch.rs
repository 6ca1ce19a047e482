//! Dispatch of a callable (spec §4.2): transform, resolve, call.

use super::{
    fetch, resolve::Callee, resolve::Fetchee, transform, ArgsMode, Callable, CallableError,
    DispatchContext, Payload, RpcCallable,
};
use crate::call::Argument;
use serde_json::Value;

/// Calls what the descriptor names, with the payload as the descriptor transforms it.
///
/// An rpc gives what the method gives; a fetch gives the JSON or the text of the response.
///
/// # Errors
/// A [`Failure`](super::Failure) with its code. An error of a remote rpc method, or of the way to
/// it, passes through as [`CallableError::Call`].
pub async fn dispatch(
    dispatch: &DispatchContext,
    callable: &Callable,
    payload: impl Into<Payload>,
) -> Result<Argument, CallableError> {
    let payload = match payload.into() {
        Payload::Undefined => None,
        Payload::Value(value) => Some(value),
        Payload::Request(_) => {
            return Err(CallableError::payload(
                "a Request is no payload: it is sent on by dispatch_fetch",
            ))
        }
    };
    match callable {
        Callable::Fetch(fetch_callable) => fetch::fetch(dispatch, fetch_callable, payload).await,
        Callable::WorkersRpc(rpc) => call(dispatch, rpc, payload).await,
    }
}

/// Says whether a dispatch would find its target, without calling it.
///
/// # Errors
/// It would not: `DESCRIPTOR_VALIDATION_FAILED` or `RESOLUTION_FAILED`.
pub fn assert_dispatch_context(
    dispatch: &DispatchContext,
    descriptor: &Value,
) -> Result<(), CallableError> {
    match Callable::parse(descriptor)? {
        Callable::Fetch(fetch) => Fetchee::resolve(dispatch, &fetch.via).map(drop),
        Callable::WorkersRpc(rpc) => {
            let callee = Callee::resolve(dispatch, &rpc.via)?;
            callee.check_method(rpc.rpc_method.as_str())
        }
    }
}

async fn call(
    dispatch: &DispatchContext,
    rpc: &RpcCallable,
    payload: Option<Argument>,
) -> Result<Argument, CallableError> {
    let input = transform::transform(dispatch, rpc.transform_input.as_ref(), payload)?;
    let method = rpc.rpc_method.as_str();
    let callee = Callee::resolve(dispatch, &rpc.via)?;
    callee.check_method(method)?;
    let arguments = match rpc.args_mode() {
        ArgsMode::Object => input.into_iter().collect(),
        ArgsMode::Positional => list(input)?,
    };
    Ok(callee.call(method, arguments).await?)
}

fn list(input: Option<Argument>) -> Result<Vec<Argument>, CallableError> {
    let json = match input {
        Some(Argument::List(list)) => return Ok(list),
        Some(input) => input.to_json(),
        None => None,
    };
    match json {
        Some(Value::Array(list)) => Ok(list.into_iter().map(Argument::Json).collect()),
        _ => Err(CallableError::payload(
            "positional arguments need a list as input",
        )),
    }
}
