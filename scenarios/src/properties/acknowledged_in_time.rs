//! Reads Slack's ledger and the lifetimes of the worker. Asserts that a delivery
//! that reached the worker is answered, one way or the other, within 3 s (peers §5.5); how slow the
//! objects behind it are is no excuse.
//!
//! Excused is a try whose body came late; one during which an incarnation of the worker ended or
//! began; and one during which it accepted a connection with a fate, as a worker cannot answer what does
//! not get through. Does not assert that the answer is a good one.

use sim::{
    fleet::Lifetime,
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};

/// How long Slack waits.
const ACKNOWLEDGE_MS: u64 = 3_000;

/// How long before the ledger says that a try arrived the worker may have accepted its connection.
const ACCEPTED_BEFORE_MS: u64 = 10;

/// The binding of the worker.
pub(super) const WORKER: &str = "EDGE";

pub struct AcknowledgedInTime;

impl Oracle for AcknowledgedInTime {
    fn name(&self) -> &'static str {
        "answer-time"
    }

    fn asserts(&self) -> &'static str {
        "a delivery that reached a living worker is answered within 3 s"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut answered = 0;
        for (index, entry) in evidence.slack.iter().enumerate() {
            let SlackFact::Delivered {
                event_id,
                attempt,
                slow_ms: 0,
                ..
            } = &entry.what
            else {
                continue;
            };
            if is_excused(evidence, entry.at_ms) {
                continue;
            }
            let later = &evidence.slack[index..];
            let timed_out = later.iter().any(|other| {
                other.connection == entry.connection
                    && matches!(
                        other.what,
                        SlackFact::Refused {
                            reason: "http_timeout",
                            ..
                        }
                    )
            });
            if timed_out {
                return Err(Violation::safety(
                    "late",
                    format!(
                        "try {attempt} of {event_id} reached the worker at {} ms and got no answer",
                        entry.at_ms
                    ),
                ));
            }
            answered += 1;
        }
        Ok(answered)
    }
}

/// The worker's incarnations.
pub(super) fn workers(evidence: &Evidence) -> impl Iterator<Item = &Lifetime> {
    let lifetimes = evidence.lifetimes.iter();
    lifetimes.filter(|life| life.object.binding == WORKER)
}

/// While a try was under way, an incarnation of the worker ended or began, or accepted a connection to
/// which something was to happen.
fn is_excused(evidence: &Evidence, delivered_ms: u64) -> bool {
    let changed = delivered_ms..=delivered_ms + ACKNOWLEDGE_MS;
    // The two ends of a connection learn of it one after the other.
    let accepted = delivered_ms.saturating_sub(ACCEPTED_BEFORE_MS)..=*changed.end();
    workers(evidence).any(|life| {
        let mut disturbances = life.disturbances.iter();
        changed.contains(&life.began_ms)
            || life
                .ended_ms
                .is_some_and(|ended_ms| changed.contains(&ended_ms))
            || disturbances.any(|found| found.is_accepted && accepted.contains(&found.at_ms))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use sim::oracles::History;

    fn timed_out(slow_ms: u64) -> History {
        let delivered = SlackFact::Delivered {
            event_id: "Ev1".to_owned(),
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
            attempt: 0,
            slow_ms,
        };
        let refused = SlackFact::Refused {
            event_id: "Ev1".to_owned(),
            attempt: 0,
            reason: "http_timeout",
            status: None,
        };
        let history = History::new(&[]).at(1_000).slack_on(1, delivered);
        history.at(4_000).slack_on(1, refused)
    }

    #[test]
    fn a_worker_that_does_not_answer_is_late() {
        let found = timed_out(0).verdict(&AcknowledgedInTime);
        assert_eq!(found, Some(("late", SAFETY)));
    }

    #[test]
    fn a_slow_body_excuses_it() {
        assert_eq!(timed_out(100).verdict(&AcknowledgedInTime), None);
    }

    /// A try from 1,000 to 4,000 ms that timed out, and a connection with a fate.
    fn disturbed(binding: &'static str, at_ms: u64, is_accepted: bool) -> History {
        let history = timed_out(0).at(0).begins(binding, "edge").at(at_ms);
        history.disturbed(binding, "edge", is_accepted)
    }

    #[test]
    fn a_connection_with_a_fate_excuses_the_try_that_it_carried() {
        const LATE: Option<(&str, sim::world::FailureKind)> = Some(("late", SAFETY));
        let judge = |history: History| history.verdict(&AcknowledgedInTime);
        assert_eq!(judge(disturbed(WORKER, 1_000, true)), None);
        assert_eq!(judge(disturbed(WORKER, 900, true)), LATE, "before");
        assert_eq!(judge(disturbed(WORKER, 4_001, true)), LATE, "after");
        assert_eq!(judge(disturbed(WORKER, 1_000, false)), LATE, "to a service");
        assert_eq!(judge(disturbed("STREAM", 1_000, true)), LATE, "another's");
        let elsewhere = timed_out(0).fired("tcp.half-open");
        assert_eq!(judge(elsewhere), LATE, "somewhere");
    }

    #[test]
    fn an_answer_on_another_connection_does_not_count() {
        let delivered = SlackFact::Delivered {
            event_id: "Ev2".to_owned(),
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
            attempt: 0,
            slow_ms: 0,
        };
        let history = History::new(&[]).at(1_000).slack_on(2, delivered);
        assert_eq!(AcknowledgedInTime.judge(&history.evidence()), Ok(1));
    }
}
