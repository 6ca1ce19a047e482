//! A session: what its processor and its object share.
//!
//! It acts on the head of its stream, which it reads, and not on the state of its own processor.
//! Production waits after each append until its processor has seen it, for 5 s at most, and then acts on
//! whatever there is (B-17).

use super::{
    call::Calls,
    contract::*,
    object::BINDING,
    providers,
    undertaking::{Ending, Undertaking, Undertakings},
};
use crate::{agent::transaction::Transactions, patience::patiently};
use runtime::{
    call::Capability,
    callable::{Callable, DispatchContext},
    event::{EventInput, Offset, StreamName, Timestamp},
    object::Context,
    processor::{Dependencies, ProcessorError, StreamPort},
    stream::Events,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// The method of a session's object that gives a live capability to it.
pub const SESSION_CAPABILITY: &str = "sessionCapability";

pub struct Session {
    pub(super) context: Context,
    pub(super) name: StreamName,
    pub(super) stream: Rc<dyn StreamPort>,
    pub(super) transactions: Transactions<State>,
    pub(super) undertakings: Undertakings,
    pub(super) calls: Calls,
    /// What callables of providers reach.
    pub(super) reach: DispatchContext,
    capability: RefCell<Option<Capability>>,
    is_started: Cell<bool>,
}

impl Session {
    /// # Panics
    /// The object is not named like a stream.
    pub fn new(dependencies: Dependencies) -> Rc<Self> {
        let Dependencies { context, stream } = dependencies;
        let name = StreamName::parse(&context.name().name)
            .unwrap_or_else(|error| panic!("a session is named after its stream: {error}"));
        Rc::new(Session {
            transactions: Transactions::new(stream.clone()),
            stream,
            undertakings: Undertakings::default(),
            calls: Calls::default(),
            reach: providers::reach(&context),
            capability: RefCell::default(),
            is_started: Cell::new(false),
            context,
            name,
        })
    }

    /// The first thing that a session says, once for all.
    pub(super) async fn start(self: Rc<Self>) -> Result<(), ProcessorError> {
        if self.is_started.get() {
            return Ok(());
        }
        let name = self.name.to_string();
        let callable = Callable::object_method(BINDING, &name, SESSION_CAPABILITY);
        let started = SessionStarted {
            session_capability_callable: callable,
        };
        let started = EventInput::new(SESSION_STARTED, started).keyed(SESSION_STARTED.as_str());
        self.append(vec![started]).await?;
        self.is_started.set(true);
        Ok(())
    }

    /// Takes over what the processor has folded.
    pub(super) fn learn(&self, offset: Offset, state: &Rc<State>) {
        if !state.lacks_offsets() {
            self.transactions.advance(offset, state);
        }
    }

    /// # Errors
    /// The stream refuses them, or cannot be reached.
    pub(super) async fn append(&self, events: Vec<EventInput>) -> Result<Events, ProcessorError> {
        patiently(&self.context, || async {
            let appended = self.stream.append_batch(None, events.clone()).await;
            Ok(appended?)
        })
        .await
    }

    /// Brings something to its end. If the stream does not take it now, it is owed.
    pub(super) async fn close(&self, undertaking: Undertaking, ending: Ending) {
        let mut events = ending.before.clone();
        events.push(ending.end.clone());
        if let Err(error) = self.append(events).await {
            self.note_failure("say what has ended", &error);
            undertaking.end(ending);
        }
    }

    /// The live capability to this session, on which functions can be called.
    pub(super) fn capability(self: &Rc<Self>) -> Capability {
        let mut capability = self.capability.borrow_mut();
        capability.get_or_insert_with(|| self.export()).clone()
    }

    pub(super) fn elapsed_ms(&self, since: Timestamp) -> u64 {
        // The clock may have jumped back.
        (self.context.now().unix_ms - since.unix_ms).max(0) as u64
    }
}
