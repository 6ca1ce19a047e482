//! What a processor did to the world, in order.

use runtime::event::{Event, EventType, StreamPath};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

#[derive(Clone, Debug)]
pub enum Effect {
    /// A batch was committed; those that were there before had their key hit.
    Appended {
        /// Another stream than the processor's own.
        path: Option<StreamPath>,
        events: Vec<Appended>,
    },
    /// A batch was refused, or got lost.
    NotAppended {
        path: Option<StreamPath>,
        kinds: Vec<EventType>,
        error: String,
    },
    /// Another object was called.
    Called {
        object: String,
        method: String,
        arguments: Value,
        outcome: Result<Value, String>,
    },
    /// A service was asked over HTTP.
    Asked {
        method: String,
        url: String,
        body: String,
        /// `None`: the connection was cut instead.
        answer: Option<(u16, Value)>,
    },
    /// Something went on on a socket.
    Socket { url: String, what: OnSocket },
    /// A failure that was handled by logging it.
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Appended {
    pub event: Arc<Event>,
    pub is_new: bool,
}

#[derive(Clone, Debug)]
pub enum OnSocket {
    /// Nobody is there.
    Refused,
    Opened,
    /// By the processor.
    Sent(Value),
    Received(Value),
    /// By the service.
    ClosedByService(u16),
    Closed,
}

/// The effects since they were last taken. Of a processor's life that is over, nothing is noted.
#[derive(Clone, Default)]
pub struct Journal {
    effects: Rc<RefCell<Vec<Effect>>>,
    is_closed: Rc<Cell<bool>>,
}

impl Journal {
    pub fn note(&self, effect: Effect) {
        if !self.is_closed.get() {
            self.effects.borrow_mut().push(effect);
        }
    }

    pub fn take(&self) -> Vec<Effect> {
        self.effects.take()
    }

    pub fn close(&self) {
        self.is_closed.set(true);
    }
}
