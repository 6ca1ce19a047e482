//! Durable alarms (design §4): one per object, at least once, at or after its time by its clock, in any
//! incarnation; up to 6 retries with doubling back-off from 2 s when the handler fails.

use super::{
    directory::Fleet,
    resident::{Mail, Resident},
};
use crate::{activity::PendingKind, faults};
use madsim::time::{sleep, Duration};
use std::sync::Arc;
use tokio::sync::oneshot;

const RETRIES_MAX: u32 = 6;
const RETRY_MS: u64 = 2_000;

impl Fleet {
    /// The durable alarm may have changed: waits for the new one, if there is one.
    pub(super) fn alarm_changed(self: &Arc<Self>, resident: &Arc<Resident>) {
        let alarm = resident
            .stored()
            .lock()
            .expect("one thread")
            .durable_alarm();
        let Some(at) = alarm else {
            resident.next_alarm_generation(None);
            return;
        };
        let whose = resident.subject.text();
        let pending = self.activity.begin_named(PendingKind::Alarm, whose, "");
        let generation = resident.next_alarm_generation(Some(pending));
        let late_ms = self
            .choices
            .delay_ms(&faults::ALARM_LATE, &resident.subject);
        let wait_ms = (at.unix_ms - resident.now().unix_ms).max(0) as u64 + late_ms;
        let (fleet, resident) = (self.clone(), resident.clone());
        self.supervise(async move {
            sleep(Duration::from_millis(wait_ms)).await;
            let _turn = resident.ringing.lock().await;
            if resident.is_alarm_generation(generation) {
                fleet.ring(&resident).await;
            }
        });
    }

    async fn ring(self: &Arc<Self>, resident: &Arc<Resident>) {
        let whose = resident.subject.text();
        let _ringing = (self.activity).begin_named(PendingKind::Alarm, whose, "ringing");
        resident.stored().lock().expect("one thread").take_alarm();
        resident.next_alarm_generation(None);
        let mut retries = 0;
        while !self.ring_once(resident).await {
            if retries == RETRIES_MAX {
                let detail = "given up after 6 retries";
                self.trace.record(&resident.subject, "alarm", detail);
                return;
            }
            sleep(Duration::from_millis(RETRY_MS << retries)).await;
            retries += 1;
            let superseded = resident
                .stored()
                .lock()
                .expect("one thread")
                .durable_alarm()
                .is_some();
            if superseded {
                return;
            }
        }
        if self.choices.yes(&faults::ALARM_TWICE, &resident.subject) {
            self.ring_once(resident).await;
        }
    }

    async fn ring_once(self: &Arc<Self>, resident: &Arc<Resident>) -> bool {
        self.consider_twin(resident);
        let Ok(incarnation) = self.bound(resident, None).await else {
            return false;
        };
        self.trace.record(
            &resident.subject,
            "alarm",
            format_args!("@{incarnation} rings"),
        );
        if self.crash_point(resident, incarnation, &faults::CRASH_BEFORE_ALARM) {
            return false;
        }
        let (done, outcome) = oneshot::channel();
        if resident.send(Mail::Alarm(done)).is_err() {
            return false;
        }
        // The tasks of a killed node are dropped when they would next run, which may be never.
        let succeeded = tokio::select! {
            biased;
            outcome = outcome => outcome.unwrap_or(false),
            () = resident.ended(incarnation) => false,
        };
        if succeeded {
            self.crash_point(resident, incarnation, &faults::CRASH_AFTER_ALARM);
        }
        succeeded
    }
}
