//! Counting, and tripping (spec §1.14). The breaker is level-triggered: whatever live event finds
//! the bucket overdrawn trips it, also if it was overdrawn below the anchor already (M4).
//!
//! A trip is no obligation and needs no alarm, although its append may be lost with the object:
//! the overdrawn bucket is in the checkpoint, and the next event finds it, if only the one that says
//! that the breaker is connected again. If nothing comes any more, there is no flood to stop.
//!
//! A trip is acted on at the head of the stream only. Further back, while a backlog is replayed, the
//! pause that it led to may stand in the log already, and so may its end.

use super::contract::*;
use runtime::{
    call::CallError,
    event::{Event, EventInput, Offset, PayloadError},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, ProcessorError, StreamPort},
    stream::{
        contract::{PauseChange, Woken, PAUSED, RESUMED, WOKEN},
        AppendError,
    },
};
use std::{cell::Cell, rc::Rc};

const REASON: &str = "circuit breaker tripped: burst rate limit exceeded";

/// How long to wait before a pause is appended again, when the way to the stream failed.
const RETRY_MS: u64 = 1_000;

pub struct CircuitBreaker {
    context: Context,
    stream: Rc<dyn StreamPort>,
    /// The event that tripped the breaker; none once the stream was paused or resumed after it.
    tripped_by: Cell<Option<Offset>>,
    /// The last batch ended at the head of the stream.
    is_at_head: Cell<bool>,
    is_pausing: Cell<bool>,
}

pub enum Consumed {
    Configured(Configured),
    /// Paused or resumed: whoever did so starts the count anew.
    PauseChanged,
    Woken,
    Other,
}

impl CircuitBreaker {
    pub fn new(dependencies: Dependencies) -> Self {
        CircuitBreaker {
            context: dependencies.context,
            stream: dependencies.stream,
            tripped_by: Cell::new(None),
            is_at_head: Cell::new(false),
            is_pausing: Cell::new(false),
        }
    }

    /// Appends the pause until it stands, or the stream is found paused. While a try was under way
    /// the stream may have been paused, resumed, and flooded again: then the new trip counts.
    async fn pause(self: Rc<Self>) -> Result<(), ProcessorError> {
        self.is_pausing.set(true);
        let mut outcome = Ok(());
        let mut done = None;
        while let Some(source) = self.due_trip().filter(|source| done != Some(*source)) {
            match self.append_pause(source).await {
                Err(error) if error.is_transient() => {
                    self.context.sleep("pause again", RETRY_MS).await;
                }
                appended => {
                    done = Some(source);
                    outcome = appended;
                }
            }
        }
        self.is_pausing.set(false);
        outcome.map_err(ProcessorError::from)
    }

    /// The trip that asks for a pause now.
    fn due_trip(&self) -> Option<Offset> {
        self.tripped_by.get().filter(|_| self.is_at_head.get())
    }

    async fn append_pause(&self, source: Offset) -> Result<(), CallError> {
        let pause = PauseChange {
            reason: Some(REASON.to_owned()),
        };
        let event = EventInput::new(PAUSED, pause).keyed(format!("stream-paused:{source}"));
        match self.stream.append_batch(None, vec![event]).await {
            Err(error) if error.code() != Some(AppendError::PAUSED) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Processor for CircuitBreaker {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(if event.kind == CONFIGURED {
            Consumed::Configured(event.payload()?)
        } else if event.kind == PAUSED || event.kind == RESUMED {
            event.payload::<PauseChange>()?;
            Consumed::PauseChanged
        } else if event.kind == WOKEN {
            event.payload::<Woken>()?;
            Consumed::Woken
        } else {
            Consumed::Other
        })
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::Configured(limits) => {
                state.burst_capacity = limits.burst_capacity;
                state.refill_rate_per_minute = limits.refill_rate_per_minute;
                state.fill(event.created_at);
            }
            Consumed::PauseChanged => state.fill(event.created_at),
            Consumed::Woken => {}
            Consumed::Other => state.take(event.created_at),
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        for reduced in &hook.live {
            if matches!(reduced.consumed, Consumed::PauseChanged) {
                self.tripped_by.set(None);
            } else if reduced.state.is_tripped() && self.tripped_by.get().is_none() {
                self.tripped_by.set(Some(reduced.event.offset));
            }
        }
        self.is_at_head
            .set(hook.checkpoint_offset >= hook.stream_max_offset);
        if self.due_trip().is_some() && !self.is_pausing.get() {
            hook.background("pause", self.clone().pause());
        }
    }
}
