//! Somebody who takes batches.

use super::Stream;
use runtime::{
    call::{Argument, Arguments, CallError, Capability},
    event::Event,
    object::{Context, Reply},
    stream::CoreState,
};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

/// A batch as it arrived.
#[derive(Clone, Debug)]
pub struct Batch {
    pub events: Vec<Arc<Event>>,
    pub stream_max_offset: u64,
    pub state: Arc<CoreState>,
    pub namespace: String,
    pub path: String,
}

impl Batch {
    pub fn offsets(&self) -> Vec<u64> {
        self.events.iter().map(|event| event.offset.0).collect()
    }
}

#[derive(Default)]
pub struct Listener {
    pub batches: RefCell<Vec<Batch>>,
    /// So many batches more are refused.
    pub refusals: Cell<u32>,
    /// While it is true, batches are not answered.
    pub silent: Cell<bool>,
}

impl Listener {
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// What a stream delivers to.
    pub fn callback(self: &Rc<Self>, context: &Context) -> Capability {
        let listener = self.clone();
        context.export(Rc::new(move |method, arguments| {
            assert_eq!(method, "processEventBatch");
            listener.take(&arguments)
        }))
    }

    fn take(&self, arguments: &Arguments) -> Reply {
        if self.refusals.get() > 0 {
            self.refusals.set(self.refusals.get() - 1);
            let error = CallError::remote("refused", "the listener refuses");
            return Box::pin(async { Err(error) });
        }
        let events = arguments.shared::<Vec<Arc<Event>>>("events");
        self.batches.borrow_mut().push(Batch {
            events: events.expect("events").to_vec(),
            stream_max_offset: arguments.parse("streamMaxOffset").expect("an offset"),
            state: arguments.shared("state").expect("a core state"),
            namespace: arguments.parse("namespace").expect("a namespace"),
            path: arguments.parse("path").expect("a path"),
        });
        match self.silent.get() {
            true => Box::pin(std::future::pending()),
            false => Box::pin(async { Ok(Argument::NULL) }),
        }
    }

    /// Subscribes from outside; the fields are the call's other arguments.
    pub async fn subscribe(
        self: &Rc<Self>,
        stream: &Stream,
        context: &Context,
        fields: Value,
    ) -> Result<Arguments, CallError> {
        let callback = Argument::Capability(self.callback(context));
        let mut arguments = Arguments::new().with("processEventBatch", callback);
        for (name, value) in fields.as_object().expect("named arguments") {
            arguments.set(name.clone(), Argument::Json(value.clone()));
        }
        let answer = stream.call("subscribe", arguments).await?;
        stream.world.settle().await;
        Ok(answer.record()?.into_owned())
    }

    /// The offsets of every batch.
    pub fn offsets(&self) -> Vec<Vec<u64>> {
        self.batches.borrow().iter().map(Batch::offsets).collect()
    }

    /// The offsets of all batches.
    pub fn all_offsets(&self) -> Vec<u64> {
        self.offsets().concat()
    }

    pub fn last(&self) -> Batch {
        self.batches.borrow().last().expect("a batch").clone()
    }

    pub fn forget(&self) {
        self.batches.borrow_mut().clear();
    }
}
