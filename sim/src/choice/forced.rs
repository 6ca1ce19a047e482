//! Single decisions on top of what another chooser answers: a world with exactly this crash, and
//! everything else as it was.

use super::{Choice, Chooser};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Site, subject and occurrence.
type Name = (String, Arc<str>, u32);

pub struct Forced<C> {
    rest: C,
    values: BTreeMap<Name, u64>,
    met: Met,
}

/// Which of the forced decisions came up; shared with the chooser that meets them.
#[derive(Clone, Default)]
pub struct Met(Arc<Mutex<Vec<Name>>>);

impl Met {
    /// This choice came up while the world ran, and the forced value was in its range.
    pub fn contains(&self, site: &str, subject: &str, n: u32) -> bool {
        let met = self.0.lock().expect("one thread");
        met.iter().any(|(a_site, a_subject, a_n)| {
            (a_site.as_str(), &**a_subject, *a_n) == (site, subject, n)
        })
    }
}

impl<C: Chooser> Forced<C> {
    /// Each decision is site name, subject, occurrence and value.
    pub fn new(rest: C, decisions: impl IntoIterator<Item = (String, Arc<str>, u32, u64)>) -> Self {
        Forced {
            rest,
            values: decisions
                .into_iter()
                .map(|(site, subject, n, value)| ((site, subject, n), value))
                .collect(),
            met: Met::default(),
        }
    }

    pub fn met(&self) -> Met {
        self.met.clone()
    }
}

impl<C: Chooser> Chooser for Forced<C> {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        // The rest is asked in any case: what it has been asked may be part of what it answers.
        let otherwise = self.rest.choose(choice);
        let site = choice.site.name.to_owned();
        let name = (site, choice.subject.text().clone(), choice.n);
        match self.values.get(&name) {
            Some(value) if choice.shape.holds(*value) => {
                self.met.0.lock().expect("one thread").push(name);
                *value
            }
            _ => otherwise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Random, Shape, Site, Subject};
    use super::*;

    static CRASH: Site = Site::fault("crash", Shape::YesNo { rate: 0.5 }, "dies");

    #[test]
    fn a_forced_decision_changes_that_one_answer_alone() {
        let subject = Subject::new("a");
        let answers = |chooser: &mut dyn Chooser| {
            let choose = |n| {
                chooser.choose(&Choice {
                    site: &CRASH,
                    subject: &subject,
                    n,
                    shape: CRASH.shape,
                })
            };
            (0..50).map(choose).collect::<Vec<_>>()
        };
        let plain = answers(&mut Random::new(1));
        let mut expected = plain.clone();
        expected[7] = 1 - plain[7];
        let decision = |n, value| ("crash".to_owned(), Arc::from("a"), n, value);
        let decisions = [decision(7, expected[7]), decision(8, 2), decision(50, 1)];
        let mut forced = Forced::new(Random::new(1), decisions);
        let met = forced.met();
        assert_eq!(answers(&mut forced), expected);
        assert!(met.contains("crash", "a", 7));
        assert!(!met.contains("crash", "a", 8), "2 is neither yes nor no");
        assert!(!met.contains("crash", "a", 50), "it never came up");
    }
}
