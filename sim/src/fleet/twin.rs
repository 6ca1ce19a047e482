//! Two instances for a moment (`object.twin`): somebody who looks for an object by name finds a new
//! incarnation, on a node of its own, while the old one goes on.
//!
//! The old one keeps a detached copy of the storage, in which no write becomes durable. So its output
//! gate never opens again: what it is called, it handles in memory, and nothing leaves it. What it
//! notes is no evidence, as it never took effect. When it ends, its callers learn of the break.

use super::{
    directory::Fleet,
    resident::{Phase, Resident, Role},
};
use crate::{activity::PendingKind, faults};
use madsim::time::{sleep, Duration};
use std::sync::{Arc, Mutex};

impl Fleet {
    /// Somebody looks for the object by name; tells whether the one that lived until now is no more
    /// the one to be found.
    pub(super) fn consider_twin(self: &Arc<Self>, resident: &Arc<Resident>) -> bool {
        if !matches!(resident.role, Role::Object(_)) || !resident.is_bound() {
            return false;
        }
        let for_ms = self.choices.delay_ms(&faults::TWIN, &resident.subject);
        if for_ms == 0 {
            return false;
        }
        let incarnation = self.supersede(resident);
        let (fleet, resident) = (self.clone(), resident.clone());
        let pending = self.activity.begin(PendingKind::Timer);
        self.supervise(async move {
            sleep(Duration::from_millis(for_ms)).await;
            drop(pending);
            fleet.end_twin(&resident, incarnation, "after its time");
        });
        true
    }

    /// The incarnation that lives goes on, but no more as the one under its name.
    fn supersede(self: &Arc<Self>, resident: &Arc<Resident>) -> u64 {
        let lost = self.lost_suffix(resident);
        let address = self.next_twin_address();
        let incarnation = {
            let mut state = resident.lock();
            let tenure = state.tenure.take().expect("it lives");
            tenure.life.set_phase(Phase::Superseded);
            let stored = state.stored.lock().expect("one thread").detach();
            state.stored = Arc::new(Mutex::new(stored));
            state.address = address;
            state.node = None;
            state.twins.push(tenure);
            state.incarnation
        };
        self.count_crash();
        self.record_end(&resident.name, incarnation);
        self.trace.record(
            &resident.subject,
            "twin",
            format_args!("@{incarnation} goes on; {lost} transactions lost"),
        );
        resident.stored().lock().expect("one thread").crash(lost);
        resident.bound.notify_waiters();
        self.alarm_changed(resident);
        self.consider_stale_cache(resident);
        incarnation
    }

    /// Ends an incarnation that goes on beside its successor, if it still does.
    pub(super) fn end_twin(&self, resident: &Resident, incarnation: u64, why: &str) {
        let tenure = {
            let twins = &mut resident.lock().twins;
            let mut places = twins.iter();
            let place = places.position(|twin| twin.life.incarnation == incarnation);
            place.map(|place| twins.remove(place))
        };
        if let Some(tenure) = tenure {
            let detail = format_args!("@{incarnation} ends {why}");
            self.trace.record(&resident.subject, "twin", detail);
            self.forget(&resident.name, tenure);
        }
    }
}
