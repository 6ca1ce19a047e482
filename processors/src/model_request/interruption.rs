//! What ends an attempt from outside: a cancellation, or silence.
//!
//! Silence is watched by one task with one sleep at a time, which looks whether anything was heard
//! since it last looked; so a silent service is noticed after one to two times the limit.

use runtime::object::Context;
use std::{cell::Cell, fmt, future::Future, rc::Rc};
use tokio::sync::Notify;

/// How long the service may say nothing.
pub const SILENCE_MS_MAX: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Cancelled,
    Silence,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Cancelled => "the request was cancelled",
            Reason::Silence => "the service fell silent",
        })
    }
}

#[derive(Default)]
pub struct Interruption {
    reason: Cell<Option<Reason>>,
    interrupted: Notify,
    heard: Cell<u64>,
    over: Notify,
}

impl Interruption {
    /// An attempt that is watched for silence until [`Interruption::end`].
    pub fn watch(context: &Context) -> Rc<Self> {
        let interruption = Rc::new(Interruption::default());
        let (watched, clock) = (interruption.clone(), context.clone());
        context.spawn("silence watchdog", async move {
            loop {
                let heard = watched.heard.get();
                tokio::select! {
                    biased;
                    () = watched.over.notified() => return,
                    () = clock.sleep("silence", SILENCE_MS_MAX) => {}
                }
                if watched.heard.get() == heard {
                    return watched.interrupt(Reason::Silence);
                }
            }
        });
        interruption
    }

    pub fn interrupt(&self, reason: Reason) {
        if self.reason.get().is_none() {
            self.reason.set(Some(reason));
            self.interrupted.notify_one();
        }
    }

    pub fn is_interrupted(&self) -> bool {
        self.reason.get().is_some()
    }

    /// The service gave a sign of life.
    pub fn hear(&self) {
        self.heard.set(self.heard.get() + 1);
    }

    /// The attempt is over: nobody watches any longer.
    pub fn end(&self) {
        self.over.notify_one();
    }

    /// # Errors
    /// The work was cut off.
    pub async fn race<T>(&self, work: impl Future<Output = T>) -> Result<T, Reason> {
        if let Some(reason) = self.reason.get() {
            return Err(reason);
        }
        tokio::select! {
            biased;
            () = self.interrupted.notified() => Err(self.reason.get().expect("it was set first")),
            outcome = work => Ok(outcome),
        }
    }
}
