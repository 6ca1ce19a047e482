//! Reads the waits that the ports and the product registered (design §5). Asserts that no work ever
//! waits for something that it holds back itself, over any number of objects (spec §7.8, number 9),
//! even if a time-out would end that. Does not say what was to come of it: who still waits at rest is
//! `quiescence/stalled`.

use super::{Evidence, Oracle, Violation};

pub struct Deadlocks;

impl Oracle for Deadlocks {
    fn name(&self) -> &'static str {
        "deadlock"
    }

    fn asserts(&self) -> &'static str {
        "no work waits, in a cycle, for what it holds back itself: a gate, a turn, a delivery"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        match &evidence.deadlock {
            None => Ok(evidence.waits),
            Some(deadlock) => Err(Violation::stall(
                "cycle",
                format!(
                    "at {}.{:03} s: {}",
                    deadlock.at_ms / 1_000,
                    deadlock.at_ms % 1_000,
                    deadlock.cycle
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::*;
    use crate::{waits::Deadlock, world::FailureKind};

    #[test]
    fn waits_without_a_cycle_are_right() {
        assert_eq!(History::new(&[]).verdict(&Deadlocks), None);
    }

    #[test]
    fn a_cycle_is_wrong() {
        let cycle = "a waits for b → b waits for a".to_owned();
        let history = History::new(&[]).deadlock(Deadlock { at_ms: 7, cycle });
        let verdict = Some(("cycle", FailureKind::Liveness));
        assert_eq!(history.verdict(&Deadlocks), verdict);
    }
}
