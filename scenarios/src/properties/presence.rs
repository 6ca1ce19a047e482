//! Reads the logs. Asserts that subscribers do not come and go without end: the connections of a key
//! are bounded by what gives reason for one, which is every event that is not itself about presence,
//! and every crash (spec §7.8, number 8; ). A processor that fails on each connection must
//! not feed itself with new ones. Does not assert that a connection was needed.

use runtime::stream::contract::{SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

/// How many connections of one key a reason may lead to: a host tries four times for every dial, and
/// a stream dials four times in a row.
const CONNECTIONS_PER_REASON_MAX: u64 = 16;

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
    let mut connections: BTreeMap<&str, u64> = BTreeMap::new();
    let mut reasons = 1 + crashes;
    for event in &log.events {
        if event.kind == SUBSCRIBER_CONNECTED {
            let key = event
                .payload
                .as_ref()
                .and_then(|payload| payload.get("subscriptionKey"));
            let key = key.and_then(|key| key.as_str()).unwrap_or_default();
            *connections.entry(key).or_insert(0) += 1;
        } else if event.kind != SUBSCRIBER_DISCONNECTED {
            reasons += 1;
        }
    }
    let max = reasons * CONNECTIONS_PER_REASON_MAX;
    let keys = connections.len() as u64;
    match connections.into_iter().find(|(_, count)| *count > max) {
        None => Ok(keys),
        Some((key, count)) => Err(Violation::liveness(
            "storm",
            format!(
                "{} was connected to {key:?} {count} times, for {reasons} reasons",
                log.name
            ),
        )),
    }
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
        let log = (0..connections).map(|_| connected()).chain([reason]);
        History::new(&[]).log("p1:/a", log).verdict(&Presence)
    }

    #[test]
    fn connections_are_bounded_by_their_reasons() {
        assert_eq!(judge(0), None);
        assert_eq!(judge(32), None);
        assert_eq!(judge(33), Some(("storm", LIVENESS)));
    }
}
