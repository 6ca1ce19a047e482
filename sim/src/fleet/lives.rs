//! Lives: incarnations start, crash, are evicted, and end.

use super::{
    directory::Fleet,
    resident::{Life, Phase, Resident, ResidentState, Role, Tenure},
    server,
};
use crate::{activity::PendingKind, choice::Site, faults, waits::Owner};
use madsim::{
    runtime::Handle,
    time::{sleep, Duration},
};
use runtime::{
    call::{CallError, ObjectName},
    quirk::Quirks,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How long a crashed worker takes to be back.
const WORKER_RESTART_MS: u64 = 100;

impl Fleet {
    /// Starts an incarnation unless one lives; gives its number.
    pub(super) fn ensure_live(self: &Arc<Self>, resident: &Arc<Resident>) -> u64 {
        let is_living = |state: &ResidentState| state.tenure.is_some().then_some(state.incarnation);
        if let Some(incarnation) = is_living(&resident.lock()) {
            return incarnation;
        }
        let clock_changed = self.draw_clock(resident);
        let quirks = self.draw_revision(resident);
        let mut state = resident.lock();
        state.incarnation += 1;
        state.stored.lock().expect("one thread").begin();
        let incarnation = state.incarnation;
        let stored = state.stored.clone();
        let clock_ms = state.clock.offset_ms();
        let life = Life::new(incarnation, state.address, stored, quirks, clock_ms);
        let (mail, inbox) = mpsc::unbounded_channel();
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
        state.tenure = Some(Tenure {
            life: life.clone(),
            node: node.id(),
            mail,
            is_bound: false,
            pause: None,
        });
        self.record_beginning(&resident.name, incarnation, clock_ms);
        let revision = match state.is_of_old_revision {
            true => " on the old revision",
            false => "",
        };
        let detail = format_args!("@{incarnation}{revision}");
        self.trace.record(&resident.subject, "start", detail);
        drop(state);
        let (fleet, served) = (self.clone(), resident.clone());
        node.spawn(async move {
            madsim::task::spawn_local(server::serve(fleet, served, life, inbox));
        });
        self.plan_crash(resident, incarnation);
        if clock_changed {
            self.alarm_changed(resident);
        }
        incarnation
    }

    /// The known bugs that the next incarnation runs with.
    fn draw_revision(&self, resident: &Resident) -> Quirks {
        let is_fixed = matches!(resident.role, Role::Client) || self.old_revision == Quirks::NONE;
        let is_old = !is_fixed && (self.choices).yes(&faults::OLD_REVISION, &resident.subject);
        resident.lock().is_of_old_revision = is_old;
        match is_old {
            true => self.quirks.iter().chain(self.old_revision.iter()).collect(),
            false => self.quirks,
        }
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

    /// Whether the incarnation is dead, or dies at this point. One that goes on beside its successor
    /// dies at no point.
    pub(super) fn crash_point(
        self: &Arc<Self>,
        resident: &Arc<Resident>,
        incarnation: u64,
        site: &'static Site,
    ) -> bool {
        match resident.phase(incarnation) {
            Phase::Present => {}
            Phase::Superseded => return false,
            Phase::Dead => return true,
        }
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
        match resident.phase(incarnation) {
            Phase::Present => {}
            Phase::Superseded => return self.end_twin(resident, incarnation, why),
            Phase::Dead => return,
        }
        let lost = self.lost_suffix(resident);
        self.end(resident, incarnation, lost, "crash", why);
        self.consider_stale_cache(resident);
    }

    /// How many transactions the end of the present incarnation loses.
    pub(super) fn lost_suffix(&self, resident: &Resident) -> usize {
        let volatile = resident.stored().lock().expect("one thread").volatile() as u64;
        let site = &faults::STORAGE_LOST_SUFFIX;
        match volatile {
            0 => 0,
            _ => self.choices.below(site, &resident.subject, volatile + 1) as usize,
        }
    }

    /// A flush failed: the platform resets the object, and what was not yet durable is lost.
    pub(super) fn reset(self: &Arc<Self>, resident: &Arc<Resident>, incarnation: u64) {
        let lost = resident.stored().lock().expect("one thread").volatile();
        self.count_crash();
        let why = faults::STORAGE_FLUSH_FAILS.name;
        self.end(resident, incarnation, lost, "crash", why);
        self.consider_stale_cache(resident);
    }

    pub(super) fn consider_stale_cache(&self, resident: &Resident) {
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

    /// Ends the incarnation that lives, if one does, and starts another.
    pub(super) fn restart(self: &Arc<Self>, resident: &Arc<Resident>, why: &str) {
        let incarnation = resident.lock().incarnation;
        self.end(resident, incarnation, 0, "restart", why);
        self.ensure_live(resident);
    }

    /// Nothing of an incarnation waits any more, and its node is gone.
    pub(super) fn forget(&self, object: &ObjectName, tenure: Tenure) {
        self.waits.end_incarnation(&Owner {
            object: object.clone(),
            incarnation: tenure.life.incarnation,
        });
        tenure.kill();
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
        let tenure = resident.lock().tenure.take().expect("it lives");
        self.record_end(&resident.name, incarnation);
        self.trace.record(
            &resident.subject,
            kind,
            format_args!("@{incarnation} {why}; {lost} transactions lost"),
        );
        resident.stored().lock().expect("one thread").crash(lost);
        self.forget(&resident.name, tenure);
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
        let twins = std::mem::take(&mut state.twins);
        for tenure in state.tenure.take().into_iter().chain(twins) {
            tenure.kill();
        }
    }
}

impl Tenure {
    /// Ends the incarnation and its node.
    pub fn kill(self) {
        self.life.set_phase(Phase::Dead);
        let handle = Handle::current();
        if self.pause.is_some() {
            // madsim would drop the tasks that stand still here and now, in the middle of whatever
            // kills them.
            handle.resume(self.node);
        }
        handle.kill(self.node);
    }
}
