//! The ways between objects: which of them are cut, and which hold their messages back (`net.*`).
//!
//! A way has a direction. On a cut one every message is lost; who waits for an answer learns after a
//! while that the connection was lost. On a held one messages wait, and arrive in their order when
//! it opens again. Both end by themselves, or when the network heals.

use crate::{network::Healing, time};
use madsim::time::{sleep, Duration};
use runtime::call::ObjectName;
use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Arc, Mutex, MutexGuard, Weak,
    },
};
use tokio::sync::Notify;

type Ends = (ObjectName, ObjectName);

pub(super) struct Ways {
    healing: Arc<Healing>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Until when, in milliseconds since the start of the world.
    cut: BTreeMap<Ends, u64>,
    held: BTreeMap<Ends, u64>,
    lines: BTreeMap<Ends, Vec<Weak<Line>>>,
}

/// A variant of `net.partition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parting {
    there: bool,
    back: bool,
    duration_ms: u64,
}

impl Parting {
    fn parse(variant: &str) -> Self {
        let mut words = variant.split(' ');
        let (there, back) = match words.next() {
            Some("both") => (true, true),
            Some("there") => (true, false),
            Some("back") => (false, true),
            _ => panic!("{variant:?} begins with no direction"),
        };
        let duration_ms = words.next().and_then(|number| number.parse().ok());
        Parting {
            there,
            back,
            duration_ms: duration_ms.unwrap_or_else(|| panic!("{variant:?} has no duration")),
        }
    }
}

/// A connection from a caller to a callee, as the network sees it.
#[derive(Default)]
pub(super) struct Line {
    is_cut: AtomicBool,
    cut: Notify,
}

impl Line {
    /// Completes when the connection breaks although both ends live.
    pub async fn cut(&self) {
        let cut = self.cut.notified();
        if !self.is_cut.load(Relaxed) {
            cut.await;
        }
    }

    fn sever(&self) {
        self.is_cut.store(true, Relaxed);
        self.cut.notify_waiters();
    }
}

impl Ways {
    pub fn new(healing: Arc<Healing>) -> Self {
        Ways {
            healing,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("one thread")
    }

    /// A new connection.
    pub fn lay(&self, caller: &ObjectName, callee: &ObjectName) -> Arc<Line> {
        let line = Arc::new(Line::default());
        let mut inner = self.lock();
        let lines = inner.lines.entry((caller.clone(), callee.clone()));
        let lines = lines.or_default();
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line));
        line
    }

    /// Separates two objects for a while, as a variant of `net.partition` says.
    pub fn part(&self, caller: &ObjectName, callee: &ObjectName, variant: &str) {
        let parting = Parting::parse(variant);
        let until_ms = time::since_start_ms() + parting.duration_ms;
        let there = (caller.clone(), callee.clone());
        let back = (callee.clone(), caller.clone());
        let mut inner = self.lock();
        let mut severed = Vec::new();
        for (is_cut, ends) in [(parting.there, there), (parting.back, back)] {
            if parting.there && parting.back {
                let lines = inner.lines.remove(&ends).unwrap_or_default();
                severed.extend(lines.iter().filter_map(Weak::upgrade));
            }
            if is_cut {
                inner.cut.insert(ends, until_ms);
            }
        }
        drop(inner);
        for line in severed {
            line.sever();
        }
    }

    /// Holds back what goes from one object to another.
    pub fn hold(&self, from: &ObjectName, to: &ObjectName, duration_ms: u64) {
        let until_ms = time::since_start_ms() + duration_ms;
        let mut inner = self.lock();
        inner.held.insert((from.clone(), to.clone()), until_ms);
    }

    /// Whether a message is lost on its way.
    pub fn is_cut(&self, from: &ObjectName, to: &ObjectName) -> bool {
        let inner = self.lock();
        lasts(&inner.cut, from, to).is_some()
    }

    /// Completes when messages may pass. Who asks for each message of a connection in turn keeps
    /// their order.
    pub async fn passage(&self, from: &ObjectName, to: &ObjectName) {
        loop {
            let held_ms = lasts(&self.lock().held, from, to);
            let Some(held_ms) = held_ms else { return };
            tokio::select! {
                biased;
                () = self.healing.healed() => {}
                () = sleep(Duration::from_millis(held_ms)) => {}
            }
        }
    }

    /// Every way is open from here on.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.cut.clear();
        inner.held.clear();
    }
}

/// For how many more milliseconds a way is closed.
fn lasts(closed: &BTreeMap<Ends, u64>, from: &ObjectName, to: &ObjectName) -> Option<u64> {
    if closed.is_empty() {
        return None;
    }
    let until_ms = *closed.get(&(from.clone(), to.clone()))?;
    let left_ms = until_ms.saturating_sub(time::since_start_ms());
    (left_ms > 0).then_some(left_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::NET_PARTITION;

    #[test]
    fn healing_opens_every_way() {
        madsim::runtime::Runtime::with_seed_and_config(1, Default::default()).block_on(async {
            let healing = Arc::new(Healing::default());
            let ways = Ways::new(healing.clone());
            let (a, b) = (ObjectName::new("A", "a"), ObjectName::new("B", "b"));
            ways.part(&a, &b, "there 20000 ms");
            ways.hold(&b, &a, 20_000);
            assert!(ways.is_cut(&a, &b) && !ways.is_cut(&b, &a));
            let began_ms = time::since_start_ms();
            let heal = async {
                sleep(Duration::from_millis(100)).await;
                ways.heal();
                healing.heal();
            };
            tokio::join!(ways.passage(&b, &a), heal);
            assert!(!ways.is_cut(&a, &b));
            assert!(time::since_start_ms() - began_ms < 200);
        });
    }

    #[test]
    fn every_variant_of_a_partition_says_where_and_how_long() {
        let crate::choice::Shape::OneOf { variants, .. } = NET_PARTITION.shape else {
            panic!("a partition is one of several");
        };
        for variant in variants {
            let parting = Parting::parse(variant);
            assert!(parting.there || parting.back);
            assert!(parting.duration_ms > 0);
        }
    }
}
