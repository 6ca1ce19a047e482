//! Reads the log of the integration's stream, Slack's ledger and the worker's lifetimes. Asserts that every webhook that was
//! recorded is one that Slack delivered, and that no forgery and no replay was taken (peers S11, S12).
//! What is wrong in nothing but its time is excused where it is right by the clock of a worker that
//! lived then: one that is behind for what is too old, one that is ahead for what comes too early.
//! The latter is early by one second, so that it is right as well when a second of the world began
//! while it was under way; it leaves Slack beside the first try of the event from which it was forged.
//! Also that a notice is not refused, which may come at any time (S14). Does not assert that what Slack
//! delivered was taken, nor how a challenge was answered: its fact does not say whether it arrived.

use super::{
    acknowledged_in_time::workers,
    acknowledged_is_durable::{event_id, integration},
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeSet;

pub struct Forgeries;

/// How long a forgery may be on its way until somebody knows what became of it.
const UNDER_WAY_MS: u64 = 3_000;

/// How long at most a try takes from its signature until the ledger has it.
const CONNECTING_MS: u64 = 10;

impl Oracle for Forgeries {
    fn name(&self) -> &'static str {
        "forgery"
    }

    fn asserts(&self) -> &'static str {
        "only what Slack delivered is recorded, and forgeries and replays are refused"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let delivered: BTreeSet<&str> = (evidence.slack.iter())
            .filter_map(|entry| match &entry.what {
                SlackFact::Delivered { event_id, .. } => Some(event_id.as_str()),
                _ => None,
            })
            .collect();
        let excused: BTreeSet<&str> = (evidence.slack.iter())
            .filter_map(|entry| match &entry.what {
                SlackFact::Forged { event_id, how, .. }
                    if is_excused(evidence, event_id, how, entry.at_ms) =>
                {
                    Some(event_id.as_str())
                }
                _ => None,
            })
            .collect();
        let mut cases = 0;
        let recorded = evidence.log(&integration()).iter();
        for id in recorded.filter_map(|event| event_id(event)) {
            if !delivered.contains(id) && !excused.contains(id) {
                return Err(wrong("recorded", format!("event {id} is not of Slack")));
            }
            cases += 1;
        }
        for entry in &evidence.slack {
            match &entry.what {
                SlackFact::Forged {
                    event_id,
                    how,
                    status: Some(status),
                } => {
                    if (200..300).contains(status)
                        && !is_excused(evidence, event_id, how, entry.at_ms)
                    {
                        let message = format!("{event_id} ({how}) was taken with {status}");
                        return Err(wrong("taken", message));
                    }
                    cases += 1;
                }
                SlackFact::RateLimitedNotice {
                    status: Some(status @ 400..500),
                } => {
                    let message = format!("a notice of Slack's was refused with {status}");
                    return Err(wrong("notice-refused", message));
                }
                _ => {}
            }
        }
        Ok(cases)
    }
}

/// A worker may have found the time of a forgery to be right: known is when its fate was.
fn is_excused(evidence: &Evidence, forged_id: &str, how: &str, known_ms: u64) -> bool {
    let explains = |clock_ms: i64| match how {
        "stale" | "replayed" => clock_ms < 0,
        "future" => clock_ms > 0,
        _ => false,
    };
    let arrived_ms = known_ms.saturating_sub(UNDER_WAY_MS);
    let is_explained = workers(evidence)
        .filter(|life| life.began_ms <= known_ms)
        .filter(|life| life.ended_ms.is_none_or(|ended_ms| ended_ms >= arrived_ms))
        .any(|life| explains(life.clock_ms));
    is_explained || how == "future" && grew_up(evidence, forged_id, known_ms)
}

/// A second began since it was signed; or nobody knows when that was. Worlds begin with a second.
fn grew_up(evidence: &Evidence, forged_id: &str, known_ms: u64) -> bool {
    let true_id = forged_id.trim_start_matches("forged-");
    let mut tries = evidence.slack.iter().filter(|entry| {
        matches!(&entry.what, SlackFact::Delivered { event_id, attempt: 0, .. } if event_id == true_id)
    });
    tries.next().is_none_or(|first| {
        let signed_ms = first.at_ms.saturating_sub(CONNECTING_MS);
        signed_ms / 1_000 < known_ms / 1_000
    })
}

fn wrong(class: &'static str, message: String) -> Violation {
    Violation::safety(class, message)
}

