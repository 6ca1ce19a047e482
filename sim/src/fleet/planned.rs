//! Faults that are planned for a time.

use super::{
    directory::Fleet,
    resident::{Resident, Role},
};
use crate::faults;
use madsim::time::{sleep, Duration};
use std::sync::Arc;

impl Fleet {
    pub(super) fn plan_crash(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64) {
        if matches!(resident.role, Role::Client) {
            return;
        }
        let after_ms = self
            .choices
            .delay_ms(&faults::CRASH_AT_TIME, &resident.subject);
        if after_ms > 0 {
            let (fleet, resident) = (self.clone(), resident.clone());
            self.supervise(async move {
                sleep(Duration::from_millis(after_ms)).await;
                if fleet.choices.faults_on() && resident.is_living(incarnation) {
                    fleet.count_crash();
                    fleet.crash(&resident, incarnation, "at a time");
                }
            });
        }
    }
}
