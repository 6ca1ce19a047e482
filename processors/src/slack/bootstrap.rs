//! What a thread's stream starts with: the subscriptions of the processors that make it an agent, and
//! what its scripts may call (spec §5.8). They precede the first webhook, so it lies above their anchors.
//!
//! `agent-host` is what wakes the Agent object (B-11, B-14).

use super::object;
use crate::{
    agent, agent_host,
    codemode::{
        self,
        contract::{FullPath, Invocation, ToolProvider},
    },
    hosting, slack_agent, slack_tools,
};
use runtime::{
    callable::Callable,
    event::{EventInput, StreamName},
    quirk::{Quirk, Quirks},
};

/// The bootstrap events of a stream, keyed, in their order.
pub fn events(stream: &StreamName, quirks: Quirks) -> Vec<EventInput> {
    let mut events = vec![slack_agent_subscription(stream, quirks)];
    events.extend(codemode::object::bootstrap(stream));
    events.push(codemode::providers::keyed_by_path(slack_tools(stream)));
    events.push(agent::object::subscription(
        stream,
        agent_host::contract::SLUG,
    ));
    events
}

fn slack_agent_subscription(stream: &StreamName, quirks: Quirks) -> EventInput {
    let StreamName { namespace, path } = stream;
    // Quirk B-04: the key of a subscription that nobody dials any more.
    let revision = if quirks.has(Quirk::B04) {
        ""
    } else {
        ":callable"
    };
    hosting::subscription(
        slack_agent::object::BINDING,
        stream,
        slack_agent::contract::SLUG,
        format!("slack-agent:{namespace}:{path}"),
        format!("slack-agent-subscription:{namespace}:{path}:workers-rpc{revision}"),
    )
}

/// What scripts of every thread may call: `ctx.slack.…`, answered by the project's integration.
fn slack_tools(stream: &StreamName) -> ToolProvider {
    let integration = format!("{}:{}", stream.namespace, object::STREAM_PATH);
    let callable = Callable::object_method(object::BINDING, &integration, object::CALL_TOOL);
    ToolProvider {
        instructions: slack_tools::INSTRUCTIONS.into(),
        invocation: Invocation::Rpc {
            callable,
            is_idempotent: true,
        },
        path: FullPath::of(["slack"]).expect("a name"),
    }
}
