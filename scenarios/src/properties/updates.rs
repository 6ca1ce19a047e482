//! Reads Slack's ledger. Asserts that the count in a message that is updated never goes backwards, in
//! the order in which Slack applied post and updates (peers §5.5, P7). Does not assert that it gets to
//! the last one: updates may be given up.

use super::posts::marker;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeMap;

pub struct Updates;

impl Oracle for Updates {
    fn name(&self) -> &'static str {
        "update"
    }

    fn asserts(&self) -> &'static str {
        "the updates of a message never go backwards"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut updates = 0;
        for entry in &evidence.slack {
            let SlackFact::Applied {
                method,
                channel,
                ts,
                metadata: Some(metadata),
                ..
            } = &entry.what
            else {
                continue;
            };
            let Some(marker) = marker(metadata) else {
                continue;
            };
            let before = counts.insert((channel, ts), marker.count);
            if let Some(before) = before.filter(|before| *before > marker.count) {
                return Err(Violation::safety(
                    "backwards",
                    format!("{channel}:{ts} went from {before} to {}", marker.count),
                ));
            }
            updates += u64::from(*method == "chat.update");
        }
        Ok(updates)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use crate::slack::poster::MARKER;
    use serde_json::json;
    use sim::{oracles::History, world::FailureKind};

    fn judge(counts: [u64; 3]) -> Option<(&'static str, FailureKind)> {
        let history = counts
            .into_iter()
            .fold(History::new(&[]), |history, count| {
                history.slack(SlackFact::Applied {
                method: "chat.update",
                channel: "C1".to_owned(),
                ts: "1.1".to_owned(),
                thread_ts: None,
                text: None,
                metadata: Some(json!({
                    "event_type": MARKER, "event_payload": { "subject": "board", "count": count },
                })),
            })
            });
        history.verdict(&Updates)
    }

    #[test]
    fn a_count_may_stand_still_and_never_goes_backwards() {
        assert_eq!(judge([1, 2, 2]), None);
        assert_eq!(judge([1, 3, 2]), Some(("backwards", SAFETY)));
    }
}
