//! Labelled choices (design §2): the one source of chance.
//!
//! A choice is named by its [`Site`], its [`Subject`] and its occurrence number, none of which
//! depends on what other code runs. Its value is a `u64`, and 0 is always the default: no fault,
//! the ordinary delay, the plain answer. The choices whose value is not 0 are the run's
//! [`Decision`]s.
//!
//! Who answers is a [`Chooser`]: [`Random`], [`Swarm`], [`Pct`], [`Recorded`] or [`Bytes`], one file
//! each. [`Forced`] sets single answers of another one, [`Watched`] notes what it was asked. How much
//! the faults may take is a [`Budget`].

mod budget;
mod bytes;
mod forced;
mod generator;
mod pct;
mod random;
mod recorded;
mod site;
mod swarm;
mod watched;

pub use budget::Budget;
pub use bytes::Bytes;
pub use forced::{Forced, Met};
pub use generator::Generator;
pub use pct::Pct;
pub use random::Random;
pub use recorded::Recorded;
pub use site::{Role, Shape, Site, Subject};
pub use swarm::Swarm;
pub use watched::{Occurrence, Occurrences, Watched};

use budget::Purse;
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// One occurrence of a choice.
pub struct Choice<'a> {
    pub site: &'static Site,
    pub subject: &'a Subject,
    /// Which occurrence of this site and subject this is, from 0.
    pub n: u32,
    /// What the value ranges over.
    pub shape: Shape,
}

/// Answers choices; the whole extension surface of exploration.
pub trait Chooser: Send {
    /// The value of a choice within its shape; 0 is the default.
    fn choose(&mut self, choice: &Choice<'_>) -> u64;
}

impl Chooser for Box<dyn Chooser> {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        (**self).choose(choice)
    }
}

/// A choice whose value differed from the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub site: &'static Site,
    pub subject: Arc<str>,
    pub n: u32,
    pub value: u64,
}

/// All choices of one world.
pub struct Choices {
    inner: Mutex<Inner>,
}

struct Inner {
    chooser: Box<dyn Chooser>,
    occurrences: FxHashMap<u64, u32>,
    faults_on: bool,
    /// None without a budget.
    purse: Option<Purse>,
    /// Somebody asked for these by name: no budget refuses them.
    forced: Met,
    decisions: Vec<Decision>,
}

impl Choices {
    /// Without a budget.
    pub fn new(chooser: impl Chooser + 'static) -> Self {
        Choices::within(chooser, None, Met::default())
    }

    /// Within a budget, if there is one; what was forced is not cut.
    pub fn within(chooser: impl Chooser + 'static, budget: Option<Budget>, forced: Met) -> Self {
        Choices {
            inner: Mutex::new(Inner {
                chooser: Box::new(chooser),
                occurrences: FxHashMap::default(),
                faults_on: false,
                purse: budget.map(Purse::new),
                forced,
                decisions: Vec::new(),
            }),
        }
    }

    /// Faults are drawn only while they are on; workload and peer draws always are.
    pub fn set_faults(&self, on: bool) {
        self.inner.lock().expect("one thread").faults_on = on;
    }

    pub fn faults_on(&self) -> bool {
        self.inner.lock().expect("one thread").faults_on
    }

    /// A yes or no; no is the default.
    pub fn yes(&self, site: &'static Site, subject: &Subject) -> bool {
        self.choose(site, subject, site.shape) != 0
    }

    /// Extra milliseconds on top of the ordinary delay; 0 is the default.
    pub fn delay_ms(&self, site: &'static Site, subject: &Subject) -> u64 {
        self.choose(site, subject, site.shape)
    }

    /// A number of bytes; 0 is the default.
    pub fn bytes(&self, site: &'static Site, subject: &Subject) -> u64 {
        self.choose(site, subject, site.shape)
    }

    /// Which of the site's named variants; `None` is the default.
    pub fn variant(&self, site: &'static Site, subject: &Subject) -> Option<&'static str> {
        let Shape::OneOf { variants, .. } = site.shape else {
            panic!("site {} has no variants", site.name);
        };
        let value = self.choose(site, subject, site.shape);
        (value > 0).then(|| variants[value as usize - 1])
    }

    /// A number of the site's own range; 0 is the default.
    pub fn draw(&self, site: &'static Site, subject: &Subject) -> u64 {
        self.choose(site, subject, site.shape)
    }

    /// A number below `count`, where the range is known only here; 0 is the default.
    pub fn below(&self, site: &'static Site, subject: &Subject, count: u64) -> u64 {
        self.choose(site, subject, Shape::Below { count })
    }

    /// What an operation is made of: recorded with the operation, and no decision.
    pub(crate) fn draw_operation(&self, site: &'static Site, subject: &Subject) -> u64 {
        let name = site.name;
        assert!(site.role == Role::Operation, "{name} makes no operations");
        self.answer(site, subject, site.shape)
    }

    fn choose(&self, site: &'static Site, subject: &Subject, shape: Shape) -> u64 {
        let name = site.name;
        assert!(
            site.role != Role::Operation,
            "{name} is drawn by the operations that are made of it, or it would not be recorded"
        );
        self.answer(site, subject, shape)
    }

    fn answer(&self, site: &'static Site, subject: &Subject, shape: Shape) -> u64 {
        let mut inner = self.inner.lock().expect("one thread");
        if site.role == Role::Fault && !inner.faults_on {
            return 0;
        }
        let occurrence = inner.occurrences.entry(site.key(subject)).or_insert(0);
        let n = *occurrence;
        *occurrence += 1;
        let value = inner.chooser.choose(&Choice {
            site,
            subject,
            n,
            shape,
        });
        if value != 0 && site.role != Role::Operation {
            let purse = inner.purse.as_mut().filter(|_| site.role == Role::Fault);
            let is_beyond = purse.is_some_and(|purse| !purse.take(site));
            if is_beyond && !inner.forced.contains(site.name, subject.text(), n) {
                return 0;
            }
            inner.decisions.push(Decision {
                site,
                subject: subject.text().clone(),
                n,
                value,
            });
        }
        value
    }

    /// The decisions so far, in the order in which they were taken.
    pub fn decisions(&self) -> Vec<Decision> {
        self.inner.lock().expect("one thread").decisions.clone()
    }

    /// How often each fault was decided on, by site.
    pub fn fired(&self) -> BTreeMap<&'static str, u64> {
        let inner = self.inner.lock().expect("one thread");
        let mut fired = BTreeMap::new();
        let faults = inner.decisions.iter();
        for fault in faults.filter(|decision| decision.site.role == Role::Fault) {
            *fired.entry(fault.site.name).or_insert(0) += 1;
        }
        fired
    }

    pub fn decision_count(&self) -> usize {
        self.inner.lock().expect("one thread").decisions.len()
    }
}
