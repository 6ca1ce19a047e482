//! What is under way in a world: messages, writes, timers, alarms. A world is quiescent when
//! nothing is (design §3). Everything that the simulation has pending holds a [`Pending`] guard.

use madsim::time::{Duration, TimeHandle};
use std::{
    future::Future,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        Arc,
    },
};

/// Kinds of pending things, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// A call or a reply on its way; a service at work on a request.
    Message,
    /// A transaction that is not yet durable.
    Write,
    /// Somebody sleeps.
    Timer,
    /// A durable alarm is set.
    Alarm,
    /// The workload has more to do.
    Workload,
}

impl PendingKind {
    pub const ALL: [PendingKind; 5] = [
        PendingKind::Message,
        PendingKind::Write,
        PendingKind::Timer,
        PendingKind::Alarm,
        PendingKind::Workload,
    ];

    const fn name(self) -> &'static str {
        match self {
            PendingKind::Message => "message",
            PendingKind::Write => "write",
            PendingKind::Timer => "timer",
            PendingKind::Alarm => "alarm",
            PendingKind::Workload => "workload",
        }
    }
}

#[derive(Default)]
pub struct Activity {
    pending: [AtomicU64; PendingKind::ALL.len()],
    changes: AtomicU64,
    /// Calls that wait for a reply. They keep nothing from rest: at rest there must be none.
    waiting_calls: AtomicU64,
}

impl Activity {
    pub fn begin(self: &Arc<Self>, kind: PendingKind) -> Pending {
        self.pending[kind as usize].fetch_add(1, Relaxed);
        self.changes.fetch_add(1, Relaxed);
        Pending {
            activity: self.clone(),
            kind,
        }
    }

    pub fn pending(&self, kind: PendingKind) -> u64 {
        self.pending[kind as usize].load(Relaxed)
    }

    pub fn is_quiet(&self) -> bool {
        PendingKind::ALL.iter().all(|kind| self.pending(*kind) == 0)
    }

    /// What is pending, for reports: `2 messages, 1 alarm`.
    pub fn describe(&self) -> String {
        let pending: Vec<String> = PendingKind::ALL
            .iter()
            .map(|kind| (self.pending(*kind), kind.name()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| match count {
                1 => format!("1 {name}"),
                _ => format!("{count} {name}s"),
            })
            .collect();
        match pending.is_empty() {
            true => "nothing".to_owned(),
            false => pending.join(", "),
        }
    }

    /// Grows whenever something begins: unchanged between two moments, nothing began in between.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// A call was sent; its reply, or its failure, drops the guard.
    pub fn begin_call(self: &Arc<Self>) -> WaitingCall {
        self.waiting_calls.fetch_add(1, Relaxed);
        WaitingCall(self.clone())
    }

    pub fn waiting_calls(&self) -> u64 {
        self.waiting_calls.load(Relaxed)
    }

    /// Waits in simulated time, visibly. At least 1 ms (madsim's smallest step).
    pub fn sleep(self: &Arc<Self>, duration_ms: u64) -> impl Future<Output = ()> + Send + 'static {
        let timer = self.begin(PendingKind::Timer);
        let sleep = TimeHandle::current().sleep(Duration::from_millis(duration_ms));
        async move {
            let _timer = timer;
            sleep.await;
        }
    }
}

/// Something is under way while this lives.
pub struct Pending {
    activity: Arc<Activity>,
    kind: PendingKind,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.activity.pending[self.kind as usize].fetch_sub(1, Relaxed);
    }
}

/// Somebody waits for the reply of a call while this lives.
pub struct WaitingCall(Arc<Activity>);

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.waiting_calls.fetch_sub(1, Relaxed);
    }
}
