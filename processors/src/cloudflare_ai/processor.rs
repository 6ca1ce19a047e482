//! The cloudflare-ai processor (spec §5.4), level-triggered: after each batch, and when the alarm rings,
//! every request that is for it, has no terminal and is not being executed here is claimed and executed,
//! each on its own.
//!
//! Executions run beside the batches, so that a cancellation is seen while one runs (D12). Nothing here
//! asks which event led to it: a foreign connection, a replayed request or six connections at once
//! claim nothing twice (B-09, B-27, X-15), and the alarm finds what no batch comes for (B-26).

use super::{client::WorkersAiEndpoint, contract::*, response};
use crate::model_request::{
    executions::{Claim, Executions},
    history::History,
    interruption::Interruption,
    outcome::Conversation,
    request::Requests,
};
use runtime::{
    event::{Event, EventInput, Offset, PayloadError},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, ProcessorError, Work},
    quirk::Quirk,
};
use std::rc::Rc;

pub struct CloudflareAiProcessor {
    context: Context,
    executions: Executions<State>,
    endpoint: WorkersAiEndpoint,
}

impl CloudflareAiProcessor {
    pub fn new(dependencies: Dependencies, endpoint: WorkersAiEndpoint) -> Self {
        CloudflareAiProcessor {
            context: dependencies.context.clone(),
            executions: Executions::new(dependencies),
            endpoint,
        }
    }

    fn take_up(self: &Rc<Self>, requests: &Requests) {
        for claim in self.executions.take_up(requests) {
            let execution = self.clone().execute(claim);
            self.context.wait_until("model request", execution);
        }
    }

    async fn execute(self: Rc<Self>, claim: Claim) {
        let request = claim.request;
        let attempt = |history, interruption| self.attempt(request, history, interruption);
        self.executions.run(claim, attempt).await;
    }

    async fn attempt(
        &self,
        request: Offset,
        history: Rc<History<State>>,
        interruption: Rc<Interruption>,
    ) -> Result<Conversation, ProcessorError> {
        let prompt = &history.prompts[&request.0];
        let started = LlmRequestStarted {
            llm_request_id: request,
            model: prompt.requested.model.clone(),
            run_opts: prompt.requested.run_opts.clone(),
        };
        let started = EventInput::new(LLM_REQUEST_STARTED, started)
            .keyed(CONTRACT.key_at("llm-request-started", request));
        self.executions.append(vec![started]).await?;
        interruption.hear();
        let input = response::input(&history, prompt);
        let run = self
            .endpoint
            .run(&self.context, &prompt.requested.model, &input);
        let result = match interruption.race(run).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(reason) => Err(reason.to_string()),
        };
        Ok(Conversation {
            connection_id: None,
            records: Vec::new(),
            result,
        })
    }
}

impl Processor for CloudflareAiProcessor {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        let consumed = Consumed::parse(event)?;
        Ok(consumed.expect("every consumed type is parsed"))
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        state.reduce(event.offset, consumed);
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let mut live = hook.live.iter().map(|reduced| &reduced.consumed);
        let is_about_connections = live.all(|it| matches!(it, Consumed::SubscriberConnected(_)));
        if !(self.context.quirk(Quirk::B26) && is_about_connections) {
            self.take_up(&hook.state.requests);
        }
        self.executions
            .retire(hook.checkpoint_offset, &hook.state.requests);
    }

    fn owes(&self, state: &State) -> bool {
        self.executions.owes(&state.requests)
    }

    /// Reads the head even if everything is claimed: a stream that is gone shows by that, and the
    /// host then wakes it.
    fn recover(self: &Rc<Self>, _state: Rc<State>, _side_effects_after: Offset) -> Work {
        let processor = self.clone();
        Box::pin(async move {
            let head = processor.executions.transactions.read().await?;
            let requests = &head.fold.provider.requests;
            processor.executions.retire(head.offset, requests);
            processor.take_up(requests);
            Ok(())
        })
    }
}
