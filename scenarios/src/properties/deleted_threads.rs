//! Reads Slack's ledger and the lifetimes of posters. Asserts that nothing is posted into a thread whose first message was deleted
//! (peers §5.5, S8). Slack cannot post on condition, and Slack tells nobody in the thread: who looks
//! and then posts may be overtaken. So a post counts when the deletion was [`OVERTAKEN_MS`] before it, the
//! time in which the thread's poster stood still not counted; a deletion later than that is what
//! excuses it.

use super::posts::log_of;
use crate::slack::poster::BINDING;
use processors::slack::contract::Thread;
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
                    let stood_still_ms =
                        |since| stood_still_ms(evidence, (channel, thread_ts), since, entry.at_ms);
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

/// For how long a life of the thread's poster stood still between the deletion and the post. Who looks
/// and who posts is the same incarnation.
fn stood_still_ms(
    evidence: &Evidence,
    (channel, thread_ts): (&str, &str),
    deleted_ms: u64,
    posted_ms: u64,
) -> u64 {
    let thread = Thread {
        channel: channel.into(),
        thread_ts: thread_ts.into(),
    };
    let log = log_of(evidence, &thread);
    let poster = log.map(|log| ObjectName::new(BINDING, log.name.to_string()));
    let lives = evidence.lifetimes.iter();
    lives
        .filter(|life| Some(&life.object) == poster.as_ref())
        .map(|life| life.stood_still_ms(deleted_ms, posted_ms))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::slack::contract::THREAD_ROUTE_CONFIGURED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const POST: Option<(&str, sim::world::FailureKind)> = Some(("post", SAFETY));

    /// A thread that is deleted after a second.
    fn deleted() -> History {
        let route = json!({
            "channel": "C1", "threadTs": "1.1", "streamPath": "/agents/slack/c123/ts-1",
        });
        let deleted = SlackFact::Deleted {
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
        };
        History::new(&[])
            .log(THREAD, [Entry::new(THREAD_ROUTE_CONFIGURED, route)])
            .at(1_000)
            .slack(deleted)
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
    fn while_its_poster_stands_still_no_time_counts() {
        let still = |binding, stream, from_ms: u64| {
            let history = deleted().at(from_ms).begins(binding, stream);
            history.stands_still(binding, stream, 5_000)
        };
        assert_eq!(judge(still(BINDING, THREAD, 2_000), 26_000), None);
        assert_eq!(judge(still(BINDING, THREAD, 2_000), 26_001), POST);
        assert_eq!(judge(still(BINDING, "p1:/other", 2_000), 26_000), POST);
        let before = still(BINDING, THREAD, 0);
        assert_eq!(
            judge(before, 26_000),
            POST,
            "most of it before the deletion"
        );
    }
}
