//! What a thread's stream starts with: the subscriptions of the processors that make it an agent, and
//! what its scripts may call (spec §5.8). They precede the first webhook, so it lies above their anchors.
//!
//! `agent-host` is what wakes the Agent object (B-11, B-14).

use super::object;
use crate::{
    codemode::contract::{FullPath, Invocation, ToolProvider, TOOL_PROVIDER_REGISTERED},
    hosting, slack_agent, slack_tools,
};
use runtime::{
    callable::Callable,
    event::{EventInput, StreamName},
    quirk::{Quirk, Quirks},
};
use serde_json::json;

const AGENT_HOST: &str = "agent-host";

/// The binding of the objects that host `agent-host`.
const AGENT_BINDING: &str = "AGENT";

/// The bootstrap events of a stream, keyed, in their order.
pub fn events(stream: &StreamName, quirks: Quirks) -> Vec<EventInput> {
    let StreamName { namespace, path } = stream;
    let mut events = vec![
        hosting::subscription(
            slack_agent::object::BINDING,
            stream,
            slack_agent::contract::SLUG,
            format!("slack-agent:{namespace}:{path}"),
            format!("slack-agent-subscription:{namespace}:{path}:workers-rpc:callable"),
        ),
        slack_tools_provider(stream),
    ];
    if !quirks.has(Quirk::B14) {
        events.push(hosting::subscription(
            AGENT_BINDING,
            stream,
            AGENT_HOST,
            format!("agent:{namespace}:{path}:{AGENT_HOST}"),
            format!("agent-processor-subscription:{namespace}:{path}:{AGENT_HOST}:callable"),
        ));
    }
    events
}

/// What scripts of every thread may call: `ctx.slack.…`, answered by the project's integration.
fn slack_tools_provider(stream: &StreamName) -> EventInput {
    let integration = format!("{}:{}", stream.namespace, object::STREAM_PATH);
    let callable = Callable::parse(&json!({
        "type": "workers-rpc",
        "via": {
            "type": "env-binding",
            "bindingType": "durable-object-namespace",
            "bindingName": object::BINDING,
            "durableObject": { "name": integration },
        },
        "rpcMethod": object::CALL_TOOL,
        "argsMode": "object",
    }));
    let provider = ToolProvider {
        instructions: slack_tools::provider::instructions(),
        invocation: Invocation::Rpc {
            callable: callable.expect("a callable of constant parts"),
        },
        path: FullPath::of(["slack"]).expect("a name"),
    };
    EventInput::new(TOOL_PROVIDER_REGISTERED, &provider).keyed(format!(
        "codemode:tool-provider-registered:{}",
        provider.path.names().join("/")
    ))
}
