//! The agent-host processor (spec §5.3). All of it is blocking: what fails is tried again with its batch.
//!
//! 1. The own stream's agent: the object that hosts this processor is that agent, and is up, with all
//!    that it sees to, before anything is delivered to it.
//! 2. A stream that is created below the own one becomes an agent, unless it is infrastructure.
//! 3. An answer that is a script is run, by the codemode session of the stream, which begins with the
//!    first one. The execution's id follows from the answer: production draws one, and runs the script
//!    again when the batch is delivered again.
//! 4. What a script came to is an input.
//!
//! And when a provider is selected that nobody has subscribed yet, this does (`agent/selection.rs`).
//! What a batch appends goes in at once, and is keyed by its events. The root above all agents is none
//! itself: there it boots, and appends nothing.

use super::{
    contract::{Consumed, State, CONTRACT},
    script::script,
};
use crate::{
    agent::{
        self,
        block::Block,
        contract::{Behaviour, InputAdded, OutputAdded, INPUT_ADDED},
        selection::Provider,
        setup::ROOT_PATH,
    },
    codemode::{
        self,
        contract::{
            Outcome, ScriptExecutionCompleted, ScriptExecutionRequested, SCRIPT_EXECUTION_REQUESTED,
        },
    },
};
use runtime::{
    call::Arguments,
    event::{Event, EventInput, Offset, PayloadError, StreamName, StreamPath},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, ProcessorError, Reduced, StreamPort},
    quirk::Quirk,
    stream::contract::{Subscriber, SubscriptionConfigured},
};
use std::rc::Rc;

/// Streams below a segment of this name are infrastructure: an agent there would create further
/// ones, without end (#1501, B-37).
const INFRASTRUCTURE_SEGMENT: &str = "itx";

pub struct AgentHostProcessor {
    context: Context,
    stream: Rc<dyn StreamPort>,
    name: StreamName,
}

impl AgentHostProcessor {
    pub fn new(dependencies: Dependencies, name: &StreamName) -> Self {
        AgentHostProcessor {
            context: dependencies.context,
            stream: dependencies.stream,
            name: name.clone(),
        }
    }

    fn is_root(&self) -> bool {
        self.name.path.as_str() == ROOT_PATH
    }

    /// The child whose agent is to be booted.
    fn child(&self, child_path: &str) -> Option<StreamName> {
        let child = StreamPath::parse(child_path).ok()?;
        let mut segments = child.segments();
        let is_infrastructure = segments.any(|segment| segment == INFRASTRUCTURE_SEGMENT);
        let boots = !is_infrastructure || self.context.quirk(Quirk::B37);
        (boots && !self.context.quirk(Quirk::B41))
            .then(|| StreamName::new(&self.name.namespace, child.clone()))
    }

    async fn boot(context: Context, child: StreamName) -> Result<(), ProcessorError> {
        let agent = context.object(agent::object::BINDING, child);
        agent.call("initialize", Arguments::new()).await?;
        Ok(())
    }

    /// What an event is to be answered with.
    fn appends(&self, reduced: &Reduced<Self>) -> Vec<EventInput> {
        let event = &reduced.event;
        match &reduced.consumed {
            Consumed::OutputAdded(output) => self.script_request(event.offset, output),
            Consumed::ScriptExecutionCompleted(completed) => {
                script_result(event, completed).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn script_request(&self, answer: Offset, output: &OutputAdded) -> Vec<EventInput> {
        let Some(code) = script(&output.content) else {
            return Vec::new();
        };
        let requested = |script_execution_id: String| {
            let requested = ScriptExecutionRequested {
                code: code.into(),
                script_execution_id: script_execution_id.into(),
            };
            EventInput::new(SCRIPT_EXECUTION_REQUESTED, requested)
        };
        let requested = match self.context.quirk(Quirk::X5) {
            true => requested(self.context.draw_id().to_string()),
            false => requested(format!("agent-output-{answer}"))
                .keyed(CONTRACT.key_at("agent-output-to-codemode-script", answer)),
        };
        // Its subscription comes before the request, which therefore lies above its anchor.
        let mut events = codemode::object::bootstrap(&self.name);
        events.push(requested);
        events
    }
}

impl State {
    fn configure(&mut self, configured: &SubscriptionConfigured) {
        let is_for = |provider: &&Provider| {
            let key = configured.subscription_key.strip_prefix("agent:");
            key.is_some_and(|key| key.ends_with(&format!(":{}", provider.slug())))
        };
        let Some(provider) = Provider::ALL.iter().find(is_for).copied() else {
            return;
        };
        // A subscriber of V0 is never dialed, and takes nobody's place.
        if matches!(configured.subscriber, Subscriber::Callable { .. }) {
            add(&mut self.subscribed_providers, provider);
        }
    }

    /// The providers that were selected and that nobody has subscribed.
    fn missing_providers(&self) -> impl Iterator<Item = Provider> + '_ {
        let is_missing = |selected: &Provider| !self.subscribed_providers.contains(selected);
        self.selected_providers.iter().copied().filter(is_missing)
    }
}

fn add(providers: &mut Vec<Provider>, provider: Provider) {
    if !providers.contains(&provider) {
        providers.push(provider);
    }
}

/// What the model reads of a script's end; nothing if there is nothing to tell, or nobody to tell it of.
fn script_result(event: &Event, completed: &ScriptExecutionCompleted) -> Option<EventInput> {
    let id = &completed.script_execution_id;
    let block = Block::of(event.offset, &event.kind).field("scriptExecutionId", id);
    let (name, content) = match &completed.outcome {
        Outcome::Returned { value } => {
            let value = value.as_ref()?;
            let block = block.field("status", "returned");
            ("result", block.body("value", &pretty(value)))
        }
        Outcome::Threw { error } => {
            let block = block.field("status", "threw");
            ("error", block.body("error", &pretty(error)))
        }
    };
    let input = InputAdded::new(content.end(), Behaviour::default());
    let key = format!("agent-codemode-script-{name}:{id}");
    (!id.trim().is_empty()).then(|| EventInput::new(INPUT_ADDED, input).keyed(key))
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON has string keys and finite numbers")
}

impl Processor for AgentHostProcessor {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Consumed::parse(event)
    }

    fn reduce(state: &mut State, _event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::ProviderSelected(selected) => {
                if let Some(provider) = selected.known() {
                    add(&mut state.selected_providers, provider);
                }
            }
            Consumed::SubscriptionConfigured(configured) => state.configure(configured),
            _ => {}
        }
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        if let Consumed::ChildStreamCreated(created) = &reduced.consumed {
            if let Some(child) = self.child(&created.child_path) {
                hook.block(Self::boot(self.context.clone(), child));
            }
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let subscriptions = (hook.state.missing_providers())
            .map(|provider| agent::object::subscription(&self.name, provider.slug()));
        let answers = hook.live.iter().flat_map(|reduced| self.appends(reduced));
        let appends: Vec<EventInput> = subscriptions.chain(answers).collect();
        if !appends.is_empty() && !self.is_root() {
            let stream = self.stream.clone();
            hook.block(async move {
                stream.append_batch(None, appends).await?;
                Ok(())
            });
        }
    }
}
