//! The streams of a story: the processor's own, and those that it appends to.

use crate::{
    clock::{yield_once, Clock},
    effect::{Appended, Effect, Journal},
    log::Log,
};
use futures_util::future::LocalBoxFuture;
use runtime::{
    call::CallError,
    event::{EventInput, EventType, Offset, StreamName, StreamPath},
    processor::StreamPort,
    stream::Events,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

/// What befalls an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It never arrives.
    OfCall,
    /// It is committed; the caller does not hear of it.
    OfReply,
}

pub struct Streams {
    clock: Clock,
    pub name: StreamName,
    logs: RefCell<BTreeMap<StreamPath, Rc<Log>>>,
    /// What befalls the next batch that holds an event of some type.
    losses: RefCell<Vec<(EventType, Loss)>>,
}

impl Streams {
    pub fn new(clock: &Clock, name: StreamName) -> Self {
        Streams {
            clock: clock.clone(),
            name,
            logs: RefCell::default(),
            losses: RefCell::default(),
        }
    }

    pub fn own(&self) -> Rc<Log> {
        self.at(&self.name.path)
    }

    pub fn at(&self, path: &StreamPath) -> Rc<Log> {
        let mut logs = self.logs.borrow_mut();
        logs.entry(path.clone()).or_default().clone()
    }

    pub fn lose_next(&self, kind: EventType, loss: Loss) {
        self.losses.borrow_mut().push((kind, loss));
    }

    /// An append of the processor.
    pub fn append(
        &self,
        journal: &Journal,
        path: &StreamPath,
        inputs: Vec<EventInput>,
    ) -> Result<Events, CallError> {
        let kinds: Vec<_> = inputs.iter().map(|input| input.kind.clone()).collect();
        let log = self.at(path);
        let path = (*path != self.name.path).then(|| path.clone());
        let head = log.head();
        let loss = self.loss_for(&kinds);
        let outcome = match loss {
            Some(Loss::OfCall) => Err(lost()),
            _ => log
                .append(inputs, self.clock.now())
                .map_err(CallError::from),
        };
        if let Ok(events) = &outcome {
            let mut seen = head;
            let events = events.iter().map(|event| {
                let is_new = event.offset > seen;
                seen = seen.max(event.offset);
                let event = event.clone();
                Appended { event, is_new }
            });
            let (path, events) = (path.clone(), events.collect());
            journal.note(Effect::Appended { path, events });
        }
        let outcome = match loss {
            Some(Loss::OfReply) => Err(lost()),
            _ => outcome,
        };
        if let Err(error) = &outcome {
            let error = error.to_string();
            journal.note(Effect::NotAppended { path, kinds, error });
        }
        outcome.map(Arc::new)
    }

    fn loss_for(&self, kinds: &[EventType]) -> Option<Loss> {
        let mut losses = self.losses.borrow_mut();
        let due = losses.iter().position(|(kind, _)| kinds.contains(kind))?;
        Some(losses.remove(due).1)
    }
}

fn lost() -> CallError {
    CallError::Disconnected("it got lost".to_owned())
}

/// The streams as a processor in one of its lives reaches them.
pub struct Port {
    pub streams: Rc<Streams>,
    pub journal: Journal,
}

impl StreamPort for Port {
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let path = path.unwrap_or(&self.streams.name.path);
        let outcome = self.streams.append(&self.journal, path, events);
        Box::pin(async move {
            yield_once().await;
            outcome
        })
    }

    fn events(
        &self,
        after: Offset,
        before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let events = self.streams.own().between(after, before);
        Box::pin(async move {
            yield_once().await;
            Ok(Arc::new(events))
        })
    }
}
