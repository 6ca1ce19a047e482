//! The Agent object (spec §5.11): hosts agent, openai-ws and agent-host of one stream, and sees to
//! it, whenever it wakes, that the stream has their subscriptions and the agent's setup events.
//!
//! On a routed stream the first input may be there before the agent's own subscription is: that is
//! where #1481 (B-28) comes from.

use super::{
    contract::{Behaviour, InputAdded, INPUT_ADDED, SLUG},
    setup, AgentProcessor,
};
use crate::{
    agent_host::{self, AgentHostProcessor},
    hosting::{self, HostedObject},
    openai_ws::{self, OpenAiEndpoint, OpenAiWsProcessor},
};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, StreamName},
    object::{Class, Context, Object, Reply},
    processor::ProcessorHost,
    quirk::Quirk,
    stream::StreamClient,
};
use std::rc::Rc;

pub const BINDING: &str = "AGENT";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// The environment of the deployed worker.
struct Settings {
    openai_host: &'static str,
    openai_port: u16,
    openai_api_key: &'static str,
}

const SETTINGS: Settings = Settings {
    openai_host: "api.openai.com",
    openai_port: 443,
    openai_api_key: "sk-test-000",
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    let stream = host.stream_name().clone();
    host.add(agent_host::contract::SLUG, |dependencies| {
        AgentHostProcessor::new(dependencies, &stream)
    });
    if is_agent(&stream) {
        host.add(SLUG, AgentProcessor::new);
        host.add(openai_ws::contract::SLUG, |dependencies| {
            let endpoint = OpenAiEndpoint {
                host: SETTINGS.openai_host.to_owned(),
                port: SETTINGS.openai_port,
                api_key: SETTINGS.openai_api_key.to_owned(),
            };
            OpenAiWsProcessor::new(dependencies, endpoint)
        });
    }
    {
        let (context, stream, host) = (context.clone(), stream.clone(), host.clone());
        hosting::wake(&context.clone(), move || {
            wake(context.clone(), stream.clone(), host.clone())
        });
    }
    HostedObject::new(
        host,
        Box::new(move |method, arguments| answer(&context, &stream, method, arguments)),
    )
}

/// The root above all agents is none itself.
fn is_agent(stream: &StreamName) -> bool {
    stream.path.as_str() != setup::ROOT_PATH
}

async fn wake(
    context: Context,
    stream: StreamName,
    host: Rc<ProcessorHost>,
) -> Result<(), CallError> {
    set_up(&context, &stream).await?;
    if context.quirk(Quirk::B06) && is_agent(&stream) {
        // The deliveries that it waits for queue before the gate which this hook holds.
        // In vain, and production did not even notice (B-17).
        let _ = host.catch_up(SLUG).await;
    }
    Ok(())
}

async fn set_up(context: &Context, stream: &StreamName) -> Result<(), CallError> {
    let mut events = Vec::new();
    // Quirk B-11: the rest is left to whoever sees `created` above its anchor, which nobody does.
    if is_agent(stream) && !context.quirk(Quirk::B11) {
        events = setup::events(context, stream).await?;
        events.push(subscription(stream, SLUG));
        events.push(subscription(stream, openai_ws::contract::SLUG));
    }
    events.push(subscription(stream, agent_host::contract::SLUG));
    hosting::ensure(context, stream, events).await
}

/// The subscription of one of this object's processors to its stream. The Slack router configures
/// the one of agent-host, which wakes this object.
pub fn subscription(stream: &StreamName, slug: &str) -> EventInput {
    let StreamName { namespace, path } = stream;
    hosting::subscription(
        BINDING,
        stream,
        slug,
        format!("agent:{namespace}:{path}:{slug}"),
        format!("agent-processor-subscription:{namespace}:{path}:{slug}:callable"),
    )
}

fn answer(
    context: &Context,
    stream: &StreamName,
    method: &str,
    arguments: &Arguments,
) -> Option<Reply> {
    match method {
        // Whatever there is to initialize was done in the wake hook, before this call came in.
        "initialize" => Some(Box::pin(async { Ok(Argument::NULL) })),
        "sendMessage" => Some(send_message(context, stream, arguments)),
        "kill" => {
            context.abort("kill");
            Some(Box::pin(async { Ok(Argument::NULL) }))
        }
        _ => None,
    }
}

/// Appends a message as an input. Production appends it for agent-chat, which renders it; that
/// processor is not built yet.
fn send_message(context: &Context, stream: &StreamName, arguments: &Arguments) -> Reply {
    let content = arguments.parse::<String>("content");
    let client = StreamClient::named(context, stream);
    Box::pin(async move {
        let input = InputAdded::new(content?, Behaviour::default());
        let appended = client.append_batch(None, vec![EventInput::new(INPUT_ADDED, input)]);
        Ok(Argument::shared(appended.await?))
    })
}
