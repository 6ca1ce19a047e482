//! The functions of the path `codemode`, which every session has (spec §5.10). They are answered here,
//! and leave no events of a call.

use super::{
    call::{Answer, CallRequest, Thrown},
    providers::connection::{self, Kind},
    session::Session,
};
use crate::patience::patiently;
use runtime::call::Argument;
use serde_json::{json, Value};
use std::sync::Arc;

pub async fn call(session: &Session, id: &str, request: &CallRequest) -> Answer {
    let below = &request.path.names()[1..];
    let names: Vec<&str> = below.iter().map(|name| &**name).collect();
    match names.as_slice() {
        ["ping"] => Ok(Argument::json("pong")),
        ["debugInfo"] => Ok(Argument::Json(debug_info(session).await?)),
        ["connectToMcpServer"] => connect(session, Kind::Mcp, id, &request.args).await,
        ["connectToOpenApiServer"] => connect(session, Kind::OpenApi, id, &request.args).await,
        _ => Err(Thrown::new(format!(
            "There is no function {}.",
            request.path
        ))),
    }
}

/// Registers a provider that speaks to a server; gives the names of its functions.
async fn connect(session: &Session, kind: Kind, id: &str, args: &[Argument]) -> Answer {
    let connected = connection::connect(&session.context, kind, id, args);
    let connected = session.in_time(connected).await;
    let connected = connected.ok_or_else(|| Thrown::new("the server did not answer in time"))?;
    let (registered, functions) = connected.map_err(|error| Thrown::new(error.to_string()))?;
    session.append(vec![registered]).await?;
    Ok(Argument::json(json!({ "functions": functions })))
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