#[cfg(test)]
mod tests {
    use super::super::{acknowledged_in_time::WORKER, tests::SAFETY};
    use super::*;
    use processors::slack::contract::WEBHOOK_RECEIVED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn history(recorded: &str) -> History {
        let payload = json!({ "body": { "event_id": recorded } });
        let delivered = SlackFact::Delivered {
            event_id: "Ev1".to_owned(),
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
            attempt: 0,
            slow_ms: 0,
        };
        let history = History::new(&[]).slack(delivered);
        history.log(
            "p1:/integrations/slack",
            [Entry::new(WEBHOOK_RECEIVED, payload)],
        )
    }

    fn forged(status: Option<u16>) -> SlackFact {
        SlackFact::Forged {
            event_id: "forged-Ev1".to_owned(),
            how: "altered",
            status,
        }
    }

    #[test]
    fn a_forgery_that_was_refused_or_never_arrived_is_right() {
        let right = history("Ev1").slack(forged(Some(401))).slack(forged(None));
        assert_eq!(Forgeries.judge(&right.evidence()), Ok(2));
    }

    #[test]
    fn a_forgery_that_was_taken_or_recorded_is_wrong() {
        let found = history("Ev1").slack(forged(Some(200))).verdict(&Forgeries);
        assert_eq!(found, Some(("taken", SAFETY)));
        let found = history("forged-Ev1").verdict(&Forgeries);
        assert_eq!(found, Some(("recorded", SAFETY)));
    }

    /// What is found when such a forgery is taken while the clock of an object is off.
    fn taken(how: &'static str, binding: &'static str, clock_ms: i64) -> Option<&'static str> {
        let history = history("forged-Ev1").begins(binding, "edge");
        let history = history.clock(binding, "edge", clock_ms).at(900);
        let verdict = history.slack(forged_by(how)).verdict(&Forgeries);
        verdict.map(|(class, _)| class)
    }

    fn forged_by(how: &'static str) -> SlackFact {
        SlackFact::Forged {
            event_id: "forged-Ev1".to_owned(),
            how,
            status: Some(200),
        }
    }

    #[test]
    fn what_is_early_by_a_second_is_right_when_a_second_has_begun() {
        let answered = |at_ms: u64, how| history("Ev1").at(at_ms).slack(forged_by(how));
        let taken = Some(("taken", SAFETY));
        assert_eq!(answered(999, "future").verdict(&Forgeries), taken);
        assert_eq!(answered(1_000, "future").verdict(&Forgeries), None);
        assert_eq!(answered(1_000, "stale").verdict(&Forgeries), taken);
        let never_sent = History::new(&[]).slack(forged_by("future"));
        assert_eq!(
            never_sent.verdict(&Forgeries),
            None,
            "signed who knows when"
        );
    }

    #[test]
    fn a_clock_of_the_worker_excuses_what_is_right_by_it() {
        const RECORDED: Option<&str> = Some("recorded");
        assert_eq!(taken("future", WORKER, 2_000), None);
        assert_eq!(taken("stale", WORKER, -2_000), None);
        assert_eq!(taken("replayed", WORKER, -2_000), None);
        assert_eq!(taken("unsigned", WORKER, 2_000), RECORDED);
        assert_eq!(taken("future", WORKER, -2_000), RECORDED, "the wrong way");
        assert_eq!(taken("stale", WORKER, 0), RECORDED);
        assert_eq!(taken("stale", "STREAM", -2_000), RECORDED, "another's");
    }

    #[test]
    fn a_clock_of_a_worker_that_was_gone_by_then_excuses_nothing() {
        let history = history("Ev1")
            .begins(WORKER, "edge")
            .clock(WORKER, "edge", -2_000)
            .at(1_000)
            .ends(WORKER, "edge")
            .begins(WORKER, "edge")
            .at(9_000)
            .slack(forged_by("stale"));
        assert_eq!(history.verdict(&Forgeries), Some(("taken", SAFETY)));
    }

    #[test]
    fn a_notice_is_not_refused() {
        let notice = |status| SlackFact::RateLimitedNotice { status };
        assert_eq!(
            history("Ev1").slack(notice(Some(200))).verdict(&Forgeries),
            None
        );
        let found = history("Ev1").slack(notice(Some(401))).verdict(&Forgeries);
        assert_eq!(found, Some(("notice-refused", SAFETY)));
    }
}
