//! Somebody who runs the platform: kills objects, wakes them, configures presets.

use processors::agent::{
    self,
    contract::{SystemPromptUpdated, SYSTEM_PROMPT_UPDATED},
    setup::{PathPrefixPresetConfigured, PATH_PREFIX_PRESET_CONFIGURED, ROOT_PATH},
};
use runtime::{
    call::Arguments,
    event::{EventInput, StreamName, StreamPath},
};
use sim::world::World;

/// Kills an agent's object, if it gets through. Who is killed does not answer.
pub fn kill(world: &World, agent: &StreamName) {
    call(world, agent, "kill");
}

/// Brings an agent's object to life, if it gets through.
pub fn wake(world: &World, agent: &StreamName) {
    call(world, agent, "initialize");
}

fn call(world: &World, agent: &StreamName, method: &'static str) {
    let name = agent.to_string();
    drop(world.client(move |context| {
        Box::pin(async move {
            let agent = context.object(agent::object::BINDING, name);
            let _ = agent.call(method, Arguments::new()).await;
        })
    }));
}

/// The stream above all agents.
pub fn root() -> StreamName {
    StreamName::new("p1", StreamPath::parse(ROOT_PATH).expect("a path"))
}

/// A preset that gives agents below a path a system prompt.
pub fn preset(base_path: &str, number: u64) -> EventInput {
    let prompt = SystemPromptUpdated {
        system_prompt: format!("You are preset {number}.").into(),
    };
    let preset = PathPrefixPresetConfigured {
        base_path: StreamPath::parse(base_path).expect("a path"),
        events: vec![EventInput::new(SYSTEM_PROMPT_UPDATED, prompt)],
    };
    EventInput::new(PATH_PREFIX_PRESET_CONFIGURED, preset)
        .keyed(format!("workload/preset-{number}"))
}
