//! Operations: what people do, as data (design §9).
//!
//! A workload asks for the operations of each of its actors, a list of typed steps, and performs them
//! one after the other. They are drawn by the scenario, or, where a run is repeated, what was recorded
//! of them: all, or some. So a step is known by its actor and its place in the actor's list, which does
//! not change when other steps are left out; and what was drawn to make a step (which words, how long
//! before) is part of it, and no decision of its own.
//!
//! What that asks of a scenario: a step carries all that it needs (its number, if keys are made of it),
//! and a workload comes to its end whichever steps are missing.

use super::World;
use crate::choice::{Choices, Site, Subject};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};

/// Which operations a world performs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Operations {
    /// What the scenario draws.
    #[default]
    Drawn,
    /// These, in the place of what would be drawn.
    Recorded(Vec<RecordedOperation>),
}

/// One step of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOperation {
    pub actor: Arc<str>,
    /// Its place in the list that was drawn for the actor, from 0.
    pub n: u32,
    pub does: Value,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerformedOperation {
    pub operation: RecordedOperation,
    /// Simulated time since the start of the world.
    pub at_ms: u64,
}

/// A recorded step that could not be performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostOperation {
    pub operation: RecordedOperation,
    pub why: String,
}

/// Where a scenario draws what its operations are made of.
pub struct Draws<'a> {
    choices: &'a Choices,
}

impl Draws<'_> {
    /// A number of the site's range.
    pub fn draw(&self, site: &'static Site, subject: impl Into<Arc<str>>) -> u64 {
        self.choices.draw_operation(site, &Subject::new(subject))
    }
}

/// The steps of one actor: each is begun when it is taken.
pub struct Steps<'a, T> {
    world: &'a World,
    actor: Arc<str>,
    left: VecDeque<(u32, T, Value)>,
}

impl<T> Iterator for Steps<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let (n, step, does) = self.left.pop_front()?;
        let actor = self.actor.clone();
        (self.world.trace).record(
            &"workload",
            "operation",
            format_args!("{actor} #{n} {does}"),
        );
        let performed = PerformedOperation {
            operation: RecordedOperation { actor, n, does },
            at_ms: crate::time::since_start_ms(),
        };
        let mut operations = self.world.operations.lock().expect("one thread");
        operations.performed.push(performed);
        Some(step)
    }
}

/// What became of the operations of a world.
#[derive(Default)]
pub(super) struct Operated {
    actors: Vec<Arc<str>>,
    pub performed: Vec<PerformedOperation>,
    pub lost: Vec<LostOperation>,
}

impl World {
    /// What an actor does, in order.
    ///
    /// # Panics
    /// The actor was asked for before: its steps would not be told apart.
    pub fn operations<T: Serialize + DeserializeOwned>(
        &self,
        actor: impl Into<Arc<str>>,
        draw: impl FnOnce(&Draws<'_>) -> Vec<T>,
    ) -> Steps<'_, T> {
        let actor = actor.into();
        let mut operations = self.operations.lock().expect("one thread");
        assert!(
            !operations.actors.contains(&actor),
            "{actor} has one list of operations"
        );
        operations.actors.push(actor.clone());
        let left = match &self.plan.operations {
            Operations::Drawn => drawn(draw(&Draws {
                choices: &self.choices,
            })),
            Operations::Recorded(recorded) => {
                let own = recorded.iter().filter(|one| one.actor == actor);
                let (left, lost) = read(own);
                operations.lost.extend(lost);
                left
            }
        };
        drop(operations);
        Steps {
            world: self,
            actor,
            left,
        }
    }

    /// Recorded operations that were not performed: unreadable, or of an actor that never came.
    pub(super) fn lost_operations(&self) -> Vec<LostOperation> {
        let operations = self.operations.lock().expect("one thread");
        let mut lost = operations.lost.clone();
        if let Operations::Recorded(recorded) = &self.plan.operations {
            let never_came = recorded
                .iter()
                .filter(|one| !operations.actors.contains(&one.actor));
            lost.extend(never_came.map(|operation| LostOperation {
                operation: operation.clone(),
                why: format!("nobody is called {:?}", operation.actor),
            }));
        }
        lost
    }
}

fn drawn<T: Serialize>(steps: Vec<T>) -> VecDeque<(u32, T, Value)> {
    let numbered = (0..).zip(steps);
    let with_data = |(n, step): (u32, T)| {
        let does = serde_json::to_value(&step).expect("a step is JSON");
        (n, step, does)
    };
    numbered.map(with_data).collect()
}

fn read<'a, T: DeserializeOwned>(
    recorded: impl Iterator<Item = &'a RecordedOperation>,
) -> (VecDeque<(u32, T, Value)>, Vec<LostOperation>) {
    let (mut steps, mut lost) = (Vec::new(), Vec::new());
    for operation in recorded {
        match serde_json::from_value(operation.does.clone()) {
            Ok(step) => steps.push((operation.n, step, operation.does.clone())),
            Err(error) => lost.push(LostOperation {
                operation: operation.clone(),
                why: error.to_string(),
            }),
        }
    }
    steps.sort_by_key(|(n, ..)| *n);
    (steps.into(), lost)
}
