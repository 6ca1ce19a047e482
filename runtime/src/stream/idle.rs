//! Idle teardown (spec §1.12, #1518): an outbound connection keeps two objects in memory, so a stream
//! on which nothing happens lets go of its subscribers. What they are subscribed to stays configured,
//! and the next domain event dials them; what was appended meanwhile they replay.
//!
//! A delivery that is not settled is not idle: its failure must find a connection to close, or
//! nobody would dial again. Then the timer runs once more.

use super::{contract::DisconnectReason, object::StreamObject};
use crate::{event::Timestamp, quirk::Quirk};
use futures_util::future::{abortable, AbortHandle};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// Runs while an outbound connection is open.
pub struct IdleTimer {
    idle_ms: u64,
    last_append_at: Cell<Timestamp>,
    running: RefCell<Option<AbortHandle>>,
}

impl IdleTimer {
    pub fn new(idle_ms: u64) -> Self {
        IdleTimer {
            idle_ms,
            last_append_at: Cell::new(Timestamp::from_unix_ms(0)),
            running: RefCell::default(),
        }
    }

    /// How much of the quiet time is left. A clock that jumped back begins it anew.
    fn remaining_ms(&self, now: Timestamp) -> u64 {
        let quiet_since = self.last_append_at.get().min(now);
        self.last_append_at.set(quiet_since);
        let quiet_ms = (now.unix_ms - quiet_since.unix_ms) as u64;
        self.idle_ms.saturating_sub(quiet_ms)
    }

    fn stop(&self) {
        if let Some(timer) = self.running.take() {
            timer.abort();
        }
    }
}

impl StreamObject {
    /// Something was appended: the timer starts from the beginning, or stops if nobody is connected.
    pub(super) fn rest_later(self: &Rc<Self>) {
        self.idle.last_append_at.set(self.context.now());
        let is_running = self.idle.running.borrow().is_some();
        match (self.has_outbound(), is_running) {
            (true, false) if !self.context.quirk(Quirk::B38) => self.start_idle_timer(),
            (false, true) => self.idle.stop(),
            _ => {}
        }
    }

    fn start_idle_timer(self: &Rc<Self>) {
        let (stream, context) = (Rc::downgrade(self), self.context.clone());
        let mut wait_ms = self.idle.idle_ms;
        let (timer, handle) = abortable(async move {
            loop {
                context.sleep("idle teardown", wait_ms).await;
                match stream.upgrade().and_then(|stream| stream.let_go()) {
                    Some(more_ms) => wait_ms = more_ms,
                    None => break,
                }
            }
        });
        *self.idle.running.borrow_mut() = Some(handle);
        self.context.spawn("idle teardown", async {
            // Whether it ran to its end or was stopped makes no difference.
            let _ = timer.await;
        });
    }

    /// Closes every outbound connection; or says how many milliseconds it is too early for that.
    fn let_go(self: &Rc<Self>) -> Option<u64> {
        let remaining_ms = self.idle.remaining_ms(self.context.now());
        if remaining_ms > 0 {
            return Some(remaining_ms);
        }
        if self.has_unsettled() {
            return Some(self.idle.idle_ms);
        }
        for connection in self.outbound() {
            self.park(&connection.key);
            self.close(&connection, DisconnectReason::Idle);
        }
        None
    }
}
