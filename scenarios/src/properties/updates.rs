//! Reads Slack's ledger. Asserts that the step which a message shows never goes backwards, in the order
//! in which Slack applied post and updates (peers §5.5, P7). Does not assert that it gets to the last one:
//! updates may be given up.

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
        let mut steps: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut updates = 0;
        for entry in &evidence.slack {
            let SlackFact::Applied {
                method: method @ ("chat.postMessage" | "chat.update"),
                channel,
                ts,
                text: Some(text),
                ..
            } = &entry.what
            else {
                continue;
            };
            let Some(step) = step(text) else {
                continue;
            };
            let before = steps.insert((channel, ts), step);
            if let Some(before) = before.filter(|before| *before > step) {
                return Err(Violation::safety(
                    "backwards",
                    format!("{channel}:{ts} went from step {before} to {step}"),
                ));
            }
            updates += u64::from(*method == "chat.update");
        }
        Ok(updates)
    }
}

/// The number of a text that shows a step, as the model's scripts write it.
fn step(text: &str) -> Option<u64> {
    let (step, _) = text.strip_prefix("Step ")?.split_once(" of ")?;
    step.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use sim::{oracles::History, world::FailureKind};

    fn judge(steps: [u64; 3]) -> Option<(&'static str, FailureKind)> {
        let history = steps.into_iter().fold(History::new(&[]), |history, step| {
            history.slack(SlackFact::Applied {
                method: "chat.update",
                channel: "C1".to_owned(),
                ts: "1.1".to_owned(),
                thread_ts: None,
                text: Some(format!("Step {step} of 3")),
                metadata: None,
            })
        });
        history.verdict(&Updates)
    }

    #[test]
    fn a_step_may_stand_still_and_never_goes_backwards() {
        assert_eq!(judge([1, 2, 2]), None);
        assert_eq!(judge([1, 3, 2]), Some(("backwards", SAFETY)));
    }
}
