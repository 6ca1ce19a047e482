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

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        match &evidence.quiescence {
            Quiescence::Reached => Ok(1),
            Quiescence::TimedOut { pending } => Err(Violation::stall(
                "not-reached",
                format!("still pending after the settle phase: {pending}"),
            )),
            Quiescence::Stalled { waits } => Err(Violation::stall(
                "stalled",
                format!("nothing can move: {}", waits.join("; ")),
            )),
            Quiescence::Runaway { trace_events } => Err(Violation::stall(
                "runaway",
                format!("{trace_events} trace events, and no rest"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::*;
    use crate::world::FailureKind;

    fn judge(quiescence: Quiescence) -> Option<(&'static str, FailureKind)> {
        let history = History::new(&[]).quiescence(quiescence);
        history.verdict(&Quiesces)
    }

    #[test]
    fn a_world_at_rest_is_right() {
        assert_eq!(judge(Quiescence::Reached), None);
    }

    #[test]
    fn a_world_that_does_not_come_to_rest_is_wrong() {
        let pending = "1 call".to_owned();
        let not_reached = Some(("not-reached", FailureKind::Liveness));
        assert_eq!(judge(Quiescence::TimedOut { pending }), not_reached);
        let trace_events = 400_001;
        let runaway = Some(("runaway", FailureKind::Liveness));
        assert_eq!(judge(Quiescence::Runaway { trace_events }), runaway);
        let waits = vec!["a → b".to_owned()];
        let stalled = Some(("stalled", FailureKind::Liveness));
        assert_eq!(judge(Quiescence::Stalled { waits }), stalled);
    }
}
