//! Providers that come with every session: exports of its own worker, which a registration names like
//! any other callable (spec §4.1, `loopback-binding`).
//!
//! - [`fetch`]: HTTP to the outside, and what a script's global `fetch` calls.

pub mod fetch;

use super::contract::*;
use fetch::FetchProvider;
use runtime::{
    callable::{Binding, Bindings, Callable, DispatchContext},
    event::EventInput,
    object::Context,
};
use serde_json::Value;
use std::rc::Rc;

/// The one method of these exports: a function of theirs is called.
const CALL_FUNCTION: &str = "callFunction";

/// What callables of providers reach: the platform, and these exports.
pub(super) fn reach(context: &Context) -> DispatchContext {
    let outside = DispatchContext::of_platform(context);
    let fetch = Rc::new(FetchProvider::new(context));
    DispatchContext {
        exports: Bindings::default().with(fetch::EXPORT, Binding::Service(fetch)),
        ..outside
    }
}

/// What a new session's stream starts with, under the keys that bootstraps use.
pub fn defaults() -> Vec<EventInput> {
    let fetch = registration(
        FullPath::of([fetch::PATH]).expect("a name"),
        fetch::INSTRUCTIONS,
        export(fetch::EXPORT, None),
    );
    vec![keyed_by_path(fetch)]
}

fn export(name: &str, props: Option<Value>) -> Invocation {
    Invocation::Rpc {
        callable: Callable::export_method(name, props, CALL_FUNCTION),
        is_idempotent: false,
    }
}

pub(super) fn registration(
    path: FullPath,
    instructions: &str,
    invocation: Invocation,
) -> ToolProvider {
    ToolProvider {
        instructions: instructions.into(),
        invocation,
        path,
    }
}

/// Registers a provider that is there from the beginning: whoever boots the stream says so, too.
pub fn keyed_by_path(provider: ToolProvider) -> EventInput {
    let path = provider.path.names().join("/");
    EventInput::new(TOOL_PROVIDER_REGISTERED, provider)
        .keyed(format!("codemode:tool-provider-registered:{path}"))
}
