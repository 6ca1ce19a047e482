//! Reads Slack's ledger and the lifetimes of the integration. Asserts that nothing is posted into a
//! thread whose first message was deleted (peers §5.5, S8). Slack cannot post on condition, and Slack
//! tells nobody in the thread: who looks and then posts may be overtaken. So a post counts when the
//! deletion was [`OVERTAKEN_MS`] before it, the time in which the integration stood still not counted; a
//! deletion later than that is what excuses it.

use super::acknowledged_is_durable::integration;
use processors::slack::object::BINDING;
use runtime::call::ObjectName;
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
                    let stood_still_ms = |since| stood_still_ms(evidence, since, entry.at_ms);
                    let is_overdue = |since: &u64| {
                        let passed_ms = entry.at_ms - since;
                        passed_ms > OVERTAKEN_MS
                            && passed_ms - stood_still_ms(*since) > OVERTAKEN_MS
                    };
                    if since.is_some_and(is_overdue) {
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

/// For how long a life of the integration stood still between the deletion and the post. Who looks and
/// who posts is the same incarnation.
fn stood_still_ms(evidence: &Evidence, deleted_ms: u64, posted_ms: u64) -> u64 {
    let poster = ObjectName::new(BINDING, integration().to_string());
    let lives = evidence.lifetimes.iter();
    lives
        .filter(|life| life.object == poster)
        .map(|life| life.stood_still_ms(deleted_ms, posted_ms))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use sim::oracles::History;

    const POST: Option<(&str, sim::world::FailureKind)> = Some(("post", SAFETY));

    /// A thread that is deleted after a second.
    fn deleted() -> History {
        let deleted = SlackFact::Deleted {
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
        };
        History::new(&[]).at(1_000).slack(deleted)
    }

    fn judge(history: History, posted_ms: u64) -> Option<(&'static str, sim::world::FailureKind)> {
        let post = SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C1".to_owned(),
            ts: "2.1".to_owned(),
            thread_ts: Some("1.1".to_owned()),
            text: None,
            metadata: None,
        };
        history.at(posted_ms).slack(post).verdict(&DeletedThreads)
    }

    #[test]
    fn a_post_may_be_overtaken_and_not_come_later() {
        assert_eq!(judge(deleted(), 21_000), None);
        assert_eq!(judge(deleted(), 21_001), POST);
    }

    #[test]
    fn while_who_posts_stands_still_no_time_counts() {
        let still = |object, from_ms: u64| {
            let history = deleted().at(from_ms).begins(BINDING, object);
            history.stands_still(BINDING, object, 5_000)
        };
        let integration = "p1:/integrations/slack";
        assert_eq!(judge(still(integration, 2_000), 26_000), None);
        assert_eq!(judge(still(integration, 2_000), 26_001), POST);
        assert_eq!(judge(still(THREAD, 2_000), 26_000), POST);
        let before = still(integration, 0);
        assert_eq!(
            judge(before, 26_000),
            POST,
            "most of it before the deletion"
        );
    }
}
