//! Answers from a byte string: the door for fuzzers and for proptest.
//!
//! There are two: one for what operations are made of, one for everything else, so that what people do
//! can change without shifting what happens to them. Every byte string is an answer to every world. Choices take bytes in the order in which they come
//! up; when the string is used up, everything takes its default. Few bytes matter and most values
//! of a byte mean the default, so a short or a dull string is a calm world, and a fuzzer that
//! shortens a string or puts zeroes in it calms the world down.
//!
//! | the choice | its first byte | then |
//! | --- | --- | --- |
//! | a fault | below `0xF0`: the default | – |
//! | a draw of the workload or of a peer | below `0x80`: the default | – |
//! | yes or no | yes | – |
//! | a delay, a variant, a number | not the default | one byte of the value for every 256 that there are, at most 8, the highest first; missing ones are 0 |
//!
//! A value's bytes are scaled onto its range, so 0 is its least and `0xFF…` its greatest: a fuzzer
//! that counts a byte down makes a delay shorter. What the encoding does not give: a byte that
//! stands for the same choice in another world. One more choice shifts all later ones; for that
//! there are recorded decisions.

use super::{Choice, Chooser, Role, Shape};
use std::sync::Arc;

/// Bytes below this leave a fault off: one in sixteen strikes.
const FAULT_FROM: u8 = 0xF0;
/// Bytes below this leave a draw at its default.
const DRAW_FROM: u8 = 0x80;

pub struct Bytes {
    operations: Tape,
    others: Tape,
}

impl Bytes {
    /// The first string answers what operations are made of, the second one everything else.
    pub fn new(operations: impl Into<Arc<[u8]>>, others: impl Into<Arc<[u8]>>) -> Self {
        let tape = |bytes| Tape { bytes, at: 0 };
        Bytes {
            operations: tape(operations.into()),
            others: tape(others.into()),
        }
    }
}

struct Tape {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Tape {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// A number of `first..=last`, from as many bytes as it takes.
    fn within(&mut self, first: u64, last: u64) -> u64 {
        let span = u128::from(last - first) + 1;
        let (mut number, mut count) = (0u128, 1u128);
        while count < span {
            number = number << 8 | u128::from(self.next().unwrap_or(0));
            count <<= 8;
        }
        first + (number * span / count) as u64
    }
}

impl Chooser for Bytes {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        let (tape, from) = match choice.site.role {
            Role::Fault => (&mut self.others, FAULT_FROM),
            Role::Draw => (&mut self.others, DRAW_FROM),
            Role::Operation => (&mut self.operations, DRAW_FROM),
        };
        if tape.next().is_none_or(|byte| byte < from) {
            return 0;
        }
        match choice.shape {
            Shape::YesNo { .. } => 1,
            Shape::Delay { min_ms, max_ms, .. } => tape.within(min_ms, max_ms),
            Shape::Bytes {
                min_bytes,
                max_bytes,
                ..
            } => tape.within(min_bytes, max_bytes),
            Shape::OneOf { variants: [], .. } => 0,
            Shape::OneOf { variants, .. } => tape.within(1, variants.len() as u64),
            Shape::Below { count: 0 | 1 } => 0,
            Shape::Below { count } => tape.within(1, count - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Site, Subject};
    use super::*;
    use proptest::prelude::*;

    const SHAPES: [Shape; 8] = [
        Shape::YesNo { rate: 0.1 },
        Shape::Delay {
            rate: 0.1,
            min_ms: 10,
            max_ms: 20_000,
        },
        Shape::Delay {
            rate: 0.1,
            min_ms: 0,
            max_ms: u64::MAX,
        },
        Shape::OneOf {
            rate: 0.1,
            variants: &["early", "late", "never"],
        },
        Shape::Below { count: 0 },
        Shape::Below { count: 1 },
        Shape::Below { count: 300 },
        Shape::Below { count: u64::MAX },
    ];

    static FAULT: Site = Site::fault("fault", SHAPES[0], "is a fault");
    static DRAW: Site = Site::draw("draw", SHAPES[0], "is a draw");

    fn of(bytes: &[u8]) -> Bytes {
        Bytes::new([], bytes)
    }

    #[test]
    fn operations_have_bytes_of_their_own() {
        static STEP: Site = Site::operation("step", SHAPES[6], "is a step");
        let mut bytes = Bytes::new([0x80, 7, 0], [0xF0]);
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[0]), 1);
        assert_eq!(choose(&mut bytes, &STEP, SHAPES[6]), 9);
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[0]), 0, "used up");
    }

    fn choose(bytes: &mut Bytes, site: &'static Site, shape: Shape) -> u64 {
        bytes.choose(&Choice {
            site,
            subject: &Subject::new("a"),
            n: 0,
            shape,
        })
    }

    #[test]
    fn a_string_that_is_used_up_and_a_string_of_zeroes_are_calm() {
        for mut bytes in [of(&[]), of(&[0; 32])] {
            for shape in SHAPES {
                assert_eq!(choose(&mut bytes, &FAULT, shape), 0);
                assert_eq!(choose(&mut bytes, &DRAW, shape), 0);
            }
        }
    }

    #[test]
    fn a_delay_is_scaled_onto_its_range() {
        let delay = |bytes: &[u8]| choose(&mut of(bytes), &FAULT, SHAPES[1]);
        assert_eq!(delay(&[0xEF, 0xFF, 0xFF]), 0);
        assert_eq!(delay(&[0xF0]), 10, "missing bytes are the least");
        assert_eq!(delay(&[0xF0, 0x80, 0x00]), 10_005);
        assert_eq!(delay(&[0xF0, 0xFF, 0xFF]), 20_000);
    }

    #[test]
    fn a_variant_and_a_yes_take_few_bytes() {
        let mut bytes = of(&[0xF0, 0xFF, 0xFF, 0x90, 0x00]);
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[3]), 3, "two bytes");
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[0]), 1, "one byte");
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[0]), 0, "no strike");
        assert_eq!(choose(&mut bytes, &FAULT, SHAPES[0]), 0);
        let mut bytes = of(&[0x90]);
        assert_eq!(choose(&mut bytes, &DRAW, SHAPES[0]), 1, "draws come easier");
    }

    proptest! {
        #[test]
        fn every_value_of_every_string_lies_in_its_shape(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            order in prop::collection::vec((any::<bool>(), 0..SHAPES.len()), 0..100),
        ) {
            let mut bytes = of(&bytes);
            for (is_fault, shape) in order {
                let shape = SHAPES[shape];
                let value = choose(&mut bytes, if is_fault { &FAULT } else { &DRAW }, shape);
                prop_assert!(shape.holds(value), "{value} is not in {shape:?}");
            }
        }
    }
}
