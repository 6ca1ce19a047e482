//! Whole worlds from chance that is not ours: for property tests and for fuzzers.
//!
//! A [`WorldBytes`] is a scenario, a seed, and two byte strings: what people do is drawn from the one,
//! what goes other than usual from the other (see [`choice::Bytes`](crate::choice::Bytes)). Any value is
//! a world; shorter strings and smaller bytes are calmer ones. So a generator needs to know nothing, and
//! what it shrinks or mutates of people does not shift what happens to them.
//!
//! - [`strategy()`]: for proptest. [`WorldBytes`] is [`Arbitrary`] for fuzzers.

use crate::{
    scenario::Scenario,
    world::{Answers, Plan},
};
use arbitrary::{Arbitrary, Unstructured};
use proptest::{collection::vec, prelude::*};

/// A world, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldBytes {
    /// Which of the scenarios, modulo their number.
    pub scenario: u8,
    /// Of identifiers, and of the scheduler.
    pub seed: u16,
    pub operations: Vec<u8>,
    pub decisions: Vec<u8>,
}

impl WorldBytes {
    /// # Panics
    /// There is no scenario.
    pub fn plan(&self, scenarios: &[&'static dyn Scenario]) -> Plan {
        let scenario = scenarios[usize::from(self.scenario) % scenarios.len()];
        Plan {
            answers: Answers::Bytes {
                operations: self.operations.as_slice().into(),
                others: self.decisions.as_slice().into(),
            },
            ..Plan::new(scenario, u64::from(self.seed))
        }
    }
}

/// The decisions take what is left of the bytes after the operations.
impl<'a> Arbitrary<'a> for WorldBytes {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (scenario, seed) = (bytes.arbitrary()?, bytes.arbitrary()?);
        let operations = usize::from(bytes.arbitrary::<u8>()?).min(bytes.len());
        Ok(WorldBytes {
            scenario,
            seed,
            operations: bytes.bytes(operations)?.to_vec(),
            decisions: bytes.bytes(bytes.len())?.to_vec(),
        })
    }
}

const OPERATION_BYTES_MAX: usize = 64;
const DECISION_BYTES_MAX: usize = 2_000;
/// How many of a thousand bytes of decisions strike.
const STRIKES_OF_1000: u32 = 25;

/// Every world of so many scenarios, at about the faults of an ordinary swarm.
pub fn strategy(scenarios: u8) -> impl Strategy<Value = WorldBytes> {
    let byte = prop_oneof![
        1_000 - STRIKES_OF_1000 => Just(0u8),
        STRIKES_OF_1000 => any::<u8>().prop_map(|byte| byte | 0xF0),
    ];
    let decisions = vec(byte, 0..DECISION_BYTES_MAX);
    let operations = vec(any::<u8>(), 0..OPERATION_BYTES_MAX);
    (0..scenarios.max(1), any::<u16>(), operations, decisions).prop_map(
        |(scenario, seed, operations, decisions)| WorldBytes {
            scenario,
            seed,
            operations,
            decisions,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_a_world() {
        let world = |bytes: &[u8]| WorldBytes::arbitrary(&mut Unstructured::new(bytes)).unwrap();
        let expected = WorldBytes {
            scenario: 7,
            seed: 0x0201,
            operations: vec![5, 6],
            decisions: vec![0xF0, 1],
        };
        assert_eq!(world(&[7, 1, 2, 2, 5, 6, 0xF0, 1]), expected);
        assert_eq!(world(&[7, 1, 2, 200, 5]).operations, [5]);
        assert!(world(&[]).decisions.is_empty());
    }
}
