//! The agent processor (spec §5.1), level-triggered: after each batch, and when the alarm rings, it
//! takes the one step that the state asks for, against the head of the stream.
//!
//! - every change of a request's phase is a [`Transactions::append`]: no schedule, queue, hand-off or
//!   cancellation rests on a state that has passed (X-1 to X-4, B-50, B-58);
//! - what merely tells of an event (status, rendered inputs) is keyed by it and appended plainly; what
//!   the model had said of an answer that is cut off goes in with the cancellation (B-61);
//! - the debounce timer is in memory; a scheduled request without one is handed off at the next
//!   connection of a subscriber (#1460), or by the alarm.

use super::{
    contract::*,
    debounce::Debounce,
    decision,
    oversight::Oversight,
    partial::PartialAnswer,
    rendering,
    transaction::{Head, Transactions},
};
use futures_util::TryFutureExt;
use runtime::{
    event::{Event, EventInput, Offset, PayloadError},
    object::Context,
    platform::NoteKind,
    processor::{
        Contract, Dependencies, Hook, Processor, ProcessorError, Reduced, StreamPort, Work,
    },
    quirk::Quirk,
};
use std::{cell::Cell, rc::Rc, sync::Arc};

/// How long a hand-off waits that could not be appended, the first time; twice as long after each
/// failure in a row, up to 32 times: the stream may be paused for long.
const HAND_OFF_RETRY_MS: u64 = 1_000;
const HAND_OFF_DOUBLINGS_MAX: u32 = 5;

pub struct AgentProcessor {
    pub(super) context: Context,
    pub(super) stream: Rc<dyn StreamPort>,
    pub(super) transactions: Transactions<State>,
    debounce: Debounce,
    /// Written by the provider in the same object.
    partial_answer: PartialAnswer,
    scheduled_requests: Cell<u64>,
    /// This incarnation has taken a batch.
    pub(super) has_begun: Cell<bool>,
    /// The anchor as of the last batch or alarm.
    side_effects_after: Cell<Offset>,
}

/// What a batch asks for, beside what the state asks for.
#[derive(Default)]
struct Occasion {
    /// Live inputs that interrupt.
    interrupts: Vec<Offset>,
    /// A live input restarts the debounce.
    is_triggered: bool,
    /// A scheduled request was there before the batch, and a subscriber connected: if nobody times
    /// it, it was scheduled by an incarnation that is gone.
    reclaims: Option<Arc<str>>,
    /// Statuses and rendered inputs, keyed by their events.
    announcements: Vec<EventInput>,
    /// The last live event that ended the request under way.
    terminal: Option<EventInput>,
}

impl AgentProcessor {
    pub fn new(dependencies: Dependencies) -> Self {
        AgentProcessor {
            context: dependencies.context,
            transactions: Transactions::new(dependencies.stream.clone()),
            stream: dependencies.stream,
            debounce: Debounce::default(),
            partial_answer: PartialAnswer::default(),
            scheduled_requests: Cell::new(0),
            has_begun: Cell::new(false),
            side_effects_after: Cell::new(Offset::ZERO),
        }
    }

    /// Hears from the provider what the model has said so far.
    pub fn hearing(self, partial_answer: PartialAnswer) -> Self {
        AgentProcessor {
            partial_answer,
            ..self
        }
    }

    pub(super) fn oversight(&self, is_triggered: bool) -> Oversight {
        Oversight::of(&self.context, self.side_effects_after.get(), is_triggered)
    }

    async fn settle(
        self: Rc<Self>,
        known: Head<State>,
        occasion: Occasion,
    ) -> Result<(), ProcessorError> {
        let known_request = known.fold.current_request.clone();
        let is_due = !self.decide(&known, &occasion, &"".into()).is_empty();
        let head = match is_due {
            true => self.advance(&occasion).await?,
            false => known,
        };
        self.look_after_debounce(known_request, &head.fold, &occasion)
            .await;
        let mut announcements = occasion.announcements;
        if head.fold.is_quiet(self.oversight(occasion.is_triggered)) {
            announcements.extend(occasion.terminal);
        }
        if !announcements.is_empty() {
            self.stream.append_batch(None, announcements).await?;
        }
        Ok(())
    }

