//! Where runs of one world part from the first of them, and how: in order, in time, in values.

use super::{
    super::trace_difference::{first_difference, words},
    run::Run,
};
use sim::trace::TraceEvent;
use std::collections::BTreeMap;

/// Where runs part from the first of them.
pub struct Split<'a> {
    pub one: &'a Run,
    /// Of those that differ, one that does so first.
    pub other: &'a Run,
    /// How many events those two have in common.
    pub at: usize,
    /// Every run that was compared, the first of them included.
    pub runs: Vec<&'a Run>,
}

impl<'a> Split<'a> {
    /// None if all of them agree with the first.
    pub fn of(one: &'a Run, others: &[&'a Run]) -> Option<Self> {
        let parts = others.iter().filter_map(|other| {
            let difference = first_difference(&one.events, &other.events)?;
            Some((difference.common, *other))
        });
        let (at, other) = parts.min_by_key(|(at, _)| *at)?;
        let others = others.iter().copied();
        let others = others.filter(|other| !std::ptr::eq(*other, one));
        Some(Split {
            one,
            other,
            at,
            runs: std::iter::once(one).chain(others).collect(),
        })
    }

    /// The runs that differ from the first.
    pub fn differing(&self) -> impl Iterator<Item = &'a Run> + '_ {
        let runs = self.runs.iter().copied();
        runs.filter(|run| run.events != self.one.events)
    }

    /// The event at which they part, of every run that has one.
    fn events(&self) -> impl Iterator<Item = (&'a Run, &'a TraceEvent)> + '_ {
        let at = self.at;
        let runs = self.runs.iter().copied();
        runs.filter_map(move |run| Some((run, run.events.get(at)?)))
    }

    /// The values that differ there, word by word, if the events have the same form.
    pub fn values(&self) -> Vec<Vec<(&'a Run, &'a str)>> {
        let mut columns: Vec<Vec<(&Run, &str)>> = Vec::new();
        for (run, event) in self.events() {
            let words = event_words(event);
            if columns.is_empty() {
                columns = words.iter().map(|_| Vec::new()).collect();
            }
            if words.len() != columns.len() {
                return Vec::new();
            }
            for (column, word) in columns.iter_mut().zip(words) {
                column.push((run, word));
            }
        }
        columns.retain(|column| column.iter().any(|(_, word)| *word != column[0].1));
        columns
    }

    /// In which other order the same words come in every run that differs, if they do.
    pub fn order(&self) -> Option<Order> {
        let orders = self.differing().map(|run| order(self.one, run));
        orders.collect::<Option<Vec<Order>>>()?.into_iter().max()
    }

    /// Only the time differs.
    pub fn is_of_time(&self) -> bool {
        let mut events = self.events().map(|(_, event)| event_words(event));
        let first = events.next();
        events.all(|words| Some(&words) == first.as_ref())
    }
}

/// All but its time.
pub fn event_words(event: &TraceEvent) -> Vec<&str> {
    let mut words = words(&event.place);
    words.push(&event.kind);
    words.extend(self::words(&event.detail));
    words
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Within one line.
    Words,
    /// Within so many events.
    Events(usize),
    /// Within so many events, but for some: what strikes by place, such as a fault, strikes others.
    Mostly(usize),
}

impl Order {
    pub fn in_words(self) -> String {
        match self {
            Order::Words => "the same words stand in another order in one line".to_owned(),
            Order::Events(count) => {
                format!("what the next {count} events say is the same in another order")
            }
            Order::Mostly(count) => {
                format!("most of what the next {count} events say is the same in another order")
            }
        }
    }
}

/// Within more events than this, the same words in another order may be chance.
const ORDER_EVENTS_MAX: usize = 100;

/// Words that differ: with fewer, or with fewer kinds of them, *most* means nothing. A coin that is
/// tossed says the same two words in another order all the time.
const MOST_WORDS_MIN: usize = 8;
const MOST_KINDS_MIN: usize = 3;

/// Within how many events from their first difference two runs say the same in another order.
fn order(one: &Run, other: &Run) -> Option<Order> {
    let at = first_difference(&one.events, &other.events)?.common;
    let mut balance = Balance::default();
    let mut mostly = None;
    let pairs = one.events[at..].iter().zip(&other.events[at..]);
    for (count, (one, other)) in (1..=ORDER_EVENTS_MAX).zip(pairs) {
        balance.add(&event_words(one), &event_words(other));
        match (balance.differing, balance.unmatched()) {
            // Only the time differs.
            (0, _) => return None,
            (_, 0) if count == 1 => return Some(Order::Words),
            (_, 0) => return Some(Order::Events(count)),
            (differing, unmatched) => {
                let is_most = unmatched * 4 <= differing
                    && differing >= MOST_WORDS_MIN
                    && balance.counts.len() >= MOST_KINDS_MIN;
                mostly = is_most.then_some(Order::Mostly(count)).or(mostly);
            }
        }
    }
    mostly
}

/// The words in which the events of two runs differ, place by place.
#[derive(Default)]
struct Balance<'a> {
    differing: usize,
    /// How much more often one run has said a word than the other.
    counts: BTreeMap<&'a str, i64>,
}

impl<'a> Balance<'a> {
    fn add(&mut self, one: &[&'a str], other: &[&'a str]) {
        let is_alike = one.len() == other.len();
        let differs =
            |words: &[&str], others: &[&str], at: usize| !is_alike || words[at] != others[at];
        for (words, others, weight) in [(one, other, 1), (other, one, -1)] {
            for (at, word) in words.iter().enumerate() {
                if differs(words, others, at) {
                    self.differing += 1;
                    *self.counts.entry(*word).or_default() += weight;
                }
            }
        }
    }

    /// How many words one run has said and the other not, so far.
    fn unmatched(&self) -> usize {
        let counts = self.counts.values();
        counts.map(|count| count.unsigned_abs() as usize).sum()
    }
}
