//! Back-off: how long to wait before something is tried again that failed, or led to nothing. Each
//! try in a row waits twice as long as the one before, up to a longest wait. In memory: the next
//! incarnation begins anew.

use crate::event::Timestamp;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patience {
    /// Not to be tried before that; none before the first try.
    due: Option<Timestamp>,
    /// How long the next try was to wait when the last one was made.
    wait_ms: u64,
}

impl Patience {
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        self.remaining_ms(now) == 0
    }

    /// How long it is to wait still. A clock that jumped back begins the wait anew.
    pub fn remaining_ms(&mut self, now: Timestamp) -> u64 {
        let latest = now.plus_ms(self.wait_ms);
        self.due = self.due.map(|due| due.min(latest));
        self.due
            .map_or(0, |due| (due.unix_ms - now.unix_ms).max(0) as u64)
    }

    /// It is tried now; gives how long the next try is to wait. `first_ms` is what the one after the
    /// first waits, `longest_ms` what none exceeds.
    pub fn tried(&mut self, now: Timestamp, first_ms: u64, longest_ms: u64) -> u64 {
        self.wait_ms = match self.due {
            None => first_ms,
            Some(_) => (2 * self.wait_ms).min(longest_ms),
        };
        self.due = Some(now.plus_ms(self.wait_ms));
        self.wait_ms
    }

    /// Something was tried since it was new.
    pub fn is_tried(&self) -> bool {
        self.due.is_some()
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
            let wait_ms = patience.tried(now, 10_000, 320_000);
            waits_s.push(wait_ms / 1_000);
            assert!(!patience.is_due(now.plus_ms(wait_ms - 1)));
            now = now.plus_ms(wait_ms);
            assert!(patience.is_due(now));
        }
        assert_eq!(waits_s, [10, 20, 40, 80, 160, 320, 320, 320]);
    }

    #[test]
    fn a_clock_that_jumped_back_begins_the_wait_anew() {
        let (mut patience, now) = (Patience::default(), Timestamp::from_unix_ms(86_400_000));
        patience.tried(now, 10_000, 320_000);
        assert_eq!(patience.remaining_ms(now.plus_ms(4_000)), 6_000);
        let before = Timestamp::from_unix_ms(0);
        assert_eq!(patience.remaining_ms(before), 10_000);
        assert_eq!(patience.remaining_ms(before.plus_ms(4_000)), 6_000);
        assert!(patience.is_due(before.plus_ms(10_000)));
    }
}
