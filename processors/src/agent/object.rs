//! The Agent object (spec §5.11): hosts what makes an agent of a stream, and sees to it, whenever it
//! wakes, that the stream has the agent's setup events and the subscriptions of its processors.
//!
//! - on `/agents`, which is no agent: agent-host. - on every other stream: agent-chat, agent, the
//!   providers, agent-host. Of the providers only the selected one is subscribed.
//!
//! It wakes inside the lifecycle gate, so a handshake finds it set up (I8). A stream of an older revision
//! gets the subscriptions of this one beside its own, under other keys (B-04). On a routed stream the
//! first input may be there before the agent's own subscription is: that is where #1481 (B-28) comes
//! from.

use super::{
    contract::SLUG,
    partial::PartialAnswer,
    selection::Provider,
    setup::{self, Setup},
    AgentProcessor,
};
use crate::{
    agent_chat::{
        self,
        contract::{UserMessageAdded, USER_MESSAGE_ADDED},
        AgentChatProcessor,
    },
    agent_host::{self, AgentHostProcessor},
    cloudflare_ai::{CloudflareAiProcessor, WorkersAiEndpoint},
    hosting::{self, HostedObject},
    openai_ws::{OpenAiEndpoint, OpenAiWsProcessor},
};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, IdempotencyKey, StreamName},
    object::{Class, Context, Object, Reply},
    platform::NoteKind,
    processor::ProcessorHost,
    quirk::Quirk,
    stream::{
        contract::{ErrorOccurred, ERROR_OCCURRED},
        AppendError, StreamClient,
    },
};
use std::rc::Rc;
use tokio::sync::OnceCell;

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
    workers_ai_host: &'static str,
    workers_ai_account_id: &'static str,
    workers_ai_api_token: &'static str,
}

const SETTINGS: Settings = Settings {
    openai_host: "api.openai.com",
    openai_port: 443,
    openai_api_key: "sk-test-000",
    workers_ai_host: "api.cloudflare.com",
    workers_ai_account_id: "023e105f4ecef8ad9ca31a8372d0c353",
    workers_ai_api_token: "cf-test-000",
};

/// One incarnation.
struct Agent {
    context: Context,
    stream: StreamName,
    host: Rc<ProcessorHost>,
    caught_up: OnceCell<()>,
}

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    let agent = Rc::new(Agent {
        stream: host.stream_name().clone(),
        caught_up: OnceCell::new(),
        context,
        host: host.clone(),
    });
    match agent.is_root() {
        true => agent.host_root(),
        false => agent.host_agent(),
    }
    hosting::wake(&agent.context, {
        let agent = agent.clone();
        move || agent.clone().wake()
    });
    HostedObject::new(
        host,
        Box::new(move |method, arguments| agent.answer(method, arguments)),
    )
}

impl Agent {
    /// The root above all agents is none itself.
    fn is_root(&self) -> bool {
        self.stream.path.as_str() == setup::ROOT_PATH
    }

    fn host_root(&self) {
        self.host_agent_host();
    }

    fn host_agent(&self) {
        let partial_answer = PartialAnswer::default();
        self.host
            .add(agent_chat::contract::SLUG, AgentChatProcessor::new);
        self.host.add(SLUG, |dependencies| {
            AgentProcessor::new(dependencies).hearing(partial_answer.clone())
        });
        self.host.add(Provider::OpenAiWs.slug(), |dependencies| {
            let endpoint = OpenAiEndpoint {
                host: SETTINGS.openai_host.to_owned(),
                port: SETTINGS.openai_port,
                api_key: SETTINGS.openai_api_key.to_owned(),
            };
            OpenAiWsProcessor::new(dependencies, endpoint).telling(partial_answer.clone())
        });
        self.host
            .add(Provider::CloudflareAi.slug(), |dependencies| {
                let endpoint = WorkersAiEndpoint {
                    host: SETTINGS.workers_ai_host.to_owned(),
                    account_id: SETTINGS.workers_ai_account_id.to_owned(),
                    api_token: SETTINGS.workers_ai_api_token.to_owned(),
                };
                CloudflareAiProcessor::new(dependencies, endpoint)
            });
        self.host_agent_host();
    }

    fn host_agent_host(&self) {
        self.host.add(agent_host::contract::SLUG, |dependencies| {
            AgentHostProcessor::new(dependencies, &self.stream)
        });
    }

    async fn wake(self: Rc<Self>) -> Result<(), CallError> {
        self.set_up().await?;
        if self.context.quirk(Quirk::B06) && !self.is_root() {
            // The deliveries that it waits for queue before the gate which this hook holds.
            // In vain, and production did not even notice (B-17).
            let _ = self.host.catch_up(SLUG).await;
        }
        Ok(())
    }

