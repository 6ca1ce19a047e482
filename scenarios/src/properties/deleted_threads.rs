//! Reads Slack's ledger. Asserts that nothing is posted into a thread whose first message was deleted
//! (peers §5.5, S8). Slack cannot post on condition, and Slack tells nobody in the thread: who looks
//! and then posts may be overtaken. So a post counts when the deletion was [`OVERTAKEN_MS`] before it;
//! a deletion later than that is what excuses it.

use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::slack::SlackFact,
};
use std::collections::BTreeMap;

/// From the look to the post that it allows: two calls, of which each takes 10 s at most.
const OVERTAKEN_MS: u64 = 20_000;

pub struct DeletedThreads;

impl Oracle for DeletedThreads {
    fn name(&self) -> &'static str {
        "deleted-thread"
    }

    fn asserts(&self) -> &'static str {
        "nothing is posted into a thread that was deleted"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut deleted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut posts = 0;
        for entry in &evidence.slack {
            match &entry.what {
                SlackFact::Deleted { channel, ts } => {
                    deleted.insert((channel, ts), entry.at_ms);
                }
                SlackFact::Applied {
                    method: "chat.postMessage",
                    channel,
                    ts,
                    thread_ts: Some(thread_ts),
                    ..
                } => {
                    let since = deleted.get(&(channel.as_str(), thread_ts.as_str()));
                    if since.is_some_and(|since| since + OVERTAKEN_MS < entry.at_ms) {
                        return Err(Violation::safety(
                            "post",
                            format!("{channel}:{ts} was posted into {thread_ts}, which is gone"),
                        ));
                    }
                    posts += 1;
                }
                _ => {}
            }
        }
        Ok(posts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use sim::{oracles::History, world::FailureKind};

    fn judge(posted_at_ms: u64) -> Option<(&'static str, FailureKind)> {
        let deleted = SlackFact::Deleted {
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
        };
        let post = SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C1".to_owned(),
            ts: "2.1".to_owned(),
            thread_ts: Some("1.1".to_owned()),
            text: None,
            metadata: None,
        };
        History::new(&[])
            .at(1_000)
            .slack(deleted)
            .at(posted_at_ms)
            .slack(post)
            .verdict(&DeletedThreads)
    }

    #[test]
    fn a_post_may_be_overtaken_and_not_come_later() {
        assert_eq!(judge(21_000), None);
        assert_eq!(judge(21_001), Some(("post", SAFETY)));
    }
}
