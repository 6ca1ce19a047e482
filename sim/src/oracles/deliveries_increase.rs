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

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        let mut last = BTreeMap::new();
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
        }
        Ok(())
    }
}
