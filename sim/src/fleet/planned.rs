//! Faults that are planned for a time. A plan keeps no world from rest: whatever is planned for
//! later than the end of the chaos does not happen.

use super::{
    directory::Fleet,
    resident::{Mail, Resident, Role},
};
use crate::faults;
use madsim::time::{sleep, Duration};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The pause between two objects of a rolling restart.
const ROLLING_GAP_MS: u64 = 20;

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

    /// Every object that is idle is evicted at once, and again if another storm is drawn then.
    pub(super) fn plan_evict_storms(self: &Arc<Self>) {
        let fleet = self.clone();
        let draw = move || {
            let after_ms = fleet.choices.delay_ms(&faults::EVICT_STORM, &fleet.subject);
            (after_ms > 0).then_some((fleet.clone(), after_ms))
        };
        let mut next = draw();
        self.supervise(async move {
            while let Some((fleet, after_ms)) = next {
                sleep(Duration::from_millis(after_ms)).await;
                if !fleet.choices.faults_on() {
                    return;
                }
                fleet.evict_all_idle().await;
                next = draw();
            }
        });
    }

    /// First everybody is asked, so that nobody is woken by the eviction of another.
    async fn evict_all_idle(self: &Arc<Self>) {
        self.trace.record(&self.subject, "evict-storm", "");
        let mut idle = Vec::new();
        for resident in self.residents() {
            if !matches!(resident.role, Role::Object(_)) || !resident.is_responsive() {
                continue;
            }
            let incarnation = resident.lock().incarnation;
            let (told, is_idle) = oneshot::channel();
            if resident.send(Mail::TellIdle(told)).is_err() {
                continue;
            }
            // The tasks of a killed node are dropped when they would next run, which may be never.
            let is_idle = tokio::select! {
                biased;
                is_idle = is_idle => is_idle.unwrap_or(false),
                () = resident.ended(incarnation) => false,
            };
            if is_idle {
                idle.push((resident, incarnation));
            }
        }
        for (resident, incarnation) in idle {
            if !self.choices.faults_on() {
                return;
            }
            self.evict(&resident, incarnation);
        }
    }

    /// Everybody who lives is restarted, one after the other.
    pub(super) fn plan_rolling_restart(self: &Arc<Self>) {
        let site = &faults::ROLLING_RESTART;
        let after_ms = self.choices.delay_ms(site, &self.subject);
        if after_ms == 0 {
            return;
        }
        let fleet = self.clone();
        self.supervise(async move {
            sleep(Duration::from_millis(after_ms)).await;
            for resident in fleet.residents() {
                if !fleet.choices.faults_on() {
                    return;
                }
                let can_restart = !matches!(resident.role, Role::Client);
                if can_restart && resident.lock().tenure.is_some() {
                    fleet.count_crash();
                    fleet.restart(&resident, site.name);
                    sleep(Duration::from_millis(ROLLING_GAP_MS)).await;
                }
            }
        });
    }
}
