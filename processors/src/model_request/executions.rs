//! What is executed here, from claim to terminal (spec §5.4), whatever the provider.
//!
//! An execution may be cut off anywhere: what it owes is the request in the durable state, and
//! everything that it appends is keyed by that request. A conversation is kept in memory until its
//! terminal is appended, so that only a crash makes the service be asked twice. A claim is made before
//! anything is waited for (B-27); it ends when the state forgets the request, or when the execution
//! fails: the durable state then brings it back.

use super::{
    history::History,
    interruption::{Interruption, Reason},
    outcome::{Conversation, Outcome},
    request::{AttemptFailure, LlmRequestAttemptFailed, ProviderState, RequestStatus, Requests},
};
use crate::{
    agent::transaction::{Fold, Head, Transactions},
    patience::patiently,
};
use runtime::{
    event::{EventInput, Offset},
    object::Context,
    platform::NoteKind,
    processor::{Dependencies, ProcessorError, StreamPort},
    quirk::Quirk,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    future::Future,
    rc::Rc,
};

pub struct Executions<S> {
    pub context: Context,
    stream: Rc<dyn StreamPort>,
    pub transactions: Transactions<History<S>>,
    pub claimed: RefCell<BTreeSet<Offset>>,
    /// What is executed now.
    active: RefCell<BTreeMap<Offset, Rc<Interruption>>>,
    /// Conversations whose terminal is not yet in the stream. They are owed even if the state has
    /// forgotten the request, as it does when the request is cancelled.
    unfinished: RefCell<BTreeMap<Offset, Rc<Outcome>>>,
}

/// A request that is to be executed here.
pub struct Claim {
    pub request: Offset,
    /// What the claimant takes for its status; without it, the head is asked. Only a known bug
    /// believes what it saw (quirks ).
    pub seen: Option<RequestStatus>,
}

impl<S: ProviderState> Executions<S> {
    pub fn new(dependencies: Dependencies) -> Self {
        Executions {
            context: dependencies.context,
            transactions: Transactions::new(dependencies.stream.clone()),
            stream: dependencies.stream,
            claimed: RefCell::default(),
            active: RefCell::default(),
            unfinished: RefCell::default(),
        }
    }

    /// Makes a claim, unless it was made before.
    pub fn claim(&self, claim: Claim) -> Option<Claim> {
        let is_new = self.claimed.borrow_mut().insert(claim.request);
        is_new.then_some(claim)
    }

    /// Claims what dangles, and what is only to be finished. Quirk X-16: what dangled at the end of a
    /// batch need not be asked for again at the head.
    pub fn take_up(&self, requests: &Requests) -> Vec<Claim> {
        let believes = self.context.quirk(Quirk::X16);
        let dangling = requests
            .iter()
            .filter(|(_, open)| open.is_dangling(&self.context))
            .map(|(request, open)| Claim {
                request: Offset(*request),
                seen: believes.then_some(open.status),
            });
        let unfinished = self.unfinished.borrow();
        let unfinished = unfinished.keys().map(|request| Claim {
            request: *request,
            seen: None,
        });
        let claims = dangling.chain(unfinished);
        claims.filter_map(|claim| self.claim(claim)).collect()
    }

    /// Lets go of the requests that have ended as of `offset`, and cuts off their execution. One that
    /// has not yet come to asking the service sees that its claim is gone.
    pub fn retire(&self, offset: Offset, requests: &Requests) {
        let has_ended = |request: Offset| {
            request <= offset && requests.status(request) == RequestStatus::Completed
        };
        let unfinished = self.unfinished.borrow();
        self.claimed
            .borrow_mut()
            .retain(|request| !has_ended(*request) || unfinished.contains_key(request));
        for (request, interruption) in &*self.active.borrow() {
            if has_ended(*request) {
                interruption.interrupt(Reason::Cancelled);
            }
        }
    }

    /// Something here, or in the state, has no terminal.
    pub fn owes(&self, requests: &Requests) -> bool {
        if self.context.quirk(Quirk::B26) {
            return false;
        }
        // An execution that is cut off has yet to leave its outcome behind.
        let active = self.active.borrow();
        let is_cut_off = active.values().any(|it| it.is_interrupted());
        let is_unfinished = is_cut_off || !self.unfinished.borrow().is_empty();
        let mut requests = requests.values();
        is_unfinished || requests.any(|open| open.is_dangling(&self.context))
    }

    /// Executes what was claimed; `attempt` asks the service. What fails is left to the durable state.
    pub async fn run<F>(
        &self,
        claim: Claim,
        attempt: impl FnOnce(Rc<History<S>>, Rc<Interruption>) -> F,
    ) where
        F: Future<Output = Result<Conversation, ProcessorError>>,
    {
        let request = claim.request;
        if let Err(error) = self.execute(claim, attempt).await {
            let slug = S::contract().slug;
            self.context.note(
                NoteKind::Failure,
                format_args!("{slug} could not bring request {request} to an end: {error}"),
            );
            self.claimed.borrow_mut().remove(&request);
        }
    }

