//! Streams in memory: keyed appends happen once; a reply can be lost, or the whole call.

use super::World;
use futures_util::future::LocalBoxFuture;
use runtime::{
    call::CallError,
    event::{Event, EventInput, Offset, StreamPath},
    processor::StreamPort,
    stream::Events,
};
use semantics::log::Log;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

/// What happens to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Works,
    /// Applied, but the caller hears that the connection was lost.
    ReplyLost,
    /// Not applied.
    CallLost,
    /// The stream refuses.
    Refused,
}

pub struct Streams {
    world: Rc<World>,
    own: StreamPath,
    logs: RefCell<BTreeMap<StreamPath, Log>>,
    /// The fates of the next appends; then all work.
    pub fates: RefCell<VecDeque<Fate>>,
    /// Appends to this path fail.
    pub broken: RefCell<Option<StreamPath>>,
}

impl Streams {
    pub fn new(world: &Rc<World>, own: &str) -> Rc<Self> {
        Rc::new(Streams {
            world: world.clone(),
            own: StreamPath::parse(own).unwrap(),
            logs: RefCell::default(),
            fates: RefCell::default(),
            broken: RefCell::default(),
        })
    }

    pub fn at(&self, path: &str) -> Vec<Arc<Event>> {
        let path = StreamPath::parse(path).unwrap();
        let logs = self.logs.borrow();
        logs.get(&path).map(Log::all).unwrap_or_default()
    }

    pub fn paths(&self) -> Vec<String> {
        self.logs
            .borrow()
            .keys()
            .map(StreamPath::to_string)
            .collect()
    }

    pub fn keys(&self, path: &str) -> Vec<String> {
        let key = |event: &Arc<Event>| match &event.idempotency_key {
            Some(key) => key.as_str().to_owned(),
            None => format!("unkeyed {}", event.kind),
        };
        self.at(path).iter().map(key).collect()
    }

    pub fn append(&self, path: &StreamPath, events: Vec<EventInput>) -> Result<Events, CallError> {
        let is_broken = self.broken.borrow().as_ref() == Some(path);
        let fate = self.fates.borrow_mut().pop_front();
        match fate.filter(|_| !is_broken) {
            _ if is_broken => return Err(CallError::Disconnected("broken".into())),
            Some(Fate::CallLost) => return Err(CallError::Disconnected("call lost".into())),
            Some(Fate::Refused) => return Err(CallError::remote("stream-paused", "paused")),
            _ => {}
        }
        let committed = self.commit(path, events)?;
        match fate {
            Some(Fate::ReplyLost) => Err(CallError::Disconnected("reply lost".into())),
            _ => Ok(committed),
        }
    }

    fn commit(&self, path: &StreamPath, events: Vec<EventInput>) -> Result<Events, CallError> {
        let mut logs = self.logs.borrow_mut();
        let log = logs.entry(path.clone()).or_default();
        let head = log.head();
        let committed = log.append(events, self.world.now())?;
        for event in log.between(head, None) {
            self.world.log(format!("append {}", event.kind));
        }
        Ok(Arc::new(committed))
    }
}

/// The port of the own stream.
pub struct Port(pub Rc<Streams>);

impl StreamPort for Port {
    fn append_batch(
        &self,
        path: Option<&StreamPath>,
        events: Vec<EventInput>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let streams = self.0.clone();
        let path = path.unwrap_or(&streams.own).clone();
        Box::pin(async move { streams.append(&path, events) })
    }

    fn events(
        &self,
        after: Offset,
        _before: Option<Offset>,
    ) -> LocalBoxFuture<'static, Result<Events, CallError>> {
        let mut log = self.0.at(self.0.own.as_str());
        log.retain(|event| event.offset > after);
        Box::pin(async { Ok(Arc::new(log)) })
    }
}
