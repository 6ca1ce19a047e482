//! Fault budgets: how much the faults of a world may take, so that what its scenario demands stays
//! possible (design §6).
//!
//! A fault is a choice of [`Role::Fault`](super::Role) that is not answered with its default. Beyond
//! the budget every fault site answers its default. What was recorded, or forced by name, is not cut:
//! it stands for a world in which exactly this happens. What a pass does not mean: that a world with more
//! faults than this is survived.

use super::{Shape, Site};

/// What the faults of one world may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Faults of all sites together. What is only late does not count: it takes nothing away.
    pub in_all: u32,
    /// Limits by a site's name, or by the beginning of names, with a star: `crash.*`. A fault counts
    /// against every limit that covers its site.
    pub sites: &'static [(&'static str, u32)],
}

impl Budget {
    /// What any scenario of ordinary size bears: a storm meets these limits in its worst worlds only.
    pub const ORDINARY: Budget = Budget {
        in_all: 300,
        sites: &[("crash.*", 60)],
    };
}

impl Default for Budget {
    fn default() -> Self {
        Budget::ORDINARY
    }
}

/// What is left of a budget.
pub(super) struct Purse {
    left: u32,
    sites: Vec<(&'static str, u32)>,
}

impl Purse {
    pub fn new(budget: Budget) -> Self {
        Purse {
            left: budget.in_all,
            sites: budget.sites.to_vec(),
        }
    }

    /// Takes one fault of a site, if every limit that covers it has room. An irreparable site has
    /// none, unless a limit names it in full.
    pub fn take(&mut self, site: &Site) -> bool {
        let is_only_late = matches!(site.shape, Shape::Delay { .. });
        let is_named = self.sites.iter().any(|(name, _)| *name == site.name);
        let covers = |limit: &&mut (&'static str, u32)| covers(limit.0, site.name);
        let has_room = (is_only_late || self.left > 0)
            && (is_named || !site.is_irreparable)
            && !self
                .sites
                .iter_mut()
                .filter(covers)
                .any(|limit| limit.1 == 0);
        if has_room {
            self.left -= u32::from(!is_only_late);
            for limit in self.sites.iter_mut().filter(covers) {
                limit.1 -= 1;
            }
        }
        has_room
    }
}

/// A limit's name covers a site: it is the site's, or the beginning of it, with a star.
fn covers(limit: &str, site: &str) -> bool {
    match limit.strip_suffix('*') {
        Some(beginning) => site.starts_with(beginning),
        None => limit == site,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Choices, Forced, Met, Random, Shape, Subject};
    use super::*;

    const OFTEN: Shape = Shape::YesNo { rate: 1.0 };
    static CRASH: Site = Site::fault("crash.now", OFTEN, "dies");
    static CRASH_LATER: Site = Site::fault("crash.later", OFTEN, "dies");
    static SLOW: Site = Site::fault("slow", OFTEN, "is slow");
    static GONE: Site = Site::irreparable("gone", OFTEN, "is gone for ever");
    const LATE_SHAPE: Shape = Shape::Delay {
        rate: 1.0,
        min_ms: 1,
        max_ms: 2,
    };
    static LATE: Site = Site::fault("late", LATE_SHAPE, "is late");
    static LATE_LIMITED: Site = Site::fault("late.limited", LATE_SHAPE, "is late");
    static DRAW: Site = Site::draw("draw", OFTEN, "is no fault");

    /// How often a site fires in ten occurrences.
    fn fires(choices: &Choices, site: &'static Site) -> usize {
        let subject = Subject::new("a");
        (0..10).filter(|_| choices.yes(site, &subject)).count()
    }

    fn choices(budget: Option<Budget>) -> Choices {
        let choices = Choices::within(Random::new(1), budget, Met::default());
        choices.set_faults(true);
        choices
    }

    #[test]
    fn a_site_fires_as_often_as_every_limit_that_covers_it_allows() {
        let choices = choices(Some(Budget {
            in_all: 12,
            sites: &[("crash.*", 5), ("crash.now", 3)],
        }));
        assert_eq!(fires(&choices, &CRASH), 3);
        assert_eq!(fires(&choices, &CRASH_LATER), 2);
        assert_eq!(fires(&choices, &SLOW), 7, "what is left in all");
        assert_eq!(fires(&choices, &SLOW), 0);
        assert_eq!(choices.decision_count(), 12);
    }

    #[test]
    fn what_is_only_late_counts_against_limits_of_its_own_alone() {
        let choices = choices(Some(Budget {
            in_all: 1,
            sites: &[("late.limited", 2)],
        }));
        assert_eq!(fires(&choices, &LATE), 10);
        assert_eq!(fires(&choices, &LATE_LIMITED), 2);
        assert_eq!(fires(&choices, &CRASH), 1);
    }

    #[test]
    fn what_is_forced_is_not_cut() {
        let decision = |n| ("gone".to_owned(), "a".into(), n, 1);
        let forced = Forced::new(Random::scaled(1, 0.0), [decision(3), decision(5)]);
        let met = forced.met();
        let choices = Choices::within(forced, Some(Budget::ORDINARY), met);
        choices.set_faults(true);
        assert_eq!(fires(&choices, &GONE), 2);
    }

    #[test]
    fn draws_cost_nothing() {
        let choices = choices(Some(Budget {
            in_all: 0,
            sites: &[],
        }));
        assert_eq!(fires(&choices, &DRAW), 10);
        assert_eq!(fires(&choices, &SLOW), 0);
    }

    #[test]
    fn the_irreparable_needs_a_limit_of_its_own() {
        assert_eq!(fires(&choices(Some(Budget::ORDINARY)), &GONE), 0);
        let by_name = Budget {
            sites: &[("gone", 2)],
            ..Budget::ORDINARY
        };
        assert_eq!(fires(&choices(Some(by_name)), &GONE), 2);
        let by_beginning = Budget {
            sites: &[("go*", 2)],
            ..Budget::ORDINARY
        };
        assert_eq!(fires(&choices(Some(by_beginning)), &GONE), 0);
        assert_eq!(fires(&choices(None), &GONE), 10, "without a budget");
    }
}
