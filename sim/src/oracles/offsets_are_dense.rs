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

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
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
            right += log.events.len() as u64;
        }
        Ok(right + commits_follow(&evidence.commits)?)
    }
}

/// How many commits follow on one of the same incarnation.
fn commits_follow(commits: &[Commit]) -> Result<u64, Violation> {
    let mut right = 0;
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
            right += 1;
        }
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::super::{tests::tick, Entry, History};
    use super::*;
    use crate::world::FailureKind;

    fn judge(history: History) -> Option<(&'static str, FailureKind)> {
        history.verdict(&OffsetsAreDense)
    }

    fn logged<const EVENTS: usize>(entries: [Entry; EVENTS]) -> History {
        History::new(&[]).log("p1:/a", entries)
    }

    const NOT_DENSE: Option<(&str, FailureKind)> = Some(("offsets-not-dense", FailureKind::Safety));
    const REWRITTEN: Option<(&str, FailureKind)> = Some(("rewritten", FailureKind::Safety));

    #[test]
    fn a_log_from_one_on_is_right() {
        assert_eq!(judge(logged([tick(), tick(), tick()])), None);
        assert_eq!(judge(logged([])), None);
    }

    #[test]
    fn a_gap_a_repetition_and_a_late_beginning_are_wrong() {
        assert_eq!(judge(logged([tick(), tick().at(3)])), NOT_DENSE);
        assert_eq!(judge(logged([tick(), tick().at(1)])), NOT_DENSE);
        assert_eq!(judge(logged([tick().at(2)])), NOT_DENSE);
    }

    #[test]
    fn commits_of_an_incarnation_follow_on_each_other() {
        let commits = |second| {
            let first = History::new(&[]).commit("p1:/a", 1, (1, 2));
            first.commit("p1:/a", 1, second)
        };
        assert_eq!(judge(commits((3, 3))), None);
        assert_eq!(judge(commits((2, 3))), REWRITTEN);
        assert_eq!(judge(commits((4, 4))), REWRITTEN);
    }

    #[test]
    fn a_new_incarnation_may_go_back_behind_what_was_lost() {
        let history = History::new(&[])
            .commit("p1:/a", 1, (1, 5))
            .commit("p1:/a", 2, (4, 4))
            .commit("p1:/b", 1, (1, 1));
        assert_eq!(judge(history), None);
    }
}
