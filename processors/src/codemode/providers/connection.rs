//! Servers that a session gets connected to (spec §5.10): `codemode.connectToMcpServer` and
//! `connectToOpenApiServer` ask a server what it offers, and register a provider that speaks to it.

use super::{
    export, key_of, mcp,
    open_api::{self, Documents},
    server::Server,
    CALL_FUNCTION,
};
use crate::codemode::contract::*;
use runtime::{
    call::{Argument, Arguments, CallError},
    callable::Service,
    event::EventInput,
    object::{unknown_method, Context, Reply},
};
use serde::Deserialize;
use serde_json::{json, Value};
use std::{fmt::Write as _, rc::Rc, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mcp,
    OpenApi,
}

/// A function that a server offers.
pub struct Offered {
    pub name: String,
    pub description: String,
    /// Their schema, or their schemas by name.
    pub arguments: Value,
}

/// What a script says of the server.
#[derive(Deserialize)]
struct Wish {
    path: FullPath,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(flatten)]
    server: Server,
}

impl Kind {
    pub fn export(self) -> &'static str {
        match self {
            Kind::Mcp => mcp::EXPORT,
            Kind::OpenApi => open_api::EXPORT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Mcp => "an MCP server",
            Kind::OpenApi => "a server with an OpenAPI document",
        }
    }
}

/// A registration of a server's functions, and their names.
///
/// Takes `{url, path, instructions?, headers?, baseUrl?}`. `id` is of the call that asks: a later one may
/// connect the same path anew.
///
/// # Errors
/// The server cannot be reached, or is not of that kind.
pub async fn connect(
    context: &Context,
    kind: Kind,
    id: &str,
    args: &[Argument],
) -> Result<(EventInput, Vec<String>), CallError> {
    let wish = args.first().unwrap_or(&Argument::NULL);
    let wish: Wish = wish.parse()?;
    let provider = ServerProvider {
        server: Some(wish.server.clone()),
        ..ServerProvider::new(context, kind)
    };
    let offered = provider.list().await?;
    let names = offered
        .iter()
        .map(|function| function.name.clone())
        .collect();
    let instructions = wish
        .instructions
        .unwrap_or_else(|| instructions(kind, &wish.path, &offered));
    let props = serde_json::to_value(&wish.server).expect("a server serializes");
    let key = format!("{}:{id}", key_of(&wish.path));
    let registered = ToolProvider {
        instructions: instructions.into(),
        invocation: export(kind.export(), Some(props)),
        path: wish.path,
    };
    let registered = EventInput::new(TOOL_PROVIDER_REGISTERED, registered).keyed(key);
    Ok((registered, names))
}

fn instructions(kind: Kind, path: &FullPath, offered: &[Offered]) -> String {
    let mut text = format!("Functions of {}, each of one object:", kind.name());
    for function in offered {
        let Offered {
            name,
            description,
            arguments,
        } = function;
        // Writing to a string does not fail.
        let _ = write!(text, "\n- {path}.{name}({arguments}): {description}");
    }
    text
}

/// The export: its props say which server.
#[derive(Clone)]
pub struct ServerProvider {
    context: Context,
    kind: Kind,
    documents: Documents,
    server: Option<Server>,
}

impl ServerProvider {
    pub fn new(context: &Context, kind: Kind) -> Self {
        ServerProvider {
            context: context.clone(),
            kind,
            documents: Documents::default(),
            server: None,
        }
    }

    fn server(&self) -> Result<&Server, CallError> {
        let server = self.server.as_ref();
        server.ok_or_else(|| CallError::invalid(format!("{} needs props", self.kind.export())))
    }

    async fn list(&self) -> Result<Vec<Offered>, CallError> {
        let (context, server) = (&self.context, self.server()?);
        match self.kind {
            Kind::Mcp => mcp::list(context, server).await,
            Kind::OpenApi => self.documents.list(context, server).await,
        }
    }

    async fn call(&self, arguments: Arguments) -> Result<Argument, CallError> {
        let path: Vec<Arc<str>> = arguments.parse("functionPath")?;
        let args: Vec<Value> = arguments.parse("args")?;
        let argument = args.into_iter().next().unwrap_or_else(|| json!({}));
        let (context, server, name) = (&self.context, self.server()?, path.join("."));
        let result = match self.kind {
            Kind::Mcp => mcp::call(context, server, &name, argument).await?,
            Kind::OpenApi => {
                let documents = &self.documents;
                documents.call(context, server, &name, argument).await?
            }
        };
        Ok(Argument::Json(result))
    }
}

impl Service for ServerProvider {
    fn has_method(&self, method: &str) -> bool {
        method == CALL_FUNCTION
    }

    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply {
        Box::pin(async move {
            match method == CALL_FUNCTION {
                true => ServerProvider::call(&self, Arguments::positional(arguments)).await,
                false => Err(unknown_method(self.kind.export(), &method)),
            }
        })
    }

    fn with_props(self: Rc<Self>, props: &Value) -> Option<Rc<dyn Service>> {
        let server = serde_json::from_value(props.clone()).ok()?;
        Some(Rc::new(ServerProvider {
            server: Some(server),
            ..(*self).clone()
        }))
    }
}
