//! Reads the logs and the commits. Asserts that every log's offsets are 1, 2, 3, … without gap or
//! repetition, and that within one incarnation a stream's commits follow on each other (spec §7.8,
//! number 1). Does not assert that nothing acknowledged was lost: see the acknowledgement oracle.

use super::{Evidence, Oracle, Violation};
use crate::fleet::Commit;

pub struct OffsetsAreDense;

impl Oracle for OffsetsAreDense {
    fn name(&self) -> &'static str {
        "log"
    }

    fn asserts(&self) -> &'static str {
        "offsets are dense and unique, and a log only grows within an incarnation"
    }

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        for log in evidence.logs.values() {
            for (index, event) in log.events.iter().enumerate() {
                let expected = index as u64 + 1;
                if event.offset.0 != expected {
                    return Err(Violation::safety(
                        "offsets-not-dense",
                        format!(
                            "stream {}: event number {expected} has offset {}",
                            log.name, event.offset
                        ),
                    ));
                }
            }
        }
        commits_follow(&evidence.commits)
    }
}

fn commits_follow(commits: &[Commit]) -> Result<(), Violation> {
    let mut last: std::collections::BTreeMap<(&_, u64), u64> = Default::default();
    for commit in commits {
        let lane = (&commit.stream, commit.incarnation);
        if let Some(before) = last.insert(lane, commit.last) {
            if commit.first != before + 1 {
                return Err(Violation::safety(
                    "rewritten",
                    format!(
                        "{}@{} committed offset {} after {before}",
                        commit.stream, commit.incarnation, commit.first
                    ),
                ));
            }
        }
    }
    Ok(())
}
