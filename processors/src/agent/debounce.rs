//! The debounce timer: one, in memory, for the request that is scheduled.
//!
//! It dies with the incarnation; `scheduled` in the durable state is what brings the request back.
//! Setting it again makes the old one stale: a timer compares its number when it wakes.

use runtime::object::Context;
use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    sync::Arc,
};

#[derive(Clone, Default)]
pub struct Debounce {
    armed: Rc<RefCell<Option<Armed>>>,
    last_timer: Rc<Cell<u64>>,
}

struct Armed {
    request_id: Arc<str>,
    timer: u64,
    /// Hand-offs of this request that failed in a row.
    failed_hand_offs: u32,
}

impl Debounce {
    /// The timer runs for that request, or its hand-off is under way.
    pub fn is_armed_for(&self, request_id: &str) -> bool {
        self.failed_hand_offs(request_id).is_some()
    }

    /// Starts the timer for a request, in place of whatever it was set to. `fire` runs at its end,
    /// unless it was set to something else meanwhile.
    pub fn arm(
        &self,
        context: &Context,
        request_id: &Arc<str>,
        delay_ms: u64,
        fire: impl Future<Output = ()> + 'static,
    ) {
        let timer = self.hold(request_id);
        let (debounce, sleep) = (self.clone(), context.sleep("debounce", delay_ms));
        context.wait_until("debounce", async move {
            sleep.await;
            if debounce.is_current(timer) {
                fire.await;
            }
        });
    }

    /// Claims the slot for a request without a running timer: its hand-off begins now.
    pub fn hold(&self, request_id: &Arc<str>) -> u64 {
        let timer = self.last_timer.get() + 1;
        self.last_timer.set(timer);
        let failed_hand_offs = self.failed_hand_offs(request_id).unwrap_or(0);
        *self.armed.borrow_mut() = Some(Armed {
            request_id: request_id.clone(),
            timer,
            failed_hand_offs,
        });
        timer
    }

    /// Counts a hand-off that failed; returns how many failed before it in a row. `None` if the slot
    /// is no longer that request's.
    pub fn note_failed_hand_off(&self, request_id: &str) -> Option<u32> {
        let failed_before = self.failed_hand_offs(request_id)?;
        let mut armed = self.armed.borrow_mut();
        armed.as_mut()?.failed_hand_offs += 1;
        Some(failed_before)
    }

    fn failed_hand_offs(&self, request_id: &str) -> Option<u32> {
        let armed = self.armed.borrow();
        let ours = armed
            .as_ref()
            .filter(|armed| *armed.request_id == *request_id);
        ours.map(|armed| armed.failed_hand_offs)
    }

    fn is_current(&self, timer: u64) -> bool {
        let armed = self.armed.borrow();
        armed.as_ref().is_some_and(|armed| armed.timer == timer)
    }

    /// Clears the slot, if it is that request's.
    pub fn disarm(&self, request_id: &str) {
        if self.is_armed_for(request_id) {
            self.armed.take();
        }
    }
}
