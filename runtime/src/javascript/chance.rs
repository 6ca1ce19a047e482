//! The chance of one worker: all of it follows from one seed, which the host draws.

use super::Host;
use std::cell::Cell;

/// SplitMix64, seeded when it is first asked.
#[derive(Default)]
pub(super) struct Chance(Cell<Option<u64>>);

impl Chance {
    pub(super) fn next(&self, host: &dyn Host) -> u64 {
        let state = self.0.get().unwrap_or_else(|| {
            let (high, low) = host.draw_seed().as_u64_pair();
            // Neither half is all chance: each has bits that say what kind of identifier it is.
            high ^ low.rotate_left(32)
        });
        let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(Some(state));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0, below 1.
    pub(super) fn fraction(&self, host: &dyn Host) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.next(host) >> 11) as f64 / STEPS
    }

    pub(super) fn bytes(&self, host: &dyn Host, length: usize) -> Vec<u8> {
        let words = length.div_ceil(8);
        let mut bytes: Vec<u8> = (0..words)
            .flat_map(|_| self.next(host).to_le_bytes())
            .collect();
        bytes.truncate(length);
        bytes
    }
}