    /// Brings a request to its terminal, unless it has one.
    async fn execute<F>(
        &self,
        claim: Claim,
        attempt: impl FnOnce(Rc<History<S>>, Rc<Interruption>) -> F,
    ) -> Result<(), ProcessorError>
    where
        F: Future<Output = Result<Conversation, ProcessorError>>,
    {
        let request = claim.request;
        let kept = self.unfinished.borrow().get(&request).cloned();
        let outcome = match kept {
            Some(outcome) => outcome,
            None => {
                let head = patiently(&self.context, || self.transactions.read()).await?;
                let at_head = head.fold.provider.requests().status(request);
                let status = claim.seen.unwrap_or(at_head);
                if !status.is_open(&self.context) {
                    return Ok(());
                }
                if status == RequestStatus::Started {
                    self.append(vec![attempt_failed(request, &head)]).await?;
                }
                let history = match head.fold.prompts.contains_key(&request.0) {
                    true => head.fold,
                    // It has ended, and is executed all the same: quirks.
                    false => self.history_as_of(request).await?,
                };
                if claim.seen.is_none() && !self.claimed.borrow().contains(&request) {
                    // It ended while the stream was waited for: the head as it was read does not tell,
                    // and no later batch need come that would.
                    return Ok(());
                }
                let outcome = Rc::new(self.attempt(request, history, attempt).await?);
                let mut unfinished = self.unfinished.borrow_mut();
                unfinished.insert(request, outcome.clone());
                outcome
            }
        };
        let finished = match self.context.quirk(Quirk::X3) {
            true => self.finish_unguarded(&outcome).await,
            false => {
                let finish = || self.transactions.append(|head| outcome.events(&head.fold));
                patiently(&self.context, finish).await.map(drop)
            }
        };
        if finished.is_ok() {
            self.unfinished.borrow_mut().remove(&request);
        }
        finished
    }

    /// Quirk X-3: looks whether the request is current, and then appends, whatever came in between.
    async fn finish_unguarded(&self, outcome: &Outcome) -> Result<(), ProcessorError> {
        let head = patiently(&self.context, || self.transactions.read()).await?;
        match outcome.events(&head.fold) {
            events if events.is_empty() => Ok(()),
            events => self.append(events).await,
        }
    }

    async fn attempt<F>(
        &self,
        request: Offset,
        history: Rc<History<S>>,
        attempt: impl FnOnce(Rc<History<S>>, Rc<Interruption>) -> F,
    ) -> Result<Outcome, ProcessorError>
    where
        F: Future<Output = Result<Conversation, ProcessorError>>,
    {
        let began = self.context.now();
        let interruption = Interruption::watch(&self.context);
        self.active
            .borrow_mut()
            .insert(request, interruption.clone());
        let conversation = attempt(history, interruption.clone()).await;
        interruption.end();
        self.active.borrow_mut().remove(&request);
        let elapsed_ms = self.context.now().unix_ms - began.unix_ms;
        Ok(Outcome {
            request,
            // The clock may have jumped back.
            duration_ms: elapsed_ms.max(0) as u64,
            conversation: conversation?,
        })
    }

    /// Appends keyed events, and tries again while the way to the stream fails.
    ///
    /// # Errors
    /// The stream cannot be reached or refuses them.
    pub async fn append(&self, events: Vec<EventInput>) -> Result<(), ProcessorError> {
        let append = || async {
            let appended = self.stream.append_batch(None, events.clone()).await;
            appended.map(drop).map_err(ProcessorError::from)
        };
        patiently(&self.context, append).await
    }

    /// The stream up to a request, folded anew: whoever believed that a request is open which has
    /// ended (quirks) finds no prompt of it at the head.
    async fn history_as_of(&self, request: Offset) -> Result<Rc<History<S>>, ProcessorError> {
        let events = self
            .stream
            .events(Offset::ZERO, Some(request.next()))
            .await?;
        let mut history = History::default();
        for event in events.iter() {
            history.apply(event)?;
        }
        Ok(Rc::new(history))
    }
}

/// Keyed by this processor's latest subscription that the stream shows: with each life of the host
/// there is a new one, and an alarm that takes a request up twice in one life adds nothing.
fn attempt_failed<S: ProviderState>(request: Offset, head: &Head<History<S>>) -> EventInput {
    let key = format!("llm-request-attempt-failed/{request}");
    EventInput::new(
        S::ATTEMPT_FAILED,
        LlmRequestAttemptFailed {
            llm_request_id: request,
            reason: AttemptFailure::HostRestarted,
        },
    )
    .keyed(S::contract().key_at(&key, head.fold.connected))
}
