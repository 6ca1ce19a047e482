//! Reads Slack's ledger, the lifetimes of the worker, and which faults struck. Asserts that a delivery
//! that reached the worker is answered, one way or the other, within 3 s (peers §5.5); how slow the
//! objects behind it are is no excuse.
//!
//! Excused is a try whose body came late; one during which an incarnation of the worker ended or
//! began; and every try of a world in which a fault struck connections to or from services, as a worker
//! cannot answer what does not get through. Does not assert that the answer is a good one.

use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};

/// How long Slack waits.
const ACKNOWLEDGE_MS: u64 = 3_000;

/// The binding of the worker.
const WORKER: &str = "EDGE";

pub struct AcknowledgedInTime;

impl Oracle for AcknowledgedInTime {
    fn name(&self) -> &'static str {
        "answer-time"
    }

    fn asserts(&self) -> &'static str {
        "a delivery that reached a living worker is answered within 3 s"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let struck = |site: &str| site.starts_with("tcp.");
        if evidence.fired.keys().any(|site| struck(site)) {
            return Ok(0);
        }
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
            if worker_changed(evidence, entry.at_ms) {
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

/// An incarnation of the worker ended or began while a try was under way.
fn worker_changed(evidence: &Evidence, delivered_ms: u64) -> bool {
    let during = delivered_ms..=delivered_ms + ACKNOWLEDGE_MS;
    let workers = evidence.lifetimes.iter();
    workers
        .filter(|lifetime| lifetime.object.binding == WORKER)
        .any(|lifetime| {
            let ended = lifetime
                .ended_ms
                .is_some_and(|ended_ms| during.contains(&ended_ms));
            ended || during.contains(&lifetime.began_ms)
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
    fn a_slow_body_and_a_broken_network_excuse_it() {
        assert_eq!(timed_out(100).verdict(&AcknowledgedInTime), None);
        let history = timed_out(0).fired("tcp.half-open");
        assert_eq!(history.verdict(&AcknowledgedInTime), None);
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
