//! Sites: the named places where something may go one way or another; and their subjects.

use std::{fmt, sync::Arc};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A named place of choice. Every site is a static that stands in a table.
#[derive(Debug, PartialEq)]
pub struct Site {
    /// Documented and stable, such as `rpc.delay`.
    pub name: &'static str,
    pub role: Role,
    pub shape: Shape,
    /// One sentence for `streamsim list`.
    pub does: &'static str,
    /// Where rate and range come from: a place in the specification, or our own judgement.
    pub rated_by: &'static str,
    /// A number of milliseconds that is not how long something waits: when something strikes, how
    /// long it lasts, or how far a clock is off.
    pub is_planned: bool,
    /// No product could repair the damage: within a budget this fires only where the scenario's
    /// budget names it.
    pub is_irreparable: bool,
}

const OWN_JUDGEMENT: &str = "own judgement";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Drawn at a rate while faults are on.
    Fault,
    /// Part of a peer's answer, or of whatever else goes on around the platform: drawn always.
    Draw,
    /// Part of an operation of the workload: drawn always, and recorded with the operation.
    Operation,
}

/// What the value of a choice ranges over. `rate` is the probability of another value than 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// 0 or 1.
    YesNo { rate: f64 },
    /// 0, or `min_ms..=max_ms`.
    Delay { rate: f64, min_ms: u64, max_ms: u64 },
    /// 0, or `min_bytes..=max_bytes`.
    Bytes {
        rate: f64,
        min_bytes: u64,
        max_bytes: u64,
    },
    /// 0, or the number of a variant, from 1.
    OneOf {
        rate: f64,
        variants: &'static [&'static str],
    },
    /// `0..count`, all equally likely.
    Below { count: u64 },
}

impl Shape {
    /// The probability of another value than 0; none where all values are equally likely.
    pub fn rate(self) -> Option<f64> {
        match self {
            Shape::Below { .. } => None,
            Shape::YesNo { rate }
            | Shape::Delay { rate, .. }
            | Shape::Bytes { rate, .. }
            | Shape::OneOf { rate, .. } => Some(rate),
        }
    }

    /// It is one of the values.
    pub fn holds(self, value: u64) -> bool {
        match self {
            Shape::YesNo { .. } => value <= 1,
            Shape::Delay { min_ms, max_ms, .. } => value == 0 || (min_ms..=max_ms).contains(&value),
            Shape::Bytes {
                min_bytes,
                max_bytes,
                ..
            } => value == 0 || (min_bytes..=max_bytes).contains(&value),
            Shape::OneOf { variants, .. } => value <= variants.len() as u64,
            Shape::Below { count } => value < count.max(1),
        }
    }
}

impl Site {
    pub const fn fault(name: &'static str, shape: Shape, does: &'static str) -> Self {
        Site {
            name,
            role: Role::Fault,
            shape,
            does,
            rated_by: OWN_JUDGEMENT,
            is_planned: false,
            is_irreparable: false,
        }
    }

    /// A fault whose damage no product could repair, such as a message that is never delivered
    /// again.
    pub const fn irreparable(name: &'static str, shape: Shape, does: &'static str) -> Self {
        Site {
            is_irreparable: true,
            ..Site::fault(name, shape, does)
        }
    }

    pub const fn draw(name: &'static str, shape: Shape, does: &'static str) -> Self {
        Site {
            name,
            role: Role::Draw,
            shape,
            does,
            rated_by: OWN_JUDGEMENT,
            is_planned: false,
            is_irreparable: false,
        }
    }

    /// What an operation of a workload is made of.
    pub const fn operation(name: &'static str, shape: Shape, does: &'static str) -> Self {
        Site {
            role: Role::Operation,
            ..Site::draw(name, shape, does)
        }
    }

    /// Rate and range come from this place in the specification.
    pub const fn rated_by(mut self, source: &'static str) -> Self {
        self.rated_by = source;
        self
    }

    /// Nothing waits that long: it is when something strikes, or how far a clock is off.
    pub const fn planned(mut self) -> Self {
        self.is_planned = true;
        self
    }

    /// A stable hash of this site with a subject.
    pub fn key(&self, subject: &Subject) -> u64 {
        xxh3_64_with_seed(self.name.as_bytes(), subject.hash)
    }
}

/// What a choice concerns, such as `agent p1:/agents/a → stream p1:/agents/a`.
#[derive(Clone, Debug)]
pub struct Subject {
    text: Arc<str>,
    hash: u64,
}

impl Subject {
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let hash = xxh3_64(text.as_bytes());
        Subject { text, hash }
    }

    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
