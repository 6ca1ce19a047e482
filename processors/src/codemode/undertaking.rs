//! What this incarnation is busy with: scripts that run, calls that wait. Also what has ended here, and
//! could not be said to the stream yet.
//!
//! Whatever the durable state calls open, and is not found here, died with an earlier incarnation.

use super::reducer::Subject;
use runtime::event::EventInput;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

#[derive(Clone, Default)]
pub struct Undertakings(Rc<RefCell<BTreeMap<Subject, Progress>>>);

enum Progress {
    UnderWay,
    /// It ended so, and the stream has yet to take it.
    Unsaid(Rc<Ending>),
}

/// What the stream is told of an end.
pub struct Ending {
    /// What comes before it, and may stand in the stream already.
    pub before: Vec<EventInput>,
    pub end: EventInput,
}

impl Ending {
    pub fn of(end: EventInput) -> Self {
        Ending {
            before: Vec::new(),
            end,
        }
    }
}

impl Undertakings {
    /// None if it is undertaken already.
    pub fn begin(&self, subject: Subject) -> Option<Undertaking> {
        let mut undertaken = self.0.borrow_mut();
        if undertaken.contains_key(&subject) {
            return None;
        }
        undertaken.insert(subject.clone(), Progress::UnderWay);
        Some(Undertaking {
            subject: Some(subject),
            all: self.clone(),
        })
    }

    /// How it ended, if the stream has yet to take that.
    pub fn unsaid(&self, subject: &Subject) -> Option<Rc<Ending>> {
        match self.0.borrow().get(subject) {
            Some(Progress::Unsaid(ending)) => Some(ending.clone()),
            _ => None,
        }
    }

    pub fn is_under_way(&self, subject: &Subject) -> bool {
        matches!(self.0.borrow().get(subject), Some(Progress::UnderWay))
    }

    /// The stream has its end.
    pub fn said(&self, subject: &Subject) {
        if !self.is_under_way(subject) {
            self.0.borrow_mut().remove(subject);
        }
    }
}

/// It is under way while this lives.
pub struct Undertaking {
    subject: Option<Subject>,
    all: Undertakings,
}

impl Undertaking {
    /// It has ended, and that is owed to the stream until [`Undertakings::said`].
    pub fn end(mut self, ending: Ending) {
        let subject = self.subject.take().expect("it ends once");
        let mut undertaken = self.all.0.borrow_mut();
        undertaken.insert(subject, Progress::Unsaid(Rc::new(ending)));
    }
}

impl Drop for Undertaking {
    fn drop(&mut self) {
        if let Some(subject) = &self.subject {
            self.all.0.borrow_mut().remove(subject);
        }
    }
}
