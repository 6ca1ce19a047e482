//! Chains of waits, in words: from somebody who waits to whoever should provide it, and on.

use super::{CallState, Held, Inner, Number, On, Owner, Work};
use runtime::platform::Resource;
use std::{collections::BTreeSet, fmt::Write, panic::Location};

/// What a chain ends with when nobody is left who could do anything.
pub const NOTHING_MOVES: &str = "no timer, no alarm, no message in flight";

/// No work has this number.
const NOBODY: Number = 0;

/// A walk along the waits.
pub struct Chain<'a> {
    inner: &'a Inner,
    links: Vec<String>,
    seen: BTreeSet<Number>,
}

impl<'a> Chain<'a> {
    fn new(inner: &'a Inner) -> Self {
        Chain {
            inner,
            links: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// The way from that work back to itself, if there is one.
    pub fn cycle(inner: &'a Inner, from: Number) -> Option<String> {
        let mut chain = Chain::new(inner);
        chain.links.push(chain.name(from));
        chain.follow(from, from).then(|| chain.text())
    }

    /// From a call that is not answered to what nobody will provide.
    pub fn stall(inner: &'a Inner, call: Number) -> String {
        let mut chain = Chain::new(inner);
        let is_waiting = |work: &Work| work.waits.iter().any(|(_, on)| *on == On::Reply(call));
        let waiting = inner.work.iter().filter(|(_, work)| is_waiting(work));
        chain
            .links
            .push(match waiting.map(|(number, _)| *number).min() {
                Some(work) => chain.name(work),
                None => inner.calls[&call].caller.object.to_string(),
            });
        chain.call(call, NOBODY);
        chain.links.push(NOTHING_MOVES.to_owned());
        chain.text()
    }

    fn text(&self) -> String {
        self.links.join(" → ")
    }

    fn name(&self, work: Number) -> String {
        let Some(work_of) = self.inner.work.get(&work) else {
            return "work that has ended".to_owned();
        };
        let Work { owner, what, .. } = work_of;
        let mut name = format!("{what} of {}", owner.object);
        let held = self.inner.held.iter();
        let held = held
            .filter(|(_, holder)| **holder == work)
            .map(|((_, held), _)| *held);
        for held in held {
            match held {
                Held::LifecycleGate => name += " holds the lifecycle gate",
                Held::IngestTurn(processor) => {
                    write!(name, " holds the turn of processor {processor}").expect("a string");
                }
            }
        }
        if let Some(place) = work_of.place {
            write!(name, " ({})", shown(place)).expect("a string");
        }
        name
    }

    /// Follows the waits of a piece of work; true when they lead to `target`. What led nowhere is
    /// taken back, unless it is all there is.
    fn follow(&mut self, work: Number, target: Number) -> bool {
        if !self.seen.insert(work) {
            return false;
        }
        let Some(waiting) = self.inner.work.get(&work) else {
            return false;
        };
        let mut dead_end = Vec::new();
        for (_, on) in &waiting.waits {
            let length = self.links.len();
            if self.step(&waiting.owner, on, target) {
                return true;
            }
            let tail = self.links.split_off(length);
            if tail.len() > dead_end.len() {
                dead_end = tail;
            }
        }
        self.links.append(&mut dead_end);
        false
    }

    fn step(&mut self, owner: &Owner, on: &On, target: Number) -> bool {
        let object = &owner.object;
        match on {
            On::Reply(call) => self.call(*call, target),
            On::Work(work) if self.inner.work.contains_key(work) => self.reach(*work, target),
            On::Work(_) => false,
            On::Socket(host) => self.ends(format!("waits for bytes of {host}")),
            On::Resource(Resource::LifecycleGate) => {
                self.links.push("waits for the lifecycle gate".to_owned());
                self.holder(owner, Held::LifecycleGate, target)
            }
            On::Resource(Resource::IngestTurn { processor }) => {
                self.links
                    .push(format!("waits for the turn of processor {processor}"));
                self.holder(owner, Held::IngestTurn(processor), target)
            }
            On::Resource(Resource::Checkpoint { processor, offset }) => {
                self.links.push(format!(
                    "waits for checkpoint of processor {processor} ≥ {offset}"
                ));
                let ingesting = Held::IngestTurn(processor);
                if self.inner.holder(owner, ingesting).is_some() {
                    return self.holder(owner, ingesting, target);
                }
                self.links.push("needs a delivery".to_owned());
                if self.inner.holder(owner, Held::LifecycleGate).is_none() {
                    return false;
                }
                self.links
                    .push(format!("queued behind the lifecycle gate of {object}"));
                self.holder(owner, Held::LifecycleGate, target)
            }
        }
    }

    fn call(&mut self, call: Number, target: Number) -> bool {
        let Some(call) = self.inner.calls.get(&call) else {
            return false; // It was answered just now.
        };
        let callee = &call.callee;
        self.links
            .push(format!("waits for {callee} to answer {}", call.method));
        match call.state {
            CallState::OnItsWay => self.ends("which never got there".to_owned()),
            CallState::Answered => self.ends("whose answer never arrived".to_owned()),
            CallState::AtGate(incarnation) => {
                self.links
                    .push(format!("queued behind the lifecycle gate of {callee}"));
                let callee = Owner {
                    object: callee.clone(),
                    incarnation,
                };
                match self.inner.holder(&callee, Held::LifecycleGate) {
                    Some(holder) => self.reach(holder, target),
                    None => false,
                }
            }
            CallState::Handled(work) => self.reach(work, target),
        }
    }

    fn holder(&mut self, owner: &Owner, held: Held, target: Number) -> bool {
        match self.inner.holder(owner, held) {
            Some(holder) => self.reach(holder, target),
            None => self.ends("which nobody holds".to_owned()),
        }
    }

    fn reach(&mut self, work: Number, target: Number) -> bool {
        if work == target {
            return true;
        }
        self.links.push(self.name(work));
        self.follow(work, target)
    }

    fn ends(&mut self, link: String) -> bool {
        self.links.push(link);
        false
    }
}

/// From the crate's folder on: the same on every machine.
fn shown(place: &Location<'_>) -> String {
    let path = place.file().replace('\\', "/");
    let crates = ["runtime/src/", "processors/src/", "scenarios/src/"];
    let from = crates.iter().find_map(|root| path.rfind(root));
    format!("{}:{}", &path[from.unwrap_or(0)..], place.line())
}
