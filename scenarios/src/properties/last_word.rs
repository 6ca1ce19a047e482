//! Reads the logs, the checkpoints, and when the workload held that nobody was still on the way.
//! Asserts that a subscriber whose key was given another target got nothing of what came after that
//! (spec §1.8: the latest configuration of a key wins; B-16). That the new target got everything is
//! the processors' states' matter.

use crate::readings::all;
use runtime::{
    event::{Event, Offset, StreamName},
    stream::contract::{Subscriber, SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
};
use serde::Deserialize;
use sim::oracles::{Evidence, Oracle, Violation};
use std::{collections::BTreeMap, sync::Arc};

pub struct LastWord;

#[derive(Deserialize)]
struct Settled {
    stream: String,
    offset: Offset,
}

impl Oracle for LastWord {
    fn name(&self) -> &'static str {
        "last-word"
    }

    fn asserts(&self) -> &'static str {
        "a subscriber whose key was given another target gets nothing any more"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for observation in evidence.observed("settled") {
            let settled = Settled::deserialize(&observation.value).expect("as it was written");
            let stream = StreamName::parse(&settled.stream).expect("a stream's name");
            for (key, targets) in targets(evidence.log(&stream)) {
                right += check(evidence, &settled, &key, &targets)?;
            }
        }
        Ok(right)
    }
}

/// By key, the bindings whose objects of the stream's name were configured, in order.
fn targets(log: &[Arc<Event>]) -> BTreeMap<String, Vec<String>> {
    let mut targets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in all(log, SUBSCRIPTION_CONFIGURED) {
        let Ok(configured) = event.payload::<SubscriptionConfigured>() else {
            continue;
        };
        let Subscriber::Callable { callable } = configured.subscriber else {
            continue;
        };
        let Some(hosted) = callable.as_hosted_processor() else {
            continue;
        };
        let of_key = targets.entry(configured.subscription_key).or_default();
        of_key.push(hosted.binding_name.to_owned());
    }
    targets
}

/// How many targets had lost the key, and got nothing.
fn check(
    evidence: &Evidence,
    settled: &Settled,
    key: &str,
    targets: &[String],
) -> Result<u64, Violation> {
    let mut right = 0;
    let winner = targets.last();
    let losers = targets.iter().filter(|target| Some(*target) != winner);
    for loser in losers {
        let served = evidence.processors.iter().find(|stored| {
            *stored.object.binding == **loser
                && *stored.object.name == *settled.stream
                && stored.offset >= settled.offset
        });
        if let Some(served) = served {
            return Err(Violation::safety(
                "loser-served",
                format!(
                    "{} is at {}, and long before {} its key {key:?} had gone to {winner:?}",
                    served.object, served.offset, settled.offset
                ),
            ));
        }
        right += 1;
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use runtime::callable::Callable;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const STREAM: &str = "p1:/a";

    fn configured(binding: &str) -> Entry {
        let callable = Callable::hosted_processor(binding, STREAM, "echo");
        let configured = SubscriptionConfigured {
            subscription_key: "echo".to_owned(),
            subscriber: Subscriber::Callable { callable },
        };
        Entry::new(SUBSCRIPTION_CONFIGURED, configured)
    }

    /// The key goes to the first, then to the second; the world settles at 5.
    fn judge(first: u64, second: u64) -> Option<(&'static str, FailureKind)> {
        History::new(&[])
            .log(STREAM, [configured("FIRST"), configured("SECOND")])
            .observed("settled", json!({ "stream": STREAM, "offset": 5 }))
            .checkpoint("FIRST", STREAM, "echo", first, json!({}))
            .checkpoint("SECOND", STREAM, "echo", second, json!({}))
            .verdict(&LastWord)
    }

    #[test]
    fn who_lost_the_key_gets_nothing_after_that() {
        assert_eq!(judge(4, 7), None);
        assert_eq!(judge(5, 7), Some(("loser-served", SAFETY)));
    }
}
