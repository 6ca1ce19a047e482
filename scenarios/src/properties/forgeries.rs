//! Reads the log of the integration's stream and Slack's ledger. Asserts that every webhook that was
//! recorded is one that Slack delivered, and that no forgery and no replay was taken (peers S11, S12):
//! their times are wrong by more than any clock of the platform is off. Also that a notice is not
//! refused, which may come at any time (S14). Does not assert that what Slack delivered was taken, nor
//! how a challenge was answered: its fact does not say whether it arrived.

use super::acknowledged_is_durable::{event_id, integration};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeSet;

pub struct Forgeries;

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
        let mut cases = 0;
        let recorded = evidence.log(&integration()).iter();
        for id in recorded.filter_map(|event| event_id(event)) {
            if !delivered.contains(id) {
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
                    if (200..300).contains(status) {
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

fn wrong(class: &'static str, message: String) -> Violation {
    Violation::safety(class, message)
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
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
