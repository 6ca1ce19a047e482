//! Reads Slack's ledger and the log of the integration's stream. Asserts that every event that was
//! acknowledged with a 2xx stands in the log, and that none stands there twice, however often it
//! was delivered (spec §7.8, number 11). Does not assert that an event which Slack gave up on is
//! absent: a try may have been recorded although its acknowledgement came too late.

use processors::slack::contract::WEBHOOK_RECEIVED;
use runtime::event::{Event, Offset, StreamName};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeMap;

pub struct AcknowledgedIsDurable;

impl Oracle for AcknowledgedIsDurable {
    fn name(&self) -> &'static str {
        "acknowledgement"
    }

    fn asserts(&self) -> &'static str {
        "an event acknowledged to Slack is durably recorded, and recorded once"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut recorded = BTreeMap::new();
        for event in evidence.log(&integration()) {
            let Some(id) = event_id(event) else { continue };
            if let Some(first) = recorded.insert(id.to_owned(), event.offset) {
                return Err(Violation::safety(
                    "recorded-twice",
                    format!("event {id} stands at offsets {first} and {}", event.offset),
                ));
            }
        }
        let mut right = 0;
        for entry in &evidence.slack {
            if let Some(id) = acknowledged(&entry.what) {
                check(&recorded, id)?;
                right += 1;
            }
        }
        Ok(right)
    }
}

/// The stream of the integration of project `p1`.
pub fn integration() -> StreamName {
    StreamName::parse("p1:/integrations/slack").expect("a stream's name")
}

/// The `event_id` of a recorded or forwarded webhook; an interaction goes by its `trigger_id`.
pub fn event_id(event: &Event) -> Option<&str> {
    if event.kind != WEBHOOK_RECEIVED {
        return None;
    }
    let body = event.payload.as_ref()?.get("body")?;
    body.get("event_id").or(body.get("trigger_id"))?.as_str()
}

/// The event that the app acknowledged with this fact.
pub fn acknowledged(fact: &SlackFact) -> Option<&str> {
    match fact {
        SlackFact::Acknowledged {
            event_id, status, ..
        } if (200..300).contains(status) => Some(event_id),
        SlackFact::AcknowledgementLost { event_id, .. } => Some(event_id),
        _ => None,
    }
}

fn check(recorded: &BTreeMap<String, Offset>, id: &str) -> Result<(), Violation> {
    match recorded.contains_key(id) {
        true => Ok(()),
        false => Err(Violation::safety(
            "not-durable",
            format!("event {id} was acknowledged, and is not in the log"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn webhook(event_id: &str) -> Entry {
        let payload = json!({ "body": { "event_id": event_id } });
        Entry::new(WEBHOOK_RECEIVED, payload)
    }

    fn recorded<const EVENTS: usize>(webhooks: [Entry; EVENTS]) -> History {
        History::new(&[]).log("p1:/integrations/slack", webhooks)
    }

    fn answered(status: u16) -> SlackFact {
        SlackFact::Acknowledged {
            event_id: "Ev1".to_owned(),
            attempt: 0,
            status,
        }
    }

    #[test]
    fn an_acknowledged_event_that_was_recorded_is_right() {
        let history = recorded([webhook("Ev1"), webhook("Ev2")]).slack(answered(200));
        assert_eq!(history.verdict(&AcknowledgedIsDurable), None);
    }

    #[test]
    fn an_acknowledged_event_that_is_in_no_log_is_wrong() {
        let unheard = SlackFact::AcknowledgementLost {
            event_id: "Ev1".to_owned(),
            attempt: 0,
        };
        for acknowledgement in [answered(200), answered(299), unheard] {
            let history = recorded([webhook("Ev2")]).slack(acknowledgement);
            let found = history.verdict(&AcknowledgedIsDurable);
            assert_eq!(found, Some(("not-durable", SAFETY)));
        }
    }

    #[test]
    fn an_event_that_was_refused_or_given_up_need_not_be_recorded() {
        let event_id = "Ev1".to_owned();
        let history = recorded([])
            .slack(answered(503))
            .slack(SlackFact::GaveUp { event_id });
        assert_eq!(history.verdict(&AcknowledgedIsDurable), None);
    }

    #[test]
    fn an_event_that_was_recorded_twice_is_wrong() {
        let history = recorded([webhook("Ev1"), webhook("Ev1")]);
        let found = history.verdict(&AcknowledgedIsDurable);
        assert_eq!(found, Some(("recorded-twice", SAFETY)));
    }
}
