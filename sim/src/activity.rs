//! What is under way in a world: messages, writes, timers, alarms. A world is quiescent when
//! nothing is (design §3). Everything that the simulation has pending holds a [`Pending`] guard.

use madsim::time::{Duration, TimeHandle};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        Arc, Mutex, MutexGuard,
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
    /// Of those that have a name, by their number: whose, and what.
    named: Mutex<BTreeMap<u64, Named>>,
}

struct Named {
    kind: PendingKind,
    whose: Arc<str>,
    what: &'static str,
}

/// How many names a report tells.
const NAMES_MAX: usize = 6;

impl Activity {
    /// Something is under way that has no name of its own.
    pub fn begin(self: &Arc<Self>, kind: PendingKind) -> Pending {
        self.count(kind, None)
    }

    /// Something is under way, such as the timer `debounce` of an object.
    pub fn begin_named(
        self: &Arc<Self>,
        kind: PendingKind,
        whose: &Arc<str>,
        what: &'static str,
    ) -> Pending {
        let named = Named {
            kind,
            whose: whose.clone(),
            what,
        };
        self.count(kind, Some(named))
    }

    fn count(self: &Arc<Self>, kind: PendingKind, named: Option<Named>) -> Pending {
        self.pending[kind as usize].fetch_add(1, Relaxed);
        let number = self.changes.fetch_add(1, Relaxed);
        let is_named = named.is_some();
        if let Some(named) = named {
            self.names().insert(number, named);
        }
        Pending {
            activity: self.clone(),
            kind,
            name: is_named.then_some(number),
        }
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<u64, Named>> {
        self.named.lock().expect("one thread")
    }

    pub fn pending(&self, kind: PendingKind) -> u64 {
        self.pending[kind as usize].load(Relaxed)
    }

    pub fn is_quiet(&self) -> bool {
        PendingKind::ALL.iter().all(|kind| self.pending(*kind) == 0)
    }

    /// Nothing comes about by itself. Somebody of the workload may still wait.
    pub fn is_still(&self) -> bool {
        let moves = |kind: &&PendingKind| **kind != PendingKind::Workload;
        let mut kinds = PendingKind::ALL.iter().filter(moves);
        kinds.all(|kind| self.pending(*kind) == 0)
    }

    /// What is pending, for reports: `2 messages, 1 alarm: alarm of stream p1:/a`, the oldest first.
    pub fn describe(&self) -> String {
        let counts: Vec<String> = PendingKind::ALL
            .iter()
            .map(|kind| (self.pending(*kind), kind.name()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| match count {
                1 => format!("1 {name}"),
                _ => format!("{count} {name}s"),
            })
            .collect();
        if counts.is_empty() {
            return "nothing".to_owned();
        }
        let named = self.names();
        let mut names: Vec<String> = Vec::new();
        for Named { kind, whose, what } in named.values() {
            let name = match what.is_empty() {
                true => format!("{} of {whose}", kind.name()),
                false => format!("{} {what:?} of {whose}", kind.name()),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return counts.join(", ");
        }
        let more = names.len().saturating_sub(NAMES_MAX);
        names.truncate(NAMES_MAX);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        format!("{}: {}", counts.join(", "), names.join("; "))
    }

    /// Grows whenever something begins: unchanged between two moments, nothing began in between.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// Waits in simulated time, visibly. At least 1 ms (madsim's smallest step).
    pub fn sleep(self: &Arc<Self>, duration_ms: u64) -> impl Future<Output = ()> + Send + 'static {
        sleep(self.begin(PendingKind::Timer), duration_ms)
    }

    /// Likewise, and the timer has a name.
    pub fn sleep_named(
        self: &Arc<Self>,
        whose: &Arc<str>,
        what: &'static str,
        duration_ms: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let timer = self.begin_named(PendingKind::Timer, whose, what);
        sleep(timer, duration_ms)
    }
}

fn sleep(timer: Pending, duration_ms: u64) -> impl Future<Output = ()> + Send + 'static {
    let sleep = TimeHandle::current().sleep(Duration::from_millis(duration_ms));
    async move {
        let _timer = timer;
        sleep.await;
    }
}

/// Something is under way while this lives.
pub struct Pending {
    activity: Arc<Activity>,
    kind: PendingKind,
    name: Option<u64>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.activity.pending[self.kind as usize].fetch_sub(1, Relaxed);
        if let Some(name) = self.name {
            self.activity.names().remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_is_counted_and_named() {
        let activity: Arc<Activity> = Arc::default();
        assert_eq!(activity.describe(), "nothing");
        let agent: Arc<str> = "agent p1:/a".into();
        let one = activity.begin_named(PendingKind::Timer, &agent, "debounce");
        let two = activity.begin_named(PendingKind::Timer, &agent, "debounce");
        let alarm = activity.begin_named(PendingKind::Alarm, &agent, "");
        let _message = activity.begin(PendingKind::Message);
        let expected = "1 message, 2 timers, 1 alarm: \
                        timer \"debounce\" of agent p1:/a; alarm of agent p1:/a";
        assert_eq!(activity.describe(), expected);
        drop((one, two, alarm));
        assert_eq!(activity.describe(), "1 message");
        assert!(!activity.is_quiet());
    }
}
