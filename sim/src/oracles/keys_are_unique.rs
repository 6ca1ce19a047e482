//! Reads the logs. Asserts that an idempotency key stands at most once in a stream (spec §7.8,
//! number 4). Does not assert that two events without keys differ.

use super::{Evidence, Oracle, Violation};
use std::collections::BTreeMap;

pub struct KeysAreUnique;

impl Oracle for KeysAreUnique {
    fn name(&self) -> &'static str {
        "key"
    }

    fn asserts(&self) -> &'static str {
        "an idempotency key stands at most once in a stream"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            let mut seen = BTreeMap::new();
            for event in &log.events {
                let Some(key) = &event.idempotency_key else {
                    continue;
                };
                if let Some(first) = seen.insert(key, event.offset) {
                    return Err(Violation::safety(
                        "duplicate",
                        format!(
                            "stream {}: key {:?} at offsets {first} and {}",
                            log.name,
                            key.as_str(),
                            event.offset
                        ),
                    ));
                }
            }
            right += seen.len() as u64;
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{tests::tick, History};
    use super::*;
    use crate::world::FailureKind;

    #[test]
    fn a_key_that_stands_twice_in_a_stream_is_wrong() {
        let twice = [tick().keyed("a"), tick().keyed("b"), tick().keyed("a")];
        let history = History::new(&[]).log("p1:/a", twice);
        let found = Some(("duplicate", FailureKind::Safety));
        assert_eq!(history.verdict(&KeysAreUnique), found);
    }

    #[test]
    fn a_key_may_stand_in_two_streams_and_no_key_any_number_of_times() {
        let history = History::new(&[])
            .log("p1:/a", [tick().keyed("a"), tick(), tick()])
            .log("p1:/b", [tick().keyed("a")]);
        assert_eq!(history.verdict(&KeysAreUnique), None);
    }
}
