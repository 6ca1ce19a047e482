//! What a new thread's stream starts with: the subscriptions of the processors that make it an
//! agent (spec §5.8). They precede the first webhook, so it lies above their anchors.
//!
//! `agent-host` is what wakes the Agent object (B-11, B-14). Codemode's entries belong between the
//! two and come with codemode.

use crate::{hosting, slack_agent};
use runtime::event::{EventInput, StreamName};

const AGENT_HOST: &str = "agent-host";

/// The binding of the objects that host `agent-host`.
const AGENT_BINDING: &str = "AGENT";

pub fn events(stream: &StreamName) -> Vec<EventInput> {
    let StreamName { namespace, path } = stream;
    vec![
        hosting::subscription(
            slack_agent::object::BINDING,
            stream,
            slack_agent::contract::SLUG,
            format!("slack-agent:{namespace}:{path}"),
            format!("slack-agent-subscription:{namespace}:{path}:workers-rpc:callable"),
        ),
        hosting::subscription(
            AGENT_BINDING,
            stream,
            AGENT_HOST,
            format!("agent:{namespace}:{path}:{AGENT_HOST}"),
            format!("agent-processor-subscription:{namespace}:{path}:{AGENT_HOST}:callable"),
        ),
    ]
}