    async fn set_up(&self) -> Result<(), CallError> {
        // Quirk B-11: the rest is left to whoever sees `created` above its anchor, which nobody does.
        if self.is_root() || self.context.quirk(Quirk::B11) {
            return self.ensure(self.subscriptions(&[])).await;
        }
        let setup = Setup::of(&self.context, &self.stream).await?;
        // Quirk B-14: on a routed stream nobody registers those who ask the model, and who answer.
        let is_left_out = setup::is_routed(&self.stream.path) && self.context.quirk(Quirk::B14);
        let subscriptions = match is_left_out {
            true => self.subscriptions(&[agent_chat::contract::SLUG]),
            false => self.subscriptions(&[agent_chat::contract::SLUG, SLUG, setup.provider.slug()]),
        };
        let all = setup.events.into_iter().chain(subscriptions.clone());
        match self.ensure(all.collect()).await {
            // The preset holds what no stream takes. The agent lives without it, and says so.
            Err(error) if error.code() == Some(AppendError::INVALID) => {
                let refused = [setup_refused(&error)];
                self.ensure(refused.into_iter().chain(subscriptions).collect())
                    .await
            }
            outcome => outcome,
        }
    }

    /// The subscriptions of these processors, and of agent-host, which every stream has.
    fn subscriptions(&self, slugs: &[&str]) -> Vec<EventInput> {
        let slugs = slugs.iter().copied().chain([agent_host::contract::SLUG]);
        let subscriptions = slugs.map(|slug| match self.context.quirk(Quirk::B04) {
            true => subscription_of(&self.stream, slug, "workers-rpc"),
            false => subscription(&self.stream, slug),
        });
        subscriptions.collect()
    }

    async fn ensure(&self, events: Vec<EventInput>) -> Result<(), CallError> {
        hosting::ensure(&self.context, &self.stream, events).await
    }

    fn answer(self: &Rc<Self>, method: &str, arguments: &Arguments) -> Option<Reply> {
        match method {
            // Whatever there is to initialize was done in the wake hook, before this call came in.
            "initialize" => Some(Box::pin(async { Ok(Argument::NULL) })),
            "sendMessage" if !self.is_root() => {
                let sent = self.clone().send_message(arguments.clone());
                Some(Box::pin(sent))
            }
            "kill" => {
                self.context.abort("kill");
                Some(Box::pin(async { Ok(Argument::NULL) }))
            }
            _ => None,
        }
    }

    /// Appends a user's message to the chat: `{content, channel?, idempotencyKey?}`. Who may send it
    /// again, because the answer got lost, gives it a key.
    async fn send_message(self: Rc<Self>, arguments: Arguments) -> Result<Argument, CallError> {
        let message = UserMessageAdded {
            content: arguments.parse("content")?,
            channel: arguments.parse_optional("channel")?.unwrap_or_default(),
        };
        let key: Option<IdempotencyKey> = arguments.parse_optional("idempotencyKey")?;
        let message = EventInput {
            idempotency_key: key,
            ..EventInput::new(USER_MESSAGE_ADDED, message)
        };
        self.caught_up().await;
        let stream = StreamClient::named(&self.context, &self.stream);
        let appended = stream.append_batch(None, vec![message]).await?;
        Ok(Argument::shared(appended))
    }

    /// Once in an incarnation, and never inside the gate (I5): waits until the agent has seen what was
    /// in its stream. In vain, if it cannot; what is then appended is none the worse for it.
    async fn caught_up(&self) {
        let catch_up = || async {
            if let Err(error) = self.host.catch_up(SLUG).await {
                self.context.note(NoteKind::Failure, error);
            }
        };
        self.caught_up.get_or_init(catch_up).await;
    }
}

fn setup_refused(error: &CallError) -> EventInput {
    let message = format!("The preset of this agent was refused: {error}");
    let occurred = ErrorOccurred {
        message: message.clone(),
        error: None,
    };
    EventInput::new(ERROR_OCCURRED, occurred).keyed(format!("os-agent-setup-refused:{message}"))
}

/// The subscription of one of this object's processors to its stream. The Slack router configures
/// the one of agent-host, which wakes this object.
pub fn subscription(stream: &StreamName, slug: &str) -> EventInput {
    subscription_of(stream, slug, "callable")
}

fn subscription_of(stream: &StreamName, slug: &str, revision: &str) -> EventInput {
    let StreamName { namespace, path } = stream;
    hosting::subscription(
        BINDING,
        stream,
        slug,
        format!("agent:{namespace}:{path}:{slug}"),
        format!("agent-processor-subscription:{namespace}:{path}:{slug}:{revision}"),
    )
}
