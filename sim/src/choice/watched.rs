//! Which choices came up: every occurrence at some sites, in order, whoever answers them and
//! whatever the answer is. A sweep reads from one world where the next ones may go another way.

use super::{Choice, Chooser, Shape, Site};
use std::sync::{Arc, Mutex};

/// A choice that came up.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    pub site: &'static Site,
    pub subject: Arc<str>,
    pub n: u32,
    pub shape: Shape,
    /// Simulated time since the start of the world.
    pub at_us: u64,
    /// How many events the trace had then.
    pub trace_events: u64,
}

/// What has come up so far; shared with the chooser that notes it.
#[derive(Clone, Default)]
pub struct Occurrences(Arc<Mutex<Vec<Occurrence>>>);

impl Occurrences {
    pub fn take(&self) -> Vec<Occurrence> {
        std::mem::take(&mut *self.0.lock().expect("one thread"))
    }
}

pub struct Watched<C, W> {
    rest: C,
    sites: Vec<&'static Site>,
    /// Simulated time in microseconds, and events of the trace.
    when: W,
    seen: Occurrences,
}

impl<C: Chooser, W: Fn() -> (u64, u64) + Send> Watched<C, W> {
    pub fn new(rest: C, sites: Vec<&'static Site>, when: W, seen: Occurrences) -> Self {
        Watched {
            rest,
            sites,
            when,
            seen,
        }
    }
}

impl<C: Chooser, W: Fn() -> (u64, u64) + Send> Chooser for Watched<C, W> {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        if self.sites.iter().any(|site| site.name == choice.site.name) {
            let (at_us, trace_events) = (self.when)();
            self.seen.0.lock().expect("one thread").push(Occurrence {
                site: choice.site,
                subject: choice.subject.text().clone(),
                n: choice.n,
                shape: choice.shape,
                at_us,
                trace_events,
            });
        }
        self.rest.choose(choice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Choices, Random, Role, Subject};
    use super::*;

    const EVEN: Shape = Shape::YesNo { rate: 0.5 };
    static CRASH: Site = Site::fault("crash", EVEN, "dies");
    static SLOW: Site = Site::fault("slow", EVEN, "is slow");

    #[test]
    fn every_occurrence_of_the_watched_sites_is_noted_while_faults_are_on() {
        assert_eq!(CRASH.role, Role::Fault);
        let seen = Occurrences::default();
        let watched = Watched::new(Random::new(1), vec![&CRASH], || (5, 9), seen.clone());
        let (choices, subject) = (Choices::new(watched), Subject::new("a"));
        choices.yes(&CRASH, &subject);
        choices.set_faults(true);
        for _ in 0..3 {
            choices.yes(&CRASH, &subject);
            choices.yes(&SLOW, &subject);
        }
        let seen = seen.take();
        let numbers: Vec<_> = seen.iter().map(|one| (one.site.name, one.n)).collect();
        assert_eq!(numbers, [("crash", 0), ("crash", 1), ("crash", 2)]);
        assert_eq!((seen[0].at_us, seen[0].trace_events), (5, 9));
    }
}
