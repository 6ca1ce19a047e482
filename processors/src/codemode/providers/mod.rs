//! Providers that come with every session: exports of its own worker, which a registration names like
//! any other callable (spec §4.1, `loopback-binding`).
//!
//! - [`fetch`]: HTTP to the outside, and what a script's global `fetch` calls.
//! - [`connection`]: servers that a script connects its session to. [`mcp`], [`open_api`]: the two kinds;
//!   [`server`]: what they share.

pub mod connection;
pub mod fetch;
mod mcp;
mod open_api;
mod server;

use super::contract::*;
use connection::{Kind, ServerProvider};
use fetch::FetchProvider;
use runtime::{
    callable::{Binding, Bindings, Callable, DispatchContext, Service},
    event::EventInput,
    object::Context,
};
use serde_json::Value;
use std::rc::Rc;

/// The one method of these exports: a function of theirs is called.
const CALL_FUNCTION: &str = "callFunction";

/// What callables of providers reach: the platform, and these exports.
pub(super) fn reach(context: &Context) -> DispatchContext {
    let service = |service: Rc<dyn Service>| Binding::Service(service);
    let server = |kind| service(Rc::new(ServerProvider::new(context, kind)));
    DispatchContext {
        exports: Bindings::default()
            .with(fetch::EXPORT, service(Rc::new(FetchProvider::new(context))))
            .with(Kind::Mcp.export(), server(Kind::Mcp))
            .with(Kind::OpenApi.export(), server(Kind::OpenApi)),
        ..DispatchContext::of_platform(context)
    }
}

/// What a new session's stream starts with, under the keys that bootstraps use.
pub fn defaults() -> Vec<EventInput> {
    let fetch = ToolProvider {
        instructions: fetch::INSTRUCTIONS.into(),
        invocation: export(fetch::EXPORT, None),
        path: FullPath::of([fetch::PATH]).expect("a name"),
    };
    vec![keyed_by_path(fetch)]
}

/// Registers a provider that is there from the beginning: whoever boots the stream says so, too.
pub fn keyed_by_path(provider: ToolProvider) -> EventInput {
    let key = key_of(&provider.path);
    EventInput::new(TOOL_PROVIDER_REGISTERED, provider).keyed(key)
}

fn key_of(path: &FullPath) -> String {
    let path = path.names().join("/");
    format!("codemode:tool-provider-registered:{path}")
}

fn export(name: &str, props: Option<Value>) -> Invocation {
    Invocation::Rpc {
        callable: Callable::export_method(name, props, CALL_FUNCTION),
        is_idempotent: false,
    }
}
