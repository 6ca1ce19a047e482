//! The beginning of the chaos, and its end: healing lifts everything that the faults of the fleet left
//! in effect, in this one place (design §3). Liveness is judged only after it.

use super::{directory::Fleet, resident::Resident};
use madsim::time::{sleep, Duration};
use std::{future::Future, sync::Arc};

impl Fleet {
    /// Faults are on from here on.
    pub fn begin_chaos(self: &Arc<Self>) {
        self.choices.set_faults(true);
        self.plan_evict_storms();
        self.plan_rolling_restart();
    }

    /// Faults are off from here on, and none is in effect: objects that stand still go on, twins end,
    /// starts are as fast as ever, clocks are right, ways are open, half-open connections are reset,
    /// and whoever was last started on an old revision is started on the present one.
    pub fn heal(self: &Arc<Self>) {
        self.choices.set_faults(false);
        self.healed.notify_waiters();
        self.ways.heal();
        self.healing.heal();
        for resident in self.residents() {
            for incarnation in resident.paused() {
                self.resume(&resident, incarnation);
            }
            for incarnation in resident.twins() {
                self.end_twin(&resident, incarnation, "as all is healed");
            }
            self.set_clock_right(&resident);
            if resident.lock().is_of_old_revision {
                self.restart(&resident, "on the present revision");
            }
        }
    }

    /// Waits that long because of a fault: visibly, and not beyond its end.
    pub(super) fn sleep_while_faulty(
        self: &Arc<Self>,
        duration_ms: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let fleet = self.clone();
        let pending = self.activity.begin(crate::activity::PendingKind::Timer);
        async move {
            let _pending = pending;
            let healed = fleet.healed.notified();
            if fleet.choices.faults_on() {
                tokio::select! {
                    biased;
                    () = sleep(Duration::from_millis(duration_ms)) => {}
                    () = healed => {}
                }
            }
        }
    }

    /// The faults of the fleet that are still in effect, for those who check that there are none.
    pub fn faults_in_effect(&self) -> Vec<String> {
        let mut found = Vec::new();
        for resident in self.residents() {
            let mut find = |what: &str| found.push(format!("{}: {what}", resident.name));
            for _ in resident.paused() {
                find("stands still");
            }
            for _ in resident.twins() {
                find("lives twice");
            }
            let state = resident.lock();
            if state.clock.offset_ms() != 0 {
                find("its clock is off");
            }
            if state.is_of_old_revision {
                find("runs an old revision");
            }
        }
        found
    }
}

impl Resident {
    /// The incarnations that stand still.
    fn paused(&self) -> Vec<u64> {
        let state = self.lock();
        let tenures = state.tenure.iter().chain(&state.twins);
        let paused = tenures.filter(|tenure| tenure.pause.is_some());
        paused.map(|tenure| tenure.life.incarnation).collect()
    }

    /// The incarnations that go on beside their successors.
    fn twins(&self) -> Vec<u64> {
        let state = self.lock();
        let twins = state.twins.iter();
        twins.map(|twin| twin.life.incarnation).collect()
    }
}
