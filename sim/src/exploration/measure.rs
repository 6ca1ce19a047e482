//! Measuring: rounds of one operation, alternating with rounds of a bare twin, and medians.
//!
//! A machine's speed drifts while it is measured. Alternate rounds meet the same drift on both
//! sides, and the median leaves the round out in which something else woke up.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// How many rounds a measurement is divided into, at most; odd, so that there is a median round.
const ROUNDS_MAX: u64 = 7;

/// How much of one unit a round got done, such as 60 worlds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done {
    pub unit: &'static str,
    pub amount: f64,
}

/// Something worth measuring.
pub struct Bench<'a> {
    pub name: String,
    /// Does the operations of these numbers, and says what that amounts to, in one unit or more.
    pub ours: Box<dyn FnMut(Range<u64>) -> Vec<Done> + 'a>,
    /// Does as many operations without us; compared with the first unit of `ours`.
    pub bare: Option<Box<dyn FnMut(Range<u64>) + 'a>>,
}

/// One line of results.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub name: String,
    pub unit: &'static str,
    /// Of that unit, in all rounds together.
    pub n: f64,
    pub ns_per_op: f64,
    pub bare_ns_per_op: Option<f64>,
}

impl Measurement {
    pub fn per_s(&self) -> f64 {
        1e9 / self.ns_per_op
    }

    /// How many times as long as the bare twin.
    pub fn ratio(&self) -> Option<f64> {
        self.bare_ns_per_op.map(|bare| self.ns_per_op / bare)
    }
}

/// Does `operations` operations of a bench, in alternating rounds: a measurement for each unit.
pub fn measure(bench: &mut Bench<'_>, operations: u64) -> Vec<Measurement> {
    let mut ours: Vec<(Duration, Vec<Done>)> = Vec::new();
    let mut bare: Vec<f64> = Vec::new();
    for round in rounds(operations) {
        let size = (round.end - round.start) as f64;
        let started = Instant::now();
        let done = (bench.ours)(round.clone());
        ours.push((started.elapsed(), done));
        if let Some(run_bare) = &mut bench.bare {
            let started = Instant::now();
            run_bare(round);
            bare.push(started.elapsed().as_nanos() as f64 / size);
        }
    }
    let mut bare_ns_per_op = median(bare);
    let units: Vec<&'static str> = match ours.first() {
        Some((_, done)) => done.iter().map(|done| done.unit).collect(),
        None => Vec::new(),
    };
    let measurement = |(place, unit): (usize, &'static str)| {
        let amounts = ours.iter().map(|(wall, done)| (wall, done[place].amount));
        let costs = amounts
            .clone()
            .filter(|(_, amount)| *amount > 0.0)
            .map(|(wall, amount)| wall.as_nanos() as f64 / amount);
        Some(Measurement {
            name: bench.name.clone(),
            unit,
            n: amounts.map(|(_, amount)| amount).sum(),
            ns_per_op: median(costs.collect())?,
            bare_ns_per_op: bare_ns_per_op.take(),
        })
    };
    units
        .into_iter()
        .enumerate()
        .filter_map(measurement)
        .collect()
}

/// Splits `0..operations` into rounds of nearly the same size.
pub fn rounds(operations: u64) -> impl Iterator<Item = Range<u64>> {
    let rounds = operations.min(ROUNDS_MAX);
    (0..rounds).map(move |round| {
        let edge = |round: u64| operations * round / rounds;
        edge(round)..edge(round + 1)
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn rounds_alternate_and_cover_every_operation_once() {
        let order = RefCell::new(Vec::new());
        let mut bench = Bench {
            name: "sleep".to_owned(),
            ours: Box::new(|range| {
                std::thread::sleep(Duration::from_millis(2 * (range.end - range.start)));
                let amount = (range.end - range.start) as f64;
                order.borrow_mut().push(("ours", range));
                let twice = amount * 2.0;
                vec![
                    Done {
                        unit: "nap",
                        amount,
                    },
                    Done {
                        unit: "half nap",
                        amount: twice,
                    },
                ]
            }),
            bare: Some(Box::new(|range| {
                std::thread::sleep(Duration::from_millis(range.end - range.start));
                order.borrow_mut().push(("bare", range));
            })),
        };
        let measurements = measure(&mut bench, 9);
        drop(bench);
        let order = order.into_inner();
        assert_eq!(order.len(), 2 * ROUNDS_MAX as usize);
        assert!(order.chunks(2).all(|pair| pair[0].1 == pair[1].1));
        let covered: u64 = order.iter().map(|(_, range)| range.end - range.start).sum();
        assert_eq!(covered, 2 * 9);
        let [nap, half] = &measurements[..] else {
            panic!("two units, two measurements");
        };
        assert_eq!((nap.n, half.n), (9.0, 18.0));
        assert!(nap.ns_per_op > half.ns_per_op);
        assert!(nap.ratio().is_some() && half.ratio().is_none());
    }

    #[test]
    fn nothing_done_is_not_a_measurement() {
        let mut bench = Bench {
            name: "idle".to_owned(),
            ours: Box::new(|_| {
                vec![Done {
                    unit: "event",
                    amount: 0.0,
                }]
            }),
            bare: None,
        };
        assert_eq!(measure(&mut bench, 3), []);
        assert_eq!(measure(&mut bench, 0), []);
    }
}
