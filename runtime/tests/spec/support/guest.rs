//! A subscriber that streams dial: the object `GUEST p1:/a`, all of whose lives share one record.

use super::{Listener, World};
use runtime::{
    call::{Argument, Arguments, CallError, Capability, ObjectName},
    object::{unknown_method, Context, Object, Reply},
    platform::Target,
};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

pub struct Guest {
    pub name: ObjectName,
    pub listener: Rc<Listener>,
    /// The handshakes, as they came.
    pub dials: RefCell<Vec<Arguments>>,
    /// Every dial fails so.
    pub refuses: RefCell<Option<CallError>>,
    /// What a dial subscribes with; `None` does not subscribe.
    pub subscribes: RefCell<Option<Value>>,
    /// What the last `subscribeOutbound` came back with.
    pub opened: RefCell<Option<Result<Argument, CallError>>>,
    /// A handshake takes that long.
    pub takes_ms: Cell<u64>,
    context: RefCell<Option<Context>>,
    callback: RefCell<Option<Capability>>,
}

struct GuestObject {
    guest: Rc<Guest>,
    context: Context,
}

impl Guest {
    pub fn move_in(world: &World) -> Rc<Guest> {
        let guest = Rc::new(Guest {
            name: ObjectName::new("GUEST", "p1:/a"),
            listener: Listener::new(),
            dials: RefCell::default(),
            refuses: RefCell::default(),
            subscribes: RefCell::new(Some(json!({ "replayAfterOffset": 0 }))),
            opened: RefCell::default(),
            takes_ms: Cell::new(0),
            context: RefCell::default(),
            callback: RefCell::default(),
        });
        let record = guest.clone();
        world.add_class("GUEST", move |context| {
            *record.context.borrow_mut() = Some(context.clone());
            Rc::new(GuestObject {
                guest: record.clone(),
                context,
            })
        });
        guest
    }

    pub fn dials(&self) -> usize {
        self.dials.borrow().len()
    }

    /// Lives on, and takes no more batches on its connection.
    pub fn take_callback_back(&self) {
        let callback = self.callback.borrow().clone().expect("it had subscribed");
        let context = self.context.borrow().clone().expect("it lives");
        context.revoke(&callback);
    }

    /// Lets go of its connection.
    pub fn unsubscribe(&self) {
        let opened = self.opened.borrow().clone().expect("it had subscribed");
        let record = opened.expect("the stream had agreed");
        let handle = record
            .record()
            .and_then(|record| record.capability("subscription"));
        let target = Target::Capability(handle.expect("a handle"));
        let context = self.context.borrow().clone().expect("it lives");
        drop(
            context
                .stub_to(target)
                .call("unsubscribe", Arguments::new()),
        );
    }
}

impl GuestObject {
    async fn answer_dial(&self, handshake: Arguments) -> Result<Argument, CallError> {
        let guest = &self.guest;
        guest.dials.borrow_mut().push(handshake.clone());
        if let Some(error) = guest.refuses.borrow().clone() {
            return Err(error);
        }
        let fields = guest.subscribes.borrow().clone();
        self.context.sleep("handshake", guest.takes_ms.get()).await;
        if let Some(fields) = fields {
            let callback = guest.listener.callback(&self.context);
            *guest.callback.borrow_mut() = Some(callback.clone());
            let key = handshake.require("subscriptionKey")?.clone();
            let mut arguments = Arguments::new()
                .with("subscriptionKey", key)
                .with("processEventBatch", Argument::Capability(callback));
            for (name, value) in fields.as_object().expect("named arguments") {
                arguments.set(name.clone(), Argument::Json(value.clone()));
            }
            let stream = Target::Capability(handshake.capability("stream")?);
            let stub = self.context.stub_to(stream);
            let opened = stub.call("subscribeOutbound", arguments).await;
            *guest.opened.borrow_mut() = Some(opened);
        }
        Ok(Argument::NULL)
    }
}

impl Object for GuestObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        match method.as_str() {
            "requestStreamSubscription" => {
                Box::pin(async move { self.answer_dial(arguments).await })
            }
            method => {
                let error = unknown_method("GUEST", method);
                Box::pin(async { Err(error) })
            }
        }
    }
}