    /// Takes the step that the head of the stream asks for, if any.
    async fn advance(&self, occasion: &Occasion) -> Result<Head<State>, ProcessorError> {
        let request_id = self.next_request_id();
        self.transactions
            .append(|head| self.decide(head, occasion, &request_id))
            .await
    }

    fn decide(
        &self,
        head: &Head<State>,
        occasion: &Occasion,
        request_id: &Arc<str>,
    ) -> Vec<EventInput> {
        let state = &*head.fold;
        let mut interrupts = occasion.interrupts.iter();
        if let Some(input) = interrupts.find(|input| state.predates(**input)) {
            return decision::interrupt(*input, head, request_id, &self.heard());
        }
        let step = state.next_step(self.oversight(occasion.is_triggered));
        step.map(|step| decision::take(step, state, request_id))
            .unwrap_or_default()
    }

    /// What the model has said so far. Quirk B-61: nobody listened (#1886).
    fn heard(&self) -> PartialAnswer {
        match self.context.quirk(Quirk::B61) {
            true => PartialAnswer::default(),
            false => self.partial_answer.clone(),
        }
    }

    pub(super) fn next_request_id(&self) -> Arc<str> {
        let sequence = self.scheduled_requests.get() + 1;
        self.scheduled_requests.set(sequence);
        format!("req_{}_{sequence}", self.context.now().unix_ms).into()
    }

    /// A scheduled request has a running timer, always. `known` is what was under way before this
    /// batch or alarm did anything.
    async fn look_after_debounce(
        self: &Rc<Self>,
        known: Option<CurrentRequest>,
        state: &State,
        occasion: &Occasion,
    ) {
        let Some(request_id) = state.scheduled_request() else {
            return;
        };
        let is_armed = self.debounce.is_armed_for(request_id);
        let is_left_over = !is_armed && known == state.current_request;
        if is_left_over && self.oversight(occasion.is_triggered).of_lost_timers {
            return;
        }
        let is_due = occasion.reclaims.as_ref() == Some(request_id) && !occasion.is_triggered;
        // A back-off begins anew: cut short by restarts, the repetitions are over before the
        // service has recovered (#1826).
        if !is_armed && is_due && state.consecutive_failures == 0 {
            self.debounce.hold(request_id);
            self.clone().hand_off(request_id.clone()).await;
        } else if !is_armed || occasion.is_triggered {
            self.arm(request_id, state.delay_ms());
        }
    }

    fn arm(self: &Rc<Self>, request_id: &Arc<str>, delay_ms: u64) {
        let hand_off = self.clone().hand_off(request_id.clone());
        self.debounce
            .arm(&self.context, request_id, delay_ms, hand_off);
    }

    /// Hands the request off, unless the head says that it is no longer scheduled.
    async fn hand_off(self: Rc<Self>, request_id: Arc<str>) {
        let outcome = match self.context.quirk(Quirk::B58) {
            true => self.hand_off_blindly(&request_id).await,
            false => self
                .transactions
                .append(|head| decision::hand_off(&head.fold, &request_id))
                .await
                .map(drop),
        };
        match outcome {
            Ok(()) => self.debounce.disarm(&request_id),
            Err(error) => {
                self.context.note(
                    NoteKind::Failure,
                    format_args!("{SLUG} could not hand off {request_id}: {error}"),
                );
                if let Some(failed_before) = self.debounce.note_failed_hand_off(&request_id) {
                    let doublings = failed_before.min(HAND_OFF_DOUBLINGS_MAX);
                    self.arm(&request_id, HAND_OFF_RETRY_MS << doublings);
                }
            }
        }
    }

    fn occasion(&self, hook: &Hook<Self>) -> Occasion {
        let mut occasion = Occasion::default();
        for reduced in &hook.live {
            self.note_live(&mut occasion, hook, reduced);
        }
        occasion
    }

