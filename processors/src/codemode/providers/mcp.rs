//! The tools of an MCP server, over its streamable HTTP transport: JSON-RPC in POST requests, answered
//! by JSON or by a stream of events that ends with the answer.
//!
//! Every call opens a session of the server, so that nothing has to be remembered between calls; what
//! else the server would tell is not listened to.

use super::{
    connection::Offered,
    server::{accepting, failed, Server},
};
use crate::codemode::contract::CONTRACT;
use http::{HeaderName, HeaderValue, Method};
use runtime::{call::CallError, http::Request, object::Context};
use serde_json::{json, Value};

pub const EXPORT: &str = "CodemodeMcpServer";

const PROTOCOL_VERSION: &str = "2025-06-18";
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A server that lists more pages of tools is not listened to any longer.
const PAGES_MAX: u32 = 32;

/// An open session of a server.
struct Connection<'a> {
    context: &'a Context,
    server: &'a Server,
    session_id: Option<HeaderValue>,
    last_id: u64,
}

/// Calls a tool with one object of arguments; gives the tool's result.
///
/// # Errors
/// The server cannot be reached, knows no such tool, or the tool failed.
pub async fn call(
    context: &Context,
    server: &Server,
    tool: &str,
    arguments: Value,
) -> Result<Value, CallError> {
    let mut connection = Connection::open(context, server).await?;
    let params = json!({ "name": tool, "arguments": arguments });
    let result = connection.ask("tools/call", params).await?;
    match result["isError"].as_bool() {
        Some(true) => Err(failed(text_of(&result))),
        _ => Ok(result),
    }
}

/// What the server offers.
///
/// # Errors
/// It cannot be reached, or is no MCP server.
pub async fn list(context: &Context, server: &Server) -> Result<Vec<Offered>, CallError> {
    let mut connection = Connection::open(context, server).await?;
    let mut offered = Vec::new();
    let mut params = json!({});
    for _ in 0..PAGES_MAX {
        let page = connection.ask("tools/list", params).await?;
        let tools = page["tools"].as_array().into_iter().flatten();
        offered.extend(tools.filter_map(|tool| {
            Some(Offered {
                name: tool["name"].as_str()?.to_owned(),
                description: tool["description"].as_str().unwrap_or_default().to_owned(),
                arguments: tool["inputSchema"].clone(),
            })
        }));
        match &page["nextCursor"] {
            Value::String(cursor) => params = json!({ "cursor": cursor }),
            _ => break,
        }
    }
    Ok(offered)
}

/// The texts of a tool's result.
fn text_of(result: &Value) -> String {
    let content = result["content"].as_array().into_iter().flatten();
    let texts: Vec<&str> = content.filter_map(|part| part["text"].as_str()).collect();
    match texts.is_empty() {
        true => "the tool failed".to_owned(),
        false => texts.join("\n"),
    }
}

impl<'a> Connection<'a> {
    async fn open(context: &'a Context, server: &'a Server) -> Result<Self, CallError> {
        let mut connection = Connection {
            context,
            server,
            session_id: None,
            last_id: 0,
        };
        let params = json!({
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": { "name": CONTRACT.slug, "version": CONTRACT.version },
        });
        connection.ask("initialize", params).await?;
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        connection.send(&initialized).await?;
        Ok(connection)
    }

    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, CallError> {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let messages = self.send(&message).await?;
        let mut answers = messages.into_iter();
        let answer = answers.find(|message| message["id"] == id);
        let mut answer = answer.ok_or_else(|| failed(format!("{method} was not answered")))?;
        match answer["error"].take() {
            Value::Null => Ok(answer["result"].take()),
            error => {
                let message = error["message"].as_str().map(str::to_owned);
                Err(failed(message.unwrap_or_else(|| error.to_string())))
            }
        }
    }

    /// Sends a message; gives those that come back.
    async fn send(&mut self, message: &Value) -> Result<Vec<Value>, CallError> {
        let request = Request::new(Method::POST, self.server.url.clone()).json(message);
        let mut request = accepting(request, "application/json, text/event-stream");
        if let Some(session_id) = &self.session_id {
            request = request.header(SESSION_ID, session_id.clone());
        }
        if self.last_id > 1 || message["id"].is_null() {
            request = request.header(VERSION, HeaderValue::from_static(PROTOCOL_VERSION));
        }
        let answer = self.server.send(self.context, request).await?;
        let answer = answer.successful("the MCP server")?;
        if let Some(session_id) = answer.headers.get(SESSION_ID) {
            self.session_id = Some(session_id.clone());
        }
        if answer.is_of("text/event-stream") {
            return Ok(events(&answer.text));
        }
        match answer.text.trim().is_empty() {
            true => Ok(Vec::new()),
            false => Ok(vec![answer.json()?]),
        }
    }
}

/// The messages in a stream of events.
fn events(stream: &str) -> Vec<Value> {
    let stream = stream.replace("\r\n", "\n");
    let event = |lines: &str| {
        let data = lines.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<&str> = data.map(str::trim_start).collect();
        serde_json::from_str(&data.join("\n")).ok()
    };
    stream.split("\n\n").filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_events_holds_messages() {
        let stream =
            ": hello\n\nevent: message\r\ndata: {\"id\":\r\ndata: 1}\r\n\r\ndata:{\"a\":2}";
        assert_eq!(events(stream), [json!({ "id": 1 }), json!({ "a": 2 })]);
    }
}
