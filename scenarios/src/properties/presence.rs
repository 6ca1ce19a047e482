//! Reads the logs. Asserts that subscribers do not come and go without end: the connections of a key
//! between two events that give reason for one, which is every event that is not itself about presence,
//! are bounded; a crash may bring as many again (spec §7.8, number 8; ). A processor that fails on each connection must
//! not feed itself with new ones. Does not assert that a connection was needed.

use runtime::stream::contract::{SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many connections of one key a reason may lead to: a host tries four times for every dial, and
/// a stream dials four times in a row, and then ever less often while the way there is cut.
const CONNECTIONS_PER_REASON_MAX: u64 = 32;

pub struct Presence;

impl Oracle for Presence {
    fn name(&self) -> &'static str {
        "presence"
    }

    fn asserts(&self) -> &'static str {
        "a subscriber's connections are bounded by the reasons for one"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            right += check(log, evidence.crashes)?;
        }
        Ok(right)
    }
}

/// How many keys were connected, and not too often.
fn check(log: &StreamLog, crashes: u64) -> Result<u64, Violation> {
    let max = (1 + crashes) * CONNECTIONS_PER_REASON_MAX;
    // Since the last reason.
    let mut connections: BTreeMap<String, u64> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for event in &log.events {
        if event.kind == SUBSCRIBER_CONNECTED {
            let payload = event.payload.as_ref();
            let key = payload.and_then(|payload| payload.get("subscriptionKey")?.as_str());
            let key = key.unwrap_or_default();
            keys.insert(key.to_owned());
            let count = connections.entry(key.to_owned()).or_insert(0);
            *count += 1;
            if *count > max {
                return Err(Violation::liveness(
                    "storm",
                    format!(
                        "{} connected to {key:?} for the {count}th time at offset {}, and nothing \
                         else has happened since",
                        log.name, event.offset
                    ),
                ));
            }
        } else if event.kind != SUBSCRIBER_DISCONNECTED {
            connections.clear();
        }
    }
    Ok(keys.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::LIVENESS;
    use super::*;
    use runtime::event::EventType;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn judge(connections: usize) -> Option<(&'static str, sim::world::FailureKind)> {
        let payload = json!({ "subscriptionKey": "a", "direction": "outbound" });
        let connected = || Entry::new(SUBSCRIBER_CONNECTED, payload.clone());
        let reason = Entry::new(EventType::of("test/work"), json!({}));
        let log = (0..connections).map(|_| connected());
        let log = log.clone().chain([reason]).chain(log);
        History::new(&[]).log("p1:/a", log).verdict(&Presence)
    }

    #[test]
    fn connections_are_bounded_by_their_reasons() {
        assert_eq!(judge(0), None);
        assert_eq!(judge(32), None);
        assert_eq!(judge(33), Some(("storm", LIVENESS)));
    }
}
