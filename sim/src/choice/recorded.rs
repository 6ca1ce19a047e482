//! A given list of decisions; everything else takes its default.

use super::{Choice, Chooser, Shape};
use rustc_hash::FxHashMap;
use std::sync::Arc;

pub struct Recorded {
    decisions: FxHashMap<(String, Arc<str>, u32), u64>,
}

impl Recorded {
    /// Each decision is site name, subject, occurrence and value.
    pub fn new(decisions: impl IntoIterator<Item = (String, Arc<str>, u32, u64)>) -> Self {
        Recorded {
            decisions: decisions
                .into_iter()
                .map(|(site, subject, n, value)| ((site, subject, n), value))
                .collect(),
        }
    }
}

impl Chooser for Recorded {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        let name = (
            choice.site.name.to_owned(),
            choice.subject.text().clone(),
            choice.n,
        );
        let recorded = self.decisions.get(&name).copied();
        // There may be fewer variants, or fewer things to choose from, than when it was recorded.
        let is_there = |value: &u64| match choice.shape {
            Shape::OneOf { .. } | Shape::Below { .. } => choice.shape.holds(*value),
            _ => true,
        };
        recorded.filter(is_there).unwrap_or(0)
    }
}
