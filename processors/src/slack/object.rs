//! The Slack integration of a project as a durable object: takes webhooks, hosts the router, and
//! calls Slack for scripts.
//!
//! `receiveWebhook` answers when the webhook stands durably in the integration's stream, once per
//! `eventId`, however often it is delivered. Like every call it passes the lifecycle gate, so no
//! webhook is taken before the router's subscription exists (B-66).
//!
//! `callTool` is the tool provider `["slack"]`: one object for all threads of a workspace, as the
//! limits and the order of updates are the workspace's.

use super::{
    contract::{SLUG, WEBHOOK_RECEIVED},
    processor::SlackRouter,
};
use crate::{hosting, slack_tools::SlackTools};
use futures_util::{future::LocalBoxFuture, FutureExt};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, StreamName},
    object::{Class, Context, Object, Reply},
    platform::NoteKind,
    processor::ProcessorHost,
    quirk::Quirk,
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

/// Takes a script's call, as codemode dispatches it.
pub const CALL_TOOL: &str = "callTool";

struct SlackIntegration {
    context: Context,
    host: Rc<ProcessorHost>,
    tools: Rc<SlackTools>,
}

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    let own = host.stream_name().clone();
    host.add(SLUG, |dependencies| {
        SlackRouter::new(own, dependencies.stream, context.quirks())
    });
    let tools = SlackTools::new(context.clone());
    tools.take_up();
    let integration = Rc::new(SlackIntegration {
        context,
        host,
        tools,
    });
    integration.subscribe();
    integration
}

impl SlackIntegration {
    /// Sees to it that the router has its subscription.
    fn subscribe(&self) {
        let own = self.host.stream_name().clone();
        let setup = {
            let context = self.context.clone();
            move || {
                let (context, own) = (context.clone(), own.clone());
                async move { hosting::ensure(&context, &own, vec![subscription(&own)]).await }
            }
        };
        if self.context.quirk(Quirk::B66) {
            let (context, born) = (self.context.clone(), setup());
            self.context.wait_until("birth of the router", async move {
                if let Err(error) = born.await {
                    context.note(NoteKind::Failure, format_args!("router not born: {error}"));
                }
            });
            return;
        }
        hosting::wake(&self.context, setup);
    }

    fn receive(&self, arguments: &Arguments) -> Reply {
        let context = self.context.clone();
        let own = self.host.stream_name().clone();
        let event = webhook(arguments);
        Box::pin(async move {
            hosting::ensure(&context, &own, vec![event?]).await?;
            Ok(Argument::NULL)
        })
    }
}

impl Object for SlackIntegration {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        match method.as_str() {
            RECEIVE_WEBHOOK => self.receive(&arguments),
            CALL_TOOL => self.tools.call(&arguments),
            method => self.host.clone().call(method, arguments),
        }
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        async move {
            self.tools.take_up();
            self.host.alarm().await
        }
        .boxed_local()
    }
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

fn webhook(arguments: &Arguments) -> Result<EventInput, CallError> {
    let body: Map<String, Value> = arguments.parse("body")?;
    let event_id: String = arguments.parse("eventId")?;
    let event = EventInput::new(WEBHOOK_RECEIVED, json!({ "body": body }));
    Ok(event.keyed(format!("slack-webhook:{event_id}")))
}
