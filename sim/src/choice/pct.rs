//! Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010), adapted to labelled choices.
//!
//! There, threads run by priority, and at `d` points of a run, drawn by the seed, the priority of
//! whoever runs is lowered below all others. Here, everything takes its default way, and at up to
//! `d` points whatever could be delayed is held back far: all that is under way meanwhile goes
//! first. A bug that needs few things to be late is then not hidden among many other delays. All
//! other faults stay off, crashes as well: a world is about order alone.
//!
//! Where the points lie: the length of a run, in choices of a delay, is not known before its end,
//! and a first run to learn it would make a plan two worlds. So the seed guesses it, as a power of
//! two, and each choice is a point with probability `d / length`, by its own name; after `d` points
//! there are no more. Too short a guess puts the points early, too long a guess leaves some out; one
//! guess in ten is about right for any run from 16 to 8,000 choices.
//!
//! What a pass does not mean: PCT's guarantee, a probability of `1 / (n k^(d-1))` to find a bug of
//! depth `d`, holds for the guesses that fit only, and a bug that needs a crash is never found.

use super::{Choice, Chooser, Generator, Role, Shape};

/// The guesses of a run's length: two to the power of these.
const LENGTHS: std::ops::Range<u64> = 4..14;

/// Apart from all draws at sites, whose keys are hashes of names.
const LENGTH_KEY: u64 = 0x9C_7001;

pub struct Pct {
    generator: Generator,
    /// Points that are left.
    left: u32,
    /// Of a choice, to be a point.
    probability: f64,
}

impl Pct {
    /// At most `depth` points.
    pub fn new(seed: u64, depth: u32) -> Self {
        let generator = Generator::new(seed);
        let count = LENGTHS.end - LENGTHS.start;
        let power = LENGTHS.start + generator.number(LENGTH_KEY, 0) % count;
        Pct {
            generator,
            left: depth,
            probability: f64::from(depth) / (1u64 << power) as f64,
        }
    }
}

impl Chooser for Pct {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        let key = choice.site.key(choice.subject);
        if choice.site.role != Role::Fault {
            return self.generator.value(key, choice.n, choice.shape, 1.0);
        }
        let Shape::Delay { min_ms, max_ms, .. } = choice.shape else {
            return 0;
        };
        if self.left == 0 || choice.site.is_planned {
            return 0;
        }
        // In the upper half of its range: far beyond what is ordinary.
        let far = Shape::Delay {
            rate: self.probability,
            min_ms: min_ms.midpoint(max_ms),
            max_ms,
        };
        let value = self.generator.value(key, choice.n, far, 1.0);
        if value != 0 {
            self.left -= 1;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Site, Subject};
    use super::*;

    static DELAY: Site = Site::fault(
        "rpc.delay",
        Shape::Delay {
            rate: 0.0,
            min_ms: 2,
            max_ms: 3_000,
        },
        "delays",
    );
    static PLANNED: Site = Site::fault("crash.at-time", DELAY.shape, "dies then").planned();
    static CRASH: Site = Site::fault("crash", Shape::YesNo { rate: 1.0 }, "dies");
    static DRAW: Site = Site::draw("draw", Shape::Below { count: 1_000 }, "is drawn");

    fn values(pct: &mut Pct, site: &'static Site, count: u32) -> Vec<u64> {
        let subject = Subject::new("a");
        let choose = |n| {
            pct.choose(&Choice {
                site,
                subject: &subject,
                n,
                shape: site.shape,
            })
        };
        (0..count).map(choose).collect()
    }

    /// The places of the points among `count` choices.
    fn points(seed: u64, depth: u32, count: u32) -> Vec<usize> {
        let values = values(&mut Pct::new(seed, depth), &DELAY, count);
        assert!(values
            .iter()
            .all(|value| *value == 0 || (1_501..=3_000).contains(value)));
        let places = values.iter().enumerate().filter(|(_, value)| **value != 0);
        places.map(|(place, _)| place).collect()
    }

    #[test]
    fn there_are_at_most_as_many_points_as_the_depth_and_they_are_far() {
        let counts: Vec<usize> = (0..200).map(|seed| points(seed, 3, 1_000).len()).collect();
        assert_eq!(counts.iter().max(), Some(&3));
        let full = counts.iter().filter(|count| **count == 3).count();
        assert!(full > 100, "{full} of 200 worlds have all their points");
    }

    #[test]
    fn points_lie_early_and_late_in_runs_of_any_length() {
        for length in [20, 200, 2_000, 10_000] {
            let places: Vec<usize> = (0..400).flat_map(|seed| points(seed, 3, length)).collect();
            for quarter in 0..4 {
                let from = quarter * length as usize / 4;
                let in_it = |place: &&usize| (from..from + length as usize / 4).contains(*place);
                let count = places.iter().filter(in_it).count();
                assert!(count >= 10, "{count} in quarter {quarter} of {length}");
            }
        }
    }

    #[test]
    fn other_faults_stay_off_and_draws_are_drawn() {
        let mut pct = Pct::new(1, 1_000);
        assert_eq!(values(&mut pct, &CRASH, 100), [0; 100]);
        assert_eq!(values(&mut pct, &PLANNED, 100), [0; 100]);
        let drawn = values(&mut pct, &DRAW, 100);
        assert!(drawn.iter().filter(|value| **value != 0).count() > 90);
    }
}
