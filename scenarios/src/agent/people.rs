//! People who talk to agents, whose streams they append to.

use super::platform::{agent_stream, beginning, input};
use processors::agent::contract::Behaviour;
use serde::{Deserialize, Serialize};
use sim::world::World;
use std::collections::BTreeSet;

/// Something that is said to an agent at once, without waiting for an answer.
#[derive(Serialize, Deserialize)]
pub struct Say {
    pub after_ms: u64,
    pub to: String,
    pub inputs: Vec<Input>,
}

/// An input that nobody else says.
#[derive(Serialize, Deserialize)]
pub struct Input {
    pub number: u64,
    pub says: String,
    pub behaviour: Behaviour,
}

impl Input {
    pub fn new(number: u64, says: &str, behaviour: Behaviour) -> Self {
        Input {
            number,
            says: says.to_owned(),
            behaviour,
        }
    }
}

/// Who talks to agents. Whoever is spoken to for the first time begins to be one.
pub struct People<'a> {
    world: &'a World,
    begun: BTreeSet<String>,
}

impl<'a> People<'a> {
    pub fn new(world: &'a World) -> Self {
        People {
            world,
            begun: BTreeSet::new(),
        }
    }

    /// Waits as long as it says, and appends it; nobody waits for the stream's answer.
    pub async fn say(&mut self, said: Say) {
        let Say {
            after_ms,
            to,
            inputs,
        } = said;
        self.world.sleep(after_ms).await;
        let stream = agent_stream(&to);
        let inputs = inputs
            .iter()
            .map(|one| input(&stream, one.number, &one.says, one.behaviour));
        let is_first = self.begun.insert(to);
        let first = is_first.then(|| beginning(&stream));
        let events = first.into_iter().chain(inputs).collect();
        drop(self.world.append(stream, events));
    }
}
