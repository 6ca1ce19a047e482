//! One in-memory life of an object, as the platform drives it: start, deliveries, alarms, end.

use super::{fetch, Class, Context, Object, Reply, Turn};
use crate::{
    call::{Arguments, CallError, ObjectName},
    platform::Platform,
    quirk::Quirk,
};
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

/// Which part of an incarnation a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    Object,
    /// A capability, by its export number.
    Export(u64),
}

pub struct Incarnation {
    context: Context,
    object: Rc<dyn Object>,
}

impl Incarnation {
    /// Runs the constructor, as a turn of its own.
    pub fn start(class: Class, name: ObjectName, platform: Rc<dyn Platform>) -> Self {
        let context = Context::new(name, platform);
        let object = (class.construct)(context.clone());
        context.store().commit();
        Incarnation { context, object }
    }

    /// What the object was built with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Completes when deliveries may go on (the input gate).
    pub fn ready(&self) -> LocalBoxFuture<'static, ()> {
        match self.is_ready() {
            true => Box::pin(async {}),
            false => self.context.gate().wait(),
        }
    }

    pub fn is_ready(&self) -> bool {
        self.context.is_initialized() || self.context.quirk(Quirk::B08)
    }

    /// Delivers a call. The future must be polled in the order of delivery; its first poll is the
    /// first turn of the call.
    pub fn deliver(&self, receiver: Receiver, method: String, arguments: Arguments) -> Reply {
        let reply = match receiver {
            Receiver::Object if method == fetch::METHOD => {
                fetch::answer(&self.context, self.object.clone(), &arguments)
            }
            Receiver::Object => self.object.clone().call(method, arguments),
            Receiver::Export(export) => match self.context.export_handler(export) {
                Some(handler) => handler(method, arguments),
                None => {
                    let error = CallError::Broken(format!("capability {export} was taken back"));
                    Box::pin(async move { Err(error) })
                }
            },
        };
        // The synchronous part of the handler above has run already: it belongs to the turn that
        // the first poll ends.
        let busy = self.context.busy();
        Box::pin(Turn::new(
            self.context.store(),
            Box::pin(async move {
                let _busy = busy;
                reply.await
            }),
        ))
    }

    pub fn alarm(&self) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let object = self.object.clone();
        let busy = self.context.busy();
        Box::pin(Turn::new(
            self.context.store(),
            Box::pin(async move {
                let _busy = busy;
                object.alarm().await
            }),
        ))
    }

    /// Nothing is under way that an idle eviction would cut off.
    pub fn is_idle(&self) -> bool {
        !self.context.is_busy() && self.is_ready()
    }
}

impl Drop for Incarnation {
    /// Exported handlers hold the object, which holds the context, which holds the handlers.
    fn drop(&mut self) {
        self.context.clear_exports();
    }
}
