//! The tool provider `["slack", "agent"]` (spec §5.9): what a script may ask about its thread. It is of
//! kind event: the agent answers the request that it reads in its stream, from its state as of there.

use super::contract::{State, CONTRACT};
use crate::codemode::contract::{
    FullPath, FunctionCallCompleted, FunctionCallRequested, Invocation, InvocationKind, Outcome,
    ToolProvider, FUNCTION_CALL_COMPLETED, TOOL_PROVIDER_REGISTERED,
};
use runtime::event::{EventInput, Offset};
use serde_json::{json, Value};

const PROVIDER: [&str; 2] = ["slack", "agent"];
const THREAD_INFO: &str = "threadInfo";

const INSTRUCTIONS: &str =
    "ctx.slack.agent.threadInfo() gives { channel, thread_ts, streamPath } of \
    the Slack thread that this conversation belongs to: pass channel and thread_ts on to \
    ctx.slack.chat.postMessage to answer there.";

fn provider_path() -> FullPath {
    FullPath::of(PROVIDER).expect("two names")
}

/// The provider's registration, on account of the route at an offset.
pub fn registration(route: Offset) -> EventInput {
    let provider = ToolProvider {
        instructions: INSTRUCTIONS.into(),
        invocation: Invocation::Event,
        path: provider_path(),
    };
    EventInput::new(TOOL_PROVIDER_REGISTERED, provider)
        .keyed(CONTRACT.key_at("register-slack-agent-tool-provider", route))
}

/// The answer to a call of this provider. A function that there is not throws, or its script would
/// wait for ever.
pub fn answer(called: &FunctionCallRequested, state: &State, at: Offset) -> Option<EventInput> {
    let call = &called.call;
    if call.invocation_kind != InvocationKind::Event || call.provider_path != provider_path() {
        return None;
    }
    let (key, outcome) = match call.function_path.names() {
        [function] if **function == *THREAD_INFO => (
            "slack-agent-thread-info-function-call-completed",
            thread_info(state),
        ),
        _ => (
            "slack-agent-function-call-completed",
            Outcome::threw(format!("{} is no function", call.path)),
        ),
    };
    let completed = FunctionCallCompleted {
        duration_ms: Some(0),
        outcome,
        call: call.clone(),
    };
    Some(EventInput::new(FUNCTION_CALL_COMPLETED, completed).keyed(CONTRACT.key_at(key, at)))
}

fn thread_info(state: &State) -> Outcome {
    let (Some(channel), Some(thread_ts)) = (&state.channel, &state.thread_ts) else {
        return Outcome::threw("this conversation belongs to no Slack thread");
    };
    let mut info = json!({ "channel": channel, "thread_ts": thread_ts });
    if let Some(stream_path) = &state.stream_path {
        info["streamPath"] = Value::from(stream_path.as_str());
    }
    Outcome::Returned { value: Some(info) }
}
