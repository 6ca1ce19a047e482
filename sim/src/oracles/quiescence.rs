//! Reads how the settle phase ended. Asserts that a world comes to rest within its limit of
//! simulated time and of events, once the faults have stopped (spec §7.8, number 8). Does not say
//! who owes what: the obligation oracles, which are judged before it, do.

use super::{Evidence, Oracle, Quiescence, Violation};

pub struct Quiesces;

impl Oracle for Quiesces {
    fn name(&self) -> &'static str {
        "quiescence"
    }

    fn asserts(&self) -> &'static str {
        "after the faults stop, the world comes to rest within 2 simulated hours and a bounded number of events"
    }

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        match &evidence.quiescence {
            Quiescence::Reached => Ok(()),
            Quiescence::TimedOut { pending } => Err(Violation::liveness(
                "not-reached",
                format!("still pending after the settle phase: {pending}"),
            )),
            Quiescence::Runaway { trace_events } => Err(Violation::liveness(
                "runaway",
                format!("{trace_events} trace events, and no rest"),
            )),
        }
    }
}
