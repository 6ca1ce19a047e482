//! Long stalls (`object.pause`): an object's node stands still; whatever is addressed to it waits.

use super::{
    directory::Fleet,
    resident::{Resident, Role},
};
use crate::{activity::PendingKind, faults};
use madsim::{
    runtime::Handle,
    time::{sleep, Duration},
};
use std::sync::Arc;

impl Fleet {
    /// A call arrives at an incarnation; tells whether its node stands still from the next wait on.
    pub(super) fn consider_pause(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
    ) -> bool {
        let is_running = || {
            matches!(resident.role, Role::Object(_)).then_some(())?;
            let state = resident.lock();
            let tenure = state.tenure.as_ref();
            let tenure = tenure.filter(|tenure| tenure.life.incarnation == incarnation)?;
            tenure.pause.is_none().then_some(tenure.node)
        };
        let Some(node) = is_running() else {
            return false;
        };
        let for_ms = self.choices.delay_ms(&faults::PAUSE, &resident.subject);
        if for_ms == 0 {
            return false;
        }
        let detail = format_args!("@{incarnation} for {for_ms} ms");
        self.trace.record(&resident.subject, "pause", detail);
        let pause = self.activity.begin(PendingKind::Timer);
        resident.lock().tenure.as_mut().expect("it lives").pause = Some(pause);
        self.record_pause(&resident.name, incarnation);
        Handle::current().pause(node);
        let (fleet, resident) = (self.clone(), resident.clone());
        self.supervise(async move {
            sleep(Duration::from_millis(for_ms)).await;
            fleet.resume(&resident, incarnation);
        });
        true
    }

    /// The incarnation goes on where it stood still, if it did.
    pub(super) fn resume(&self, resident: &Resident, incarnation: u64) {
        let pause = {
            let state = &mut *resident.lock();
            let mut tenures = state.tenure.iter_mut().chain(&mut state.twins);
            let tenure = tenures.find(|tenure| tenure.life.incarnation == incarnation);
            tenure.and_then(|tenure| Some((tenure.node, tenure.pause.take()?)))
        };
        if let Some((node, _pause)) = pause {
            let detail = format_args!("@{incarnation}");
            self.trace.record(&resident.subject, "resume", detail);
            self.record_resume(&resident.name, incarnation);
            Handle::current().resume(node);
        }
    }
}
