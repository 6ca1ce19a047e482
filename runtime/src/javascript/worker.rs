//! A loaded worker: calls to the methods of its exports, and requests to them.
//!
//! Its scripts run while somebody waits for a call, on the one thread of the object that holds it.
//! Calls share the modules and what those remember. A call whose future is dropped is given up; when
//! no call is under way, neither is anything else.

use super::{
    engine::Engine, native::Reach, operations::Ending, Entrypoint, Exception, Host, Limits,
    WorkerCode, WorkerError,
};
use crate::{
    call::Wire,
    http::{Request, Response, WireRequest, WireResponse},
};
use futures_util::future::poll_fn;
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::{
    cell::Cell,
    rc::Rc,
    task::{Context, Poll},
};

#[derive(Clone)]
pub struct Worker(Rc<Inner>);

struct Inner {
    engine: Engine,
    reach: Rc<Reach>,
    env: Value,
    is_exhausted: Cell<bool>,
}

impl Worker {
    /// Runs the modules.
    ///
    /// # Errors
    /// [`WorkerError::Unloadable`] or [`WorkerError::Exhausted`].
    pub fn load(
        code: &WorkerCode,
        limits: Limits,
        host: Rc<dyn Host>,
    ) -> Result<Self, WorkerError> {
        let reach = Rc::new(Reach::new(host));
        Ok(Worker(Rc::new(Inner {
            engine: Engine::load(code, reach.clone(), limits)?,
            reach,
            env: code.env.clone(),
            is_exhausted: Cell::new(false),
        })))
    }

    /// Calls a method of an export: JSON in, JSON out; `undefined` is `null`.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub async fn call(
        &self,
        entrypoint: &Entrypoint,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, WorkerError> {
        let call = json!({
            "entrypoint": entrypoint.name,
            "props": entrypoint.props,
            "env": self.0.env,
            "method": method,
            "values": arguments,
        });
        self.answer(call).await
    }

    /// Has an export answer a request, by its method `fetch`.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub async fn fetch(
        &self,
        entrypoint: &Entrypoint,
        request: Request,
    ) -> Result<Response, WorkerError> {
        let request = WireRequest::read(request).await?;
        let call = json!({
            "entrypoint": entrypoint.name,
            "props": entrypoint.props,
            "env": self.0.env,
            "method": "fetch",
            "request": request.to_json(),
        });
        let response: WireResponse = self.answer(call).await?;
        Ok(response.into())
    }

    async fn answer<T: DeserializeOwned>(&self, call: Value) -> Result<T, WorkerError> {
        let inner = &*self.0;
        if inner.is_exhausted.get() {
            return Err(WorkerError::Exhausted);
        }
        let is_first = inner.reach.calls.count() == 0;
        let under_way = UnderWay {
            inner,
            call: inner.reach.calls.begin(),
        };
        let begun = inner
            .engine
            .invoke(under_way.call, call.to_string(), is_first);
        inner.noted(begun)?;
        let answer = poll_fn(|cx| inner.poll_answer(under_way.call, cx)).await?;
        // A script may have replaced what its answer is made of.
        let unfit = |error: serde_json::Error| Exception::type_error(error.to_string());
        Ok(serde_json::from_str(&answer).map_err(unfit)?)
    }
}

impl Inner {
    /// Waits for a call, and meanwhile runs whatever the worker has under way, for all of them.
    fn poll_answer(&self, call: u64, cx: &mut Context<'_>) -> Poll<Result<String, WorkerError>> {
        loop {
            if let Some(answer) = self.reach.calls.take_answer(call) {
                return Poll::Ready(answer);
            }
            if self.is_exhausted.get() {
                return Poll::Ready(Err(WorkerError::Exhausted));
            }
            match self.reach.operations.poll_ended(cx) {
                Poll::Ready(Some((operation, ending))) => self.ended(operation, ending),
                Poll::Ready(None) => return Poll::Ready(Err(WorkerError::Hung)),
                Poll::Pending => {
                    self.reach.calls.wait(call, cx.waker());
                    return Poll::Pending;
                }
            }
        }
    }

    fn ended(&self, operation: u64, ending: Ending) {
        let ran = self.engine.ended(operation, ending);
        // The loop sees it.
        let _ = self.noted(ran);
    }

    /// A worker that was stopped once stays so, for every call.
    fn noted<T>(&self, outcome: Result<T, WorkerError>) -> Result<T, WorkerError> {
        if let Err(WorkerError::Exhausted) = &outcome {
            self.is_exhausted.set(true);
            self.reach.calls.wake_all();
        }
        outcome
    }
}

/// Ends the call, answered or given up.
struct UnderWay<'a> {
    inner: &'a Inner,
    call: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let reach = &self.inner.reach;
        match reach.calls.end(self.call) {
            true => reach.operations.cancel_all(),
            // Whoever drove the operations may have been this call.
            false => reach.calls.wake_all(),
        }
    }
}