    fn note_live(&self, occasion: &mut Occasion, hook: &Hook<Self>, reduced: &Reduced<Self>) {
        let event = &reduced.event;
        match &reduced.consumed {
            Consumed::InputAdded(input) => {
                occasion.is_triggered |= input.triggers();
                if input.llm_request_policy.behaviour == Behaviour::InterruptCurrentRequest {
                    occasion.interrupts.push(event.offset);
                }
            }
            Consumed::Requested(_) => {
                let working = StatusUpdated {
                    status: Status::Working,
                    reason: "llm-request-requested".to_owned(),
                    request_id: None,
                    llm_request_id: Some(event.offset),
                };
                occasion.announcements.push(status(working, event));
            }
            Consumed::Completed(completed) if reduced.previous_state.is_ended_by(completed) => {
                let id = CancelledRequest::Requested {
                    llm_request_id: completed.llm_request_id,
                };
                occasion.terminal = Some(idle("llm-request-completed", &id, event));
            }
            Consumed::Cancelled(cancelled) if reduced.previous_state.is_cancelled_by(cancelled) => {
                let partial = match &cancelled.cancelled {
                    CancelledRequest::Scheduled { request_id } => {
                        if !self.context.quirk(Quirk::B58) {
                            self.debounce.disarm(request_id);
                        }
                        None
                    }
                    CancelledRequest::Requested { llm_request_id } => {
                        self.heard().of(*llm_request_id)
                    }
                };
                occasion.announcements.extend(rendering::cancelled(
                    event.offset,
                    cancelled,
                    partial.as_deref(),
                ));
                occasion.terminal =
                    Some(idle("llm-request-cancelled", &cancelled.cancelled, event));
            }
            Consumed::CapabilityNoted(capability) => occasion
                .announcements
                .extend(rendering::capability(event, capability)),
            Consumed::ToolProviderRegistered(provider) => occasion
                .announcements
                .extend(rendering::tool_provider(event, provider)),
            Consumed::SubscriberConnected(_) => {
                occasion.reclaims = hook.previous_state.scheduled_request().cloned();
            }
            _ => {}
        }
    }
}

fn idle(reason: &str, request: &CancelledRequest, event: &Event) -> EventInput {
    let (request_id, llm_request_id) = match request {
        CancelledRequest::Scheduled { request_id } => (Some(request_id.clone()), None),
        CancelledRequest::Requested { llm_request_id } => (None, Some(*llm_request_id)),
    };
    let idle = StatusUpdated {
        status: Status::Idle,
        reason: reason.to_owned(),
        request_id,
        llm_request_id,
    };
    status(idle, event)
}

fn status(status: StatusUpdated, source: &Event) -> EventInput {
    let name = match status.status {
        Status::Working => "working",
        Status::Idle => "idle",
    };
    let key = format!("status-updated/{name}/{}", status.reason);
    EventInput::new(STATUS_UPDATED, status).keyed(CONTRACT.key_at(&key, source.offset))
}

impl Processor for AgentProcessor {
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
        self.side_effects_after.set(hook.side_effects_after);
        // A checkpoint of V0 does not know where its request was scheduled, by which the hand-off is
        // keyed; the history does.
        if !hook.state.lacks_scheduled_offset() {
            self.transactions
                .advance(hook.checkpoint_offset, &hook.state);
        }
        let known = Head {
            offset: hook.checkpoint_offset,
            fold: hook.state.clone(),
        };
        let settled = self.clone().settle(known, self.occasion(hook));
        hook.block(self.act_hastily(hook).and_then(|()| settled));
    }

    fn owes(&self, state: &State) -> bool {
        state.owes(self.oversight(false))
    }

    fn recover(self: &Rc<Self>, state: Rc<State>, side_effects_after: Offset) -> Work {
        self.side_effects_after.set(side_effects_after);
        let processor = self.clone();
        Box::pin(async move {
            let head = processor.advance(&Occasion::default()).await?;
            let occasion = Occasion {
                reclaims: head.fold.scheduled_request().cloned(),
                ..Occasion::default()
            };
            let known_request = state.current_request.clone();
            processor
                .look_after_debounce(known_request, &head.fold, &occasion)
                .await;
            Ok(())
        })
    }
}
