//! Back-off: how long to wait before something is tried again that failed, or led to nothing. Each
//! try in a row waits twice as long as the one before, up to 32 times. In memory: the next
//! incarnation begins anew.

use crate::event::Timestamp;

/// The most doublings.
const DOUBLINGS_MAX: u32 = 5;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    tries: u32,
    /// Not to be tried before that; none before the first try.
    due: Option<Timestamp>,
}

impl Patience {
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.remaining_ms(now) == 0
    }

    pub fn remaining_ms(&self, now: Timestamp) -> u64 {
        self.due
            .map_or(0, |due| (due.unix_ms - now.unix_ms).max(0) as u64)
    }

    /// It is tried now; gives how long the next try is to wait. `first_ms` is what the one after the
    /// first waits.
    pub fn tried(&mut self, now: Timestamp, first_ms: u64) -> u64 {
        let wait_ms = first_ms << self.tries.min(DOUBLINGS_MAX);
        self.tries += 1;
        self.due = Some(now.plus_ms(wait_ms));
        wait_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_try_waits_twice_as_long_up_to_a_bound() {
        let (mut patience, mut now) = (Patience::default(), Timestamp::from_unix_ms(0));
        assert!(patience.is_due(now));
        let mut waits_s = Vec::new();
        for _ in 0..8 {
            let wait_ms = patience.tried(now, 10_000);
            waits_s.push(wait_ms / 1_000);
            assert!(!patience.is_due(now.plus_ms(wait_ms - 1)));
            now = now.plus_ms(wait_ms);
            assert!(patience.is_due(now));
        }
        assert_eq!(waits_s, [10, 20, 40, 80, 160, 320, 320, 320]);
    }
}
