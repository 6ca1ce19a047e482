//! Reads Slack's ledger. Asserts that no channel gets more posts of the app than Slack allows: about
//! one a second with bursts (peers §4.4), which is taken as [`BURST`] more than a second each in any
//! ten. Does not assert who waited for whom, nor that a limit that Slack stated was kept.

use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeMap;

const WINDOW_MS: u64 = 10_000;
const BURST: usize = 10;
const POSTS_MAX: usize = WINDOW_MS as usize / 1_000 + BURST;

pub struct Pace;

impl Oracle for Pace {
    fn name(&self) -> &'static str {
        "pace"
    }

    fn asserts(&self) -> &'static str {
        "no channel gets more posts than about one a second, with bursts"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut posts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for entry in &evidence.slack {
            if let SlackFact::Applied {
                method: "chat.postMessage",
                channel,
                ..
            } = &entry.what
            {
                posts.entry(channel).or_default().push(entry.at_ms);
            }
        }
        for (channel, at_ms) in &posts {
            let windows = at_ms.windows(POSTS_MAX + 1);
            let too_fast = |window: &&[u64]| window[POSTS_MAX] - window[0] < WINDOW_MS;
            if let Some(window) = windows.into_iter().find(too_fast) {
                return Err(Violation::safety(
                    "too-fast",
                    format!(
                        "{channel} got {} posts from {} ms on",
                        window.len(),
                        window[0]
                    ),
                ));
            }
        }
        Ok(posts.values().map(|at_ms| at_ms.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use sim::{oracles::History, world::FailureKind};

    fn judge(gap_ms: u64) -> Option<(&'static str, FailureKind)> {
        let history = (0..=POSTS_MAX as u64).fold(History::new(&[]), |history, number| {
            let post = SlackFact::Applied {
                method: "chat.postMessage",
                channel: "C1".to_owned(),
                ts: number.to_string(),
                thread_ts: None,
                text: None,
                metadata: None,
            };
            history.at(number * gap_ms).slack(post)
        });
        history.verdict(&Pace)
    }

    #[test]
    fn two_a_second_for_ten_seconds_are_the_limit() {
        assert_eq!(judge(500), None);
        assert_eq!(judge(499), Some(("too-fast", SAFETY)));
    }
}
