//! Lives: incarnations start, crash, are evicted, and end.

use super::{
    directory::Fleet,
    resident::{Life, Phase, Resident, Role, Tenure},
    server,
};
use crate::{activity::PendingKind, choice::Site, faults, waits::Owner};
use madsim::{
    runtime::Handle,
    time::{sleep, Duration},
};
use runtime::call::CallError;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How long a crashed worker takes to be back.
const WORKER_RESTART_MS: u64 = 100;

impl Fleet {
    /// Starts an incarnation unless one lives; gives its number.
    pub(super) fn ensure_live(self: &Arc<Self>, resident: &Arc<Resident>) -> u64 {
        let mut state = resident.lock();
        if state.tenure.is_some() {
            return state.incarnation;
        }
        state.incarnation += 1;
        state.stored.lock().expect("one thread").begin();
        let incarnation = state.incarnation;
        let stored = state.stored.clone();
        let life = Life::new(incarnation, state.address, stored, self.quirks);
        let (mail, inbox) = mpsc::unbounded_channel();
        state.tenure = Some(Tenure {
            life: life.clone(),
            mail,
            is_bound: false,
        });
        let handle = Handle::current();
        let node = match state.node {
            Some(node) => {
                handle.restart(node);
                handle.get_node(node).expect("it was created")
            }
            None => handle
                .create_node()
                .name(resident.subject.text().to_string())
                .ip(state.address.ip())
                .build(),
        };
        state.node = Some(node.id());
        drop(state);
        self.record_beginning(&resident.name, incarnation);
        self.trace
            .record(&resident.subject, "start", format_args!("@{incarnation}"));
        let (fleet, served) = (self.clone(), resident.clone());
        node.spawn(async move {
            madsim::task::spawn_local(server::serve(fleet, served, life, inbox));
        });
        self.plan_crash(resident, incarnation);
        incarnation
    }

    /// Waits until an incarnation takes calls. Given one, waits for that alone.
    pub(super) async fn bound(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        wanted: Option<u64>,
    ) -> Result<u64, CallError> {
        loop {
            let notified = resident.bound.notified();
            let incarnation = match wanted {
                None => self.ensure_live(resident),
                Some(wanted) if resident.is_living(wanted) => wanted,
                Some(wanted) => {
                    return Err(CallError::Broken(format!(
                        "incarnation {wanted} of {} is gone",
                        resident.name
                    )))
                }
            };
            if resident.is_bound() {
                return Ok(incarnation);
            }
            notified.await;
        }
    }

    /// Whether the object dies at this point; if so it is dead when this returns.
    pub(super) fn crash_point(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
        site: &'static Site,
    ) -> bool {
        let can_crash = !matches!(resident.role, Role::Client);
        let crashes = can_crash && self.choices.yes(site, &resident.subject);
        if crashes {
            self.count_crash();
            self.crash(resident, incarnation, site.name);
        }
        crashes
    }

    /// Ends an incarnation without notice.
    pub(super) fn crash(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64, why: &str) {
        if !resident.is_living(incarnation) {
            return;
        }
        let lost = self.lost_suffix(resident);
        self.end(resident, incarnation, lost, "crash", why);
        self.consider_stale_cache(resident);
    }

    /// How many transactions the end of the present incarnation loses.
    fn lost_suffix(&self, resident: &Resident) -> usize {
        let volatile = resident.stored().lock().expect("one thread").volatile() as u64;
        let site = &faults::STORAGE_LOST_SUFFIX;
        match volatile {
            0 => 0,
            _ => self.choices.below(site, &resident.subject, volatile + 1) as usize,
        }
    }

    fn consider_stale_cache(&self, resident: &Resident) {
        let stored = resident.stored();
        let mut stored = stored.lock().expect("one thread");
        if stored.can_be_stale()
            && (self.choices).yes(&faults::STORAGE_STALE_CACHE, &resident.subject)
        {
            stored.make_stale();
        }
    }

    /// Ends an incarnation as the platform does with idle ones: nothing written is lost.
    pub(super) fn evict(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64) {
        self.end(resident, incarnation, 0, "evict", "idle");
    }

    fn end(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
        lost: usize,
        kind: &'static str,
        why: &str,
    ) {
        if !resident.is_living(incarnation) {
            return;
        }
        let node = {
            let mut state = resident.lock();
            let tenure = state.tenure.take().expect("it lives");
            tenure.life.set_phase(Phase::Dead);
            state.node.expect("it was started")
        };
        self.record_end(&resident.name, incarnation);
        self.trace.record(
            &resident.subject,
            kind,
            format_args!("@{incarnation} {why}; {lost} transactions lost"),
        );
        resident.stored().lock().expect("one thread").crash(lost);
        self.waits.end_incarnation(&Owner {
            object: resident.name.clone(),
            incarnation,
        });
        Handle::current().kill(node);
        resident.bound.notify_waiters();
        self.alarm_changed(resident);
        if matches!(resident.role, Role::Worker { .. }) {
            let (fleet, resident) = (self.clone(), resident.clone());
            let restart = self.activity.begin(PendingKind::Timer);
            self.supervise(async move {
                sleep(Duration::from_millis(WORKER_RESTART_MS)).await;
                drop(restart);
                fleet.ensure_live(&resident);
            });
        }
    }
}

impl Resident {
    /// Ends the incarnation that lives, for good.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.alarm_pending = None;
        if let Some(tenure) = state.tenure.take() {
            tenure.life.set_phase(Phase::Dead);
            Handle::current().kill(state.node.expect("it was started"));
        }
    }
}
