//! Stubs: a local handle to another object, or to a live capability of one.

use super::{Context, Reply};
use crate::{
    call::{Arguments, Capability},
    platform::{OutboundCall, Target},
};
use futures_util::future::LocalBoxFuture;
use std::borrow::Cow;

/// A handle to call through. Calls made on one stub arrive in the order in which they were made.
#[derive(Clone)]
pub struct Stub {
    context: Context,
    target: Target,
    lane: u64,
}

impl Stub {
    pub(super) fn new(context: Context, target: Target, lane: u64) -> Self {
        Stub {
            context,
            target,
            lane,
        }
    }

    /// Sends a call at once; awaiting the future gives the reply, dropping it does not unsend.
    pub fn call(&self, method: impl Into<Cow<'static, str>>, arguments: Arguments) -> Reply {
        let platform = self.context.platform();
        platform.call(OutboundCall {
            target: self.target.clone(),
            lane: self.lane,
            method: method.into(),
            arguments,
            after: platform.store().newest(),
        })
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// The live capability behind this stub, to be passed on.
    pub fn capability(&self) -> Option<&Capability> {
        match &self.target {
            Target::Capability(capability) => Some(capability),
            Target::Object(_) => None,
        }
    }

    /// Completes when the other side is known to be gone; never, for a stub by name.
    pub fn broken(&self) -> LocalBoxFuture<'static, ()> {
        match &self.target {
            Target::Capability(capability) => self.context.platform().broken(capability),
            Target::Object(_) => Box::pin(std::future::pending()),
        }
    }
}
