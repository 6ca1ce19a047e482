//! A second provider, of the scenario's own: answers at once, and asks nobody. It keeps to the selection
//! as every provider must, and is level-triggered like the real ones: what is open in its state is
//! answered, unless the head of the stream says that it is no longer asked for.

use processors::{
    agent::{
        contract::{
            self as agent, CancelledRequest, LlmRequestCancelled, LlmRequestCompleted, LlmResult,
            OutputAdded, LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED,
            OUTPUT_ADDED,
        },
        selection::{self, LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
        transaction::Transactions,
    },
    hosting::{self, HostedObject},
};
use runtime::{
    event::{Event, EventInput, Offset, PayloadError, StreamName},
    object::{Class, Context, Object},
    processor::{
        Catalogue, Contract, Dependencies, Hook, Processor, ProcessorError, ProcessorHost, Work,
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, rc::Rc};

pub const PROVIDER: Provider = Provider::CloudflareAi;
const BINDING: &str = "UNDERSTUDY";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(PROVIDER.slug(), Understudy::new);
    HostedObject::new(host, Box::new(|_, _| None))
}

/// What makes it stand by an agent.
pub fn subscription(agent: &StreamName) -> EventInput {
    let slug = PROVIDER.slug();
    let key = format!("understudy:{agent}");
    hosting::subscription(BINDING, agent, slug, key, format!("workload/{slug}"))
}

static CONTRACT: Contract = Contract {
    slug: PROVIDER.slug(),
    version: "0.0.0",
    description: "Answers what is for it.",
    events: &Catalogue {
        owner: PROVIDER.slug(),
        events: &[],
    },
    dependencies: &[&agent::CATALOGUE, &selection::CATALOGUE],
    consumes: &[
        LLM_PROVIDER_SELECTED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_COMPLETED,
        LLM_REQUEST_CANCELLED,
    ],
    emits: &[OUTPUT_ADDED, LLM_REQUEST_COMPLETED],
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    selected_provider: Provider,
    /// The requests that are for it, and have no end.
    open: BTreeSet<u64>,
}

pub enum Consumed {
    Selected(LlmProviderSelected),
    Requested,
    Completed(LlmRequestCompleted),
    Cancelled(LlmRequestCancelled),
}

pub struct Understudy {
    transactions: Transactions<agent::State>,
}

impl Understudy {
    fn new(dependencies: Dependencies) -> Self {
        Understudy {
            transactions: Transactions::new(dependencies.stream),
        }
    }

    async fn answer(self: Rc<Self>, open: BTreeSet<u64>) -> Result<(), ProcessorError> {
        for request in open {
            let request = Offset(request);
            self.transactions
                .append(|head| match head.fold.is_requested(request) {
                    true => answer(request),
                    false => Vec::new(),
                })
                .await?;
        }
        Ok(())
    }
}

fn answer(request: Offset) -> Vec<EventInput> {
    let output = OutputAdded {
        content: format!("The understudy says {request}.").into(),
        llm_request_id: Some(request),
    };
    let completed = LlmRequestCompleted {
        llm_request_id: request,
        provider: PROVIDER.slug().into(),
        duration_ms: 0,
        result: LlmResult::Success {
            raw_response: None,
            usage: None,
            provider_response_id: None,
        },
    };
    vec![
        EventInput::new(OUTPUT_ADDED, output).keyed(CONTRACT.key_at("agent-output-added", request)),
        EventInput::new(LLM_REQUEST_COMPLETED, completed)
            .keyed(CONTRACT.key_at("agent-llm-request-completed", request)),
    ]
}

impl Processor for Understudy {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(match &event.kind {
            kind if *kind == LLM_PROVIDER_SELECTED => Consumed::Selected(event.payload()?),
            kind if *kind == LLM_REQUEST_REQUESTED => Consumed::Requested,
            kind if *kind == LLM_REQUEST_COMPLETED => Consumed::Completed(event.payload()?),
            _ => Consumed::Cancelled(event.payload()?),
        })
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::Selected(selected) => {
                state.selected_provider = selected.known().unwrap_or(state.selected_provider);
            }
            Consumed::Requested => {
                if state.selected_provider == PROVIDER {
                    state.open.insert(event.offset.0);
                }
            }
            Consumed::Completed(completed) => {
                state.open.remove(&completed.llm_request_id.0);
            }
            Consumed::Cancelled(cancelled) => {
                if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
                    state.open.remove(&llm_request_id.0);
                }
            }
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        if !hook.state.open.is_empty() {
            hook.block(self.clone().answer(hook.state.open.clone()));
        }
    }

    fn owes(&self, state: &State) -> bool {
        !state.open.is_empty()
    }

    fn recover(self: &Rc<Self>, state: Rc<State>, _side_effects_after: Offset) -> Work {
        Box::pin(self.clone().answer(state.open.clone()))
    }
}
