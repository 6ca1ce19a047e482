//! The Slack integration of a project as a durable object: takes webhooks, and hosts the router.
//!
//! `receiveWebhook` answers when the webhook stands durably in the integration's stream, once per
//! `eventId`, however often it is delivered. Like every call it passes the lifecycle gate, so no
//! webhook is taken before the router's subscription exists (B-66).

use super::{
    contract::{SLUG, WEBHOOK_RECEIVED},
    processor::SlackRouter,
};
use crate::hosting::{self, HostedObject};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, StreamName},
    object::{Class, Context, Object},
    processor::ProcessorHost,
};
use serde_json::{json, Map, Value};
use std::rc::Rc;

pub const BINDING: &str = "SLACK_INTEGRATION";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// The stream of a project's Slack integration: `<project>:<this>`.
pub const STREAM_PATH: &str = "/integrations/slack";

/// Takes `{body: map, eventId: str}`.
pub const RECEIVE_WEBHOOK: &str = "receiveWebhook";

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    let own = host.stream_name().clone();
    host.add(SLUG, |dependencies| {
        SlackRouter::new(own.clone(), dependencies.stream)
    });
    hosting::wake(&context, {
        let (context, own) = (context.clone(), own.clone());
        move || {
            let (context, own) = (context.clone(), own.clone());
            async move { hosting::ensure(&context, &own, vec![subscription(&own)]).await }
        }
    });
    HostedObject::new(
        host,
        Box::new(move |method, arguments| {
            (method == RECEIVE_WEBHOOK).then(|| {
                let received = receive(context.clone(), own.clone(), arguments.clone());
                Box::pin(received) as runtime::object::Reply
            })
        }),
    )
}

fn subscription(own: &StreamName) -> EventInput {
    let project = &own.namespace;
    hosting::subscription(
        BINDING,
        own,
        SLUG,
        format!("slack:{project}"),
        format!("slack-subscription:{project}:workers-rpc:callable"),
    )
}

async fn receive(
    context: Context,
    own: StreamName,
    arguments: Arguments,
) -> Result<Argument, CallError> {
    let body: Map<String, Value> = arguments.parse("body")?;
    let event_id: String = arguments.parse("eventId")?;
    let event = EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body }))
        .keyed(format!("slack-webhook:{event_id}"));
    hosting::ensure(&context, &own, vec![event]).await?;
    Ok(Argument::NULL)
}
