//! Reads the logs and the streams' stored core states. Asserts what is configured, from the payloads
//! themselves: of every key the latest supported configuration stands, whatever legacy shape came
//! before or after it (spec §1.8; B-13), and a key that never had one is not dialed. Does not assert
//! that a subscriber is served: see the processors' states.

use super::{Evidence, Oracle, Violation};
use crate::world::StreamLog;
use runtime::{
    event::{Event, Offset},
    stream::contract::{SUBSCRIBER_CONNECTED, SUBSCRIPTION_CONFIGURED},
};
use std::collections::BTreeMap;

pub struct Subscriptions;

impl Oracle for Subscriptions {
    fn name(&self) -> &'static str {
        "subscription"
    }

    fn asserts(&self) -> &'static str {
        "of each key the latest supported configuration stands, and no other key is dialed"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            let supported = supported(log)?;
            let Some(state) = evidence.core_states.get(&log.name) else {
                continue;
            };
            let stored = state.subscriptions_by_key.iter();
            let stored: BTreeMap<&str, Offset> = stored
                .map(|(key, subscription)| (&**key, subscription.latest_configured_event.offset))
                .collect();
            if stored != supported {
                return Err(Violation::safety(
                    "not-latest",
                    format!(
                        "stream {} has {stored:?} configured, its log {supported:?}",
                        log.name
                    ),
                ));
            }
            right += supported.len() as u64;
        }
        Ok(right)
    }
}

/// By key, where its latest callable subscriber was configured; every dialed key has one by then.
fn supported(log: &StreamLog) -> Result<BTreeMap<&str, Offset>, Violation> {
    let mut supported = BTreeMap::new();
    for event in &log.events {
        let key = text(event, "/subscriptionKey").unwrap_or_default();
        let is_callable = || text(event, "/subscriber/type") == Some("callable");
        let is_dialed = || text(event, "/direction") == Some("outbound");
        if event.kind == SUBSCRIPTION_CONFIGURED && is_callable() {
            supported.insert(key, event.offset);
        } else if event.kind == SUBSCRIBER_CONNECTED && is_dialed() && !supported.contains_key(key)
        {
            return Err(Violation::safety(
                "legacy-dialed",
                format!("stream {} dialed {key:?} at {}", log.name, event.offset),
            ));
        }
    }
    Ok(supported)
}

fn text<'a>(event: &'a Event, pointer: &str) -> Option<&'a str> {
    event.payload.as_ref()?.pointer(pointer)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, History};
    use super::*;
    use crate::world::FailureKind;
    use runtime::{
        callable::Callable,
        event::StreamName,
        stream::{
            contract::{Direction, Subscriber, SubscriberConnected, SubscriptionConfigured},
            CoreState,
        },
    };
    use serde_json::json;
    use std::sync::Arc;

    const STREAM: &str = "p1:/a";

    fn callable(key: &str) -> Entry {
        let callable = Callable::hosted_processor("COUNTER", STREAM, "counter");
        let configured = SubscriptionConfigured {
            subscription_key: key.to_owned(),
            subscriber: Subscriber::Callable { callable },
        };
        Entry::new(SUBSCRIPTION_CONFIGURED, configured)
    }

    fn legacy(key: &str) -> Entry {
        let subscriber = json!({
            "type": "built-in", "transport": "workers-rpc", "processorSlug": "counter",
        });
        let configured = json!({ "subscriptionKey": key, "subscriber": subscriber });
        Entry::new(SUBSCRIPTION_CONFIGURED, configured)
    }

    fn connected(key: &str, direction: Direction) -> Entry {
        let connected = SubscriberConnected {
            subscription_key: key.to_owned(),
            direction,
            subscriber: None,
        };
        Entry::new(SUBSCRIBER_CONNECTED, connected)
    }

    /// A stream with this log, which stored what it reduced of the first so many events.
    fn stream(
        log: impl IntoIterator<Item = Entry>,
        stored: usize,
    ) -> Option<(&'static str, FailureKind)> {
        let mut evidence = History::new(&[]).log(STREAM, log).evidence();
        let name = StreamName::parse(STREAM).expect("a name");
        let mut state = CoreState::default();
        for event in evidence.log(&name).iter().take(stored) {
            state.reduce(event).expect("it reduces");
        }
        evidence.core_states.insert(name, Arc::new(state));
        let violation = Subscriptions.judge(&evidence).err()?;
        Some((violation.class, violation.kind))
    }

    #[test]
    fn the_latest_callable_subscriber_stands_before_and_after_a_legacy_one() {
        let inbound = connected("browser", Direction::Inbound);
        let outbound = connected("a", Direction::Outbound);
        let log = [
            legacy("a"),
            callable("a"),
            outbound,
            legacy("a"),
            legacy("b"),
            inbound,
        ];
        assert_eq!(stream(log, 6), None);
        assert_eq!(
            stream([callable("a"), callable("a"), callable("b")], 3),
            None
        );
    }

    #[test]
    fn a_configuration_that_is_not_the_latest_is_wrong() {
        let not_latest = Some(("not-latest", FailureKind::Safety));
        assert_eq!(stream([callable("a"), callable("a")], 1), not_latest);
        assert_eq!(stream([callable("a"), legacy("a")], 0), not_latest, "B-13");
    }

    #[test]
    fn a_legacy_key_that_is_dialed_is_wrong() {
        let dialed = Some(("legacy-dialed", FailureKind::Safety));
        let outbound = || connected("a", Direction::Outbound);
        assert_eq!(stream([legacy("a"), outbound()], 2), dialed);
        assert_eq!(stream([outbound(), callable("a")], 2), dialed, "too early");
    }
}
