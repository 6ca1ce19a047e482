//! Reads the batches that left streams. Asserts that within one connection offsets strictly
//! increase (spec §7.8, number 3). Does not assert that a batch arrived, nor that a filter was
//! right.

use super::{Evidence, Oracle, Violation};
use std::collections::BTreeMap;

pub struct DeliveriesIncrease;

impl Oracle for DeliveriesIncrease {
    fn name(&self) -> &'static str {
        "delivery"
    }

    fn asserts(&self) -> &'static str {
        "within one connection, delivered offsets strictly increase"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut last = BTreeMap::new();
        let mut right = 0;
        for delivery in evidence.deliveries.iter().filter(|batch| batch.first > 0) {
            let connection = (&delivery.stream, delivery.incarnation, delivery.connection);
            let before = last.insert(connection, delivery.last).unwrap_or(0);
            if delivery.first <= before || delivery.last < delivery.first {
                return Err(Violation::safety(
                    "not-increasing",
                    format!(
                        "{}@{} delivered {}..={} to {} after {before}",
                        delivery.stream,
                        delivery.incarnation,
                        delivery.first,
                        delivery.last,
                        delivery.key
                    ),
                ));
            }
            // Something to compare: with the batch before it, or within itself.
            right += u64::from(before > 0 || delivery.last > delivery.first);
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::*;
    use crate::world::FailureKind;

    fn judge(history: History) -> Option<(&'static str, FailureKind)> {
        history.verdict(&DeliveriesIncrease)
    }

    fn delivered(connections: &[(u64, u64)], batches: &[(u64, u64)]) -> History {
        let batches = connections.iter().zip(batches);
        batches.fold(History::new(&[]), |history, (connection, batch)| {
            history.delivery("p1:/a", *connection, *batch)
        })
    }

    const NOT_INCREASING: Option<(&str, FailureKind)> =
        Some(("not-increasing", FailureKind::Safety));

    #[test]
    fn a_connection_that_goes_on_is_right() {
        let one = [(1, 1); 4];
        assert_eq!(
            judge(delivered(&one, &[(1, 3), (4, 4), (0, 0), (7, 9)])),
            None
        );
    }

    #[test]
    fn an_event_delivered_again_on_the_same_connection_is_wrong() {
        let one = [(1, 1); 2];
        assert_eq!(judge(delivered(&one, &[(1, 3), (3, 4)])), NOT_INCREASING);
        assert_eq!(judge(delivered(&one, &[(4, 6), (1, 2)])), NOT_INCREASING);
    }

    #[test]
    fn a_batch_that_runs_backwards_is_wrong() {
        assert_eq!(judge(delivered(&[(1, 1)], &[(4, 2)])), NOT_INCREASING);
    }

    #[test]
    fn another_connection_or_incarnation_may_begin_anew() {
        let anew = [(1, 1), (1, 2), (2, 1)];
        assert_eq!(judge(delivered(&anew, &[(1, 3), (1, 3), (2, 3)])), None);
    }
}
