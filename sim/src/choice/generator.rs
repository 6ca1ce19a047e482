//! Random numbers by name: a pure function of seed, site, subject and occurrence.

use super::Shape;
use rand_chacha::{
    rand_core::{Rng, SeedableRng},
    ChaCha8Rng,
};

/// ChaCha8 keyed by the seed; the stream number names the choice, the word position its occurrence.
pub struct Generator {
    base: ChaCha8Rng,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Generator {
            base: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The number of occurrence `n` of the choice that hashes to `key`.
    pub fn number(&self, key: u64, n: u32) -> u64 {
        let mut generator = self.base.clone();
        generator.set_stream(key);
        generator.set_word_pos(u128::from(n) * 2);
        generator.next_u64()
    }

    /// A value of `shape`, from one number; `scale` multiplies the rate.
    pub fn value(&self, key: u64, n: u32, shape: Shape, scale: f64) -> u64 {
        let rate = match shape {
            Shape::Below { count } => return ranged(self.number(key, n), 0, count),
            Shape::YesNo { rate }
            | Shape::Delay { rate, .. }
            | Shape::Bytes { rate, .. }
            | Shape::OneOf { rate, .. } => rate * scale,
        };
        if rate <= 0.0 {
            return 0;
        }
        let number = self.number(key, n);
        let chance = (number >> 32) as f64 / (1u64 << 32) as f64;
        if chance >= rate {
            return 0;
        }
        let low = number << 32;
        match shape {
            Shape::YesNo { .. } => 1,
            Shape::Delay { min_ms, max_ms, .. } => ranged(low, min_ms, max_ms + 1),
            Shape::Bytes {
                min_bytes,
                max_bytes,
                ..
            } => ranged(low, min_bytes, max_bytes + 1),
            Shape::OneOf { variants, .. } => ranged(low, 1, variants.len() as u64 + 1),
            Shape::Below { .. } => unreachable!("returned above"),
        }
    }
}

/// Maps a number onto `from..to` by its high bits.
fn ranged(number: u64, from: u64, to: u64) -> u64 {
    from + ((u128::from(number) * u128::from(to - from)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_depends_on_its_name_alone() {
        let one = Generator::new(7);
        let two = Generator::new(7);
        one.number(3, 0);
        assert_eq!(one.number(1, 5), two.number(1, 5));
        assert_ne!(one.number(1, 5), one.number(1, 6));
        assert_ne!(one.number(1, 5), Generator::new(8).number(1, 5));
    }

    #[test]
    fn values_stay_in_their_shape() {
        let generator = Generator::new(1);
        let shape = Shape::Delay {
            rate: 0.5,
            min_ms: 10,
            max_ms: 20,
        };
        let values: Vec<u64> = (0..1000)
            .map(|n| generator.value(9, n, shape, 1.0))
            .collect();
        assert!(values.iter().all(|v| *v == 0 || (10..=20).contains(v)));
        let hits = values.iter().filter(|v| **v != 0).count();
        assert!((400..600).contains(&hits), "{hits} of 1000 at rate 0.5");
        assert!(values.contains(&10) && values.contains(&20));
    }
}
