//! Reads the logs, their commits, and who died when. Asserts that subscribers do not come and go without
//! end: the connections of a key that a stream opens between two events that give reason for one, which is
//! every event that is not itself about presence, are bounded; whoever dies in between may bring as many
//! again (spec §7.8, number 8; ). A processor that fails on each connection must not feed itself
//! with new ones. Does not assert that a connection was needed, nor judge the inbound ones: who opens those
//! comes from outside, and his call is the reason.

use runtime::{
    event::Offset,
    stream::contract::{SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED},
};
use sim::{
    oracles::{Deaths, Evidence, Oracle, Violation},
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
        let deaths = Deaths::new(&evidence.lifetimes);
        for log in evidence.logs.values() {
            right += check(evidence, log, &deaths)?;
        }
        Ok(right)
    }
}

/// How many keys were connected, and not too often.
fn check(evidence: &Evidence, log: &StreamLog, deaths: &Deaths) -> Result<u64, Violation> {
    let committed_ms = |offset| evidence.committed_ms(&log.name, offset);
    // Since the last reason.
    let mut connections: BTreeMap<String, u64> = BTreeMap::new();
    let mut reason = Offset::ZERO;
    let mut keys = BTreeSet::new();
    for event in &log.events {
        if event.kind == SUBSCRIBER_CONNECTED {
            let payload = event.payload.as_ref();
            let text = |field| payload.and_then(|payload| payload.get(field)?.as_str());
            let key = text("subscriptionKey").unwrap_or_default();
            if text("direction") == Some("inbound") {
                continue;
            }
            keys.insert(key.to_owned());
            let count = connections.entry(key.to_owned()).or_insert(0);
            *count += 1;
            let is_storm = |count: u64| {
                let began_ms = committed_ms(reason).unwrap_or(0);
                let now_ms = committed_ms(event.offset).unwrap_or(evidence.at_ms);
                count > (1 + deaths.within(began_ms, now_ms + 1)) * CONNECTIONS_PER_REASON_MAX
            };
            if *count > CONNECTIONS_PER_REASON_MAX && is_storm(*count) {
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
            reason = event.offset;
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

    const STORM: Option<(&str, sim::world::FailureKind)> = Some(("storm", LIVENESS));

    /// So many connections before a reason, and after it.
    fn connected(connections: u64) -> History {
        connected_by("outbound", connections)
    }

    fn connected_by(direction: &str, connections: u64) -> History {
        let payload = json!({ "subscriptionKey": "a", "direction": direction });
        let connected = || Entry::new(SUBSCRIBER_CONNECTED, payload.clone());
        let reason = Entry::new(EventType::of("test/work"), json!({}));
        let log = (0..connections).map(|_| connected());
        let log = log.clone().chain([reason]).chain(log);
        History::new(&[]).log("p1:/a", log)
    }

    #[test]
    fn connections_are_bounded_by_their_reasons() {
        assert_eq!(connected(0).verdict(&Presence), None);
        assert_eq!(connected(32).verdict(&Presence), None);
        assert_eq!(connected(33).verdict(&Presence), STORM);
    }

    #[test]
    fn who_comes_from_outside_comes_as_often_as_he_likes() {
        assert_eq!(connected_by("inbound", 33).verdict(&Presence), None);
    }

    /// 40 connections until 1,000 ms, then a reason, and 40 until 2,000 ms.
    fn dies(at_ms: &[u64]) -> Option<(&'static str, sim::world::FailureKind)> {
        let history = connected(40).at(1_000).commit("p1:/a", 1, (1, 41));
        let history = history.at(2_000).commit("p1:/a", 1, (42, 81));
        let died = at_ms.iter().fold(history, |history, at_ms| {
            let history = history.at(0).begins("COUNTER", "p1:/a");
            history.at(*at_ms).ends("COUNTER", "p1:/a")
        });
        died.at(9_000).verdict(&Presence)
    }

    #[test]
    fn who_dies_meanwhile_is_a_reason_and_nobody_else() {
        assert_eq!(dies(&[500, 1_500]), None);
        assert_eq!(dies(&[500, 600]), STORM, "all before the second");
        assert_eq!(dies(&[500, 2_500]), STORM, "after it");
    }
}
