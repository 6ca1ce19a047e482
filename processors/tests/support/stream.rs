//! A stream in memory, on which appends get lost as a test tells it.

use futures_util::future::LocalBoxFuture;
use runtime::{
    call::CallError,
    event::{Event, EventInput, EventType, Offset, StreamPath, Timestamp},
    processor::StreamPort,
    stream::{AppendError, Events},
};
use semantics::log::Log;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt::Write as _,
    rc::Rc,
    sync::Arc,
};

/// What befalls the next batch that holds an event of some type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    LostCall,
    /// It is committed; the caller does not hear of it.
    LostReply,
    /// The caller takes it for lost, and it arrives when the test says so.
    Late,
}

#[derive(Default)]
pub struct FakeStream {
    log: Log,
    others: RefCell<BTreeMap<StreamPath, Rc<Log>>>,
    faults: RefCell<Vec<(EventType, Fault)>>,
    /// Appended by somebody else, right after the next read.
    after_read: RefCell<Vec<EventInput>>,
    late: RefCell<Vec<Vec<EventInput>>>,
    /// The wall clock, in Unix milliseconds.
    pub clock_ms: Cell<i64>,
}

impl FakeStream {
    pub fn all(&self) -> Vec<Arc<Event>> {
        self.log.all()
    }

    pub fn push(&self, input: EventInput) -> Offset {
        let appended = self.append(vec![input]).expect("the append is legal");
        appended[0].offset
    }

    pub fn fail_next(&self, kind: EventType, fault: Fault) {
        self.faults.borrow_mut().push((kind, fault));
    }

    /// Somebody else appends this between the next read and what follows it.
    pub fn slip_in(&self, input: EventInput) {
        self.after_read.borrow_mut().push(input);
    }

    /// What is late arrives, and is committed or refused.
    pub fn arrive(&self) {
        for late in self.late.take() {
            drop(self.append(late));
        }
    }

    /// Nothing goes wrong from here on.
    pub fn heal(&self) {
        self.faults.borrow_mut().clear();
    }

    /// One line an event, for reviews.
    pub fn render(&self) -> String {
        let mut lines = String::new();
        for event in self.all() {
            let kind = event
                .kind
                .as_str()
                .trim_start_matches("events.iterate.com/");
            write!(lines, "{:>3} {kind}", event.offset).unwrap();
            if let Some(key) = &event.idempotency_key {
                write!(lines, "  key={}", key.as_str()).unwrap();
            }
            let payload = event.payload.clone().unwrap_or_default();
            writeln!(lines, "\n      {payload}").unwrap();
        }
        lines
    }

    /// What a client's append comes back with.
    pub fn append(&self, inputs: Vec<EventInput>) -> Result<Vec<Arc<Event>>, AppendError> {
        self.log.append(inputs, self.now())
    }

    /// Another stream of the namespace.
    pub fn at(&self, path: &str) -> Rc<Log> {
        let path = StreamPath::parse(path).expect("a path");
        self.others.borrow_mut().entry(path).or_default().clone()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.clock_ms.get())
    }

    fn fault_for(&self, inputs: &[EventInput]) -> Option<Fault> {
        let mut faults = self.faults.borrow_mut();
        let due = faults
            .iter()
            .position(|(kind, _)| inputs.iter().any(|input| input.kind == *kind))?;
        Some(faults.remove(due).1)
    }
}

impl StreamPort for FakeStream {
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let append = |events| match path {
            None => self.append(events),
            Some(path) => self.at(path.as_str()).append(events, self.now()),
        };
        let lost = || CallError::Disconnected("the test says so".to_owned());
        let outcome = match self.fault_for(&events) {
            Some(Fault::LostCall) => Err(lost()),
            Some(Fault::Late) => {
                self.late.borrow_mut().push(events);
                Err(lost())
            }
            // Whether it was committed or refused: the caller does not hear of it.
            Some(Fault::LostReply) => {
                drop(append(events));
                Err(lost())
            }
            None => append(events).map(Arc::new).map_err(CallError::from),
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            outcome
        })
    }

    fn events(
        &self,
        after: Offset,
        before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let read = self.log.between(after, before);
        for input in self.after_read.take() {
            self.push(input);
        }
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(Arc::new(read))
        })
    }
}
