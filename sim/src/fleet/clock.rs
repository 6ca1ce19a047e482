//! Wall clocks of objects (`clock.*`): each object's may be off, and be off otherwise after a restart.
//! Its alarm is set, and rung, by its own clock. Simulated time is the same for all.

use super::{
    directory::Fleet,
    resident::{Resident, Role},
};
use crate::{choice::Site, faults};
use std::sync::{atomic::Ordering::Relaxed, Arc};

impl Fleet {
    /// An incarnation is about to start; tells whether the object's clock is another than before.
    pub(super) fn draw_clock(&self, resident: &Resident) -> bool {
        if matches!(resident.role, Role::Client) || !self.choices.faults_on() {
            return false;
        }
        let (is_first, skew_ms, before_ms) = {
            let state = resident.lock();
            let is_first = state.incarnation == 0;
            (is_first, state.clock.skew_ms, state.clock.offset_ms())
        };
        let draw = |ahead: &'static Site, behind: &'static Site| {
            let ahead_ms = self.choices.delay_ms(ahead, &resident.subject) as i64;
            ahead_ms - self.choices.delay_ms(behind, &resident.subject) as i64
        };
        let skew = || draw(&faults::CLOCK_SKEW_AHEAD, &faults::CLOCK_SKEW_BEHIND);
        let skew_ms = skew_ms.unwrap_or_else(skew);
        let jump_ms = match is_first {
            true => 0,
            false => draw(&faults::CLOCK_JUMP_FORWARD, &faults::CLOCK_JUMP_BACK),
        };
        let clock = &mut resident.lock().clock;
        clock.skew_ms = Some(skew_ms);
        clock.jump_ms = jump_ms;
        let offset_ms = clock.offset_ms();
        if offset_ms != before_ms {
            let detail = format_args!("{offset_ms} ms off");
            self.trace.record(&resident.subject, "clock", detail);
        }
        offset_ms != before_ms
    }

    /// The object's clock shows the world's time from here on.
    pub(super) fn set_clock_right(self: &Arc<Self>, resident: &Arc<Resident>) {
        let was_off = {
            let state = &mut *resident.lock();
            let was_off = state.clock.offset_ms() != 0;
            state.clock.skew_ms = Some(0);
            state.clock.jump_ms = 0;
            if let Some(tenure) = &state.tenure {
                tenure.life.clock_ms.store(0, Relaxed);
            }
            was_off
        };
        if was_off {
            self.trace.record(&resident.subject, "clock", "right again");
            self.alarm_changed(resident);
        }
    }
}
