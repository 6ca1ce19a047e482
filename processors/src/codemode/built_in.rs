//! The functions of the path `codemode`, which every session has (spec §5.10). They are answered here,
//! and leave no events of a call.

use super::{
    call::{Answer, CallRequest, Thrown},
    session::Session,
};
use crate::patience::patiently;
use runtime::call::Argument;
use serde_json::{json, Value};
use std::{rc::Rc, sync::Arc};

pub async fn call(session: &Rc<Session>, _id: &Arc<str>, request: &CallRequest) -> Answer {
    let names: Vec<&str> = request.path.names()[1..]
        .iter()
        .map(|name| &**name)
        .collect();
    match names.as_slice() {
        ["ping"] => Ok(Argument::json("pong")),
        ["debugInfo"] => Ok(Argument::Json(debug_info(session).await?)),
        _ => Err(Thrown::new(format!(
            "There is no function {}.",
            request.path
        ))),
    }
}

/// What there is, and what has not ended.
async fn debug_info(session: &Session) -> Result<Value, Thrown> {
    let head = patiently(&session.context, || session.transactions.read()).await?;
    let state = &head.fold;
    let providers: Vec<Value> = state
        .tool_providers
        .values()
        .map(|provider| {
            json!({
                "path": provider.path,
                "instructions": provider.instructions,
                "invocationKind": provider.invocation.kind(),
            })
        })
        .collect();
    let scripts: Vec<&Arc<str>> = state.script_executions.keys().collect();
    let calls: Vec<&Arc<str>> = state.function_calls.keys().collect();
    Ok(json!({
        "session": session.name.to_string(),
        "streamMaxOffset": head.offset,
        "vars": *state.vars,
        "toolProviders": providers,
        "openScriptExecutions": scripts,
        "openFunctionCalls": calls,
    }))
}
