//! What outlives the processor in a story, and the processor's lives on it.

use crate::{
    checkpoints::{StoryCheckpoints, Written},
    clock::Clock,
    effect::Journal,
    memory::Memory,
    ports::Ports,
    story::Scene,
    streams::{Port, Streams},
};
use runtime::{
    call::ObjectName,
    event::{Offset, StreamName},
    object::Context,
    processor::{Dependencies, Engine, Processor},
};
use std::rc::Rc;

pub struct Stage<P: Processor> {
    pub clock: Clock,
    pub streams: Rc<Streams>,
    pub written: Rc<Written>,
    store: Rc<Memory>,
    scene: Scene,
    build: Box<dyn Fn(Dependencies) -> P>,
}

/// One incarnation of the object.
pub struct Life<P: Processor> {
    pub incarnation: u64,
    pub journal: Journal,
    pub engine: Rc<Engine<P>>,
    ports: Rc<Ports>,
}

impl<P: Processor> Stage<P> {
    pub fn new(
        stream: StreamName,
        build: Box<dyn Fn(Dependencies) -> P>,
        scene: Scene,
        side_effects_after: Offset,
    ) -> Self {
        let clock = Clock::default();
        let written = Written {
            side_effects_after,
            ..Written::default()
        };
        Stage {
            streams: Rc::new(Streams::new(&clock, stream)),
            clock,
            written: Rc::new(written),
            store: Rc::default(),
            scene,
            build,
        }
    }

    pub fn live(&self, incarnation: u64) -> Life<P> {
        let journal = Journal::default();
        let ports = Rc::new(Ports {
            clock: self.clock.clone(),
            journal: journal.clone(),
            streams: self.streams.clone(),
            outside: self.scene.outside.clone(),
            callee: self.scene.callee.clone(),
            store: self.store.clone(),
            quirks: self.scene.quirks,
            incarnation,
            ids: Default::default(),
            tasks: Default::default(),
        });
        let binding = P::contract().slug.to_uppercase().replace('-', "_");
        let name = ObjectName::new(binding, self.streams.name.to_string());
        let processor = (self.build)(Dependencies {
            context: Context::new(name, ports.clone()),
            stream: Rc::new(Port {
                streams: self.streams.clone(),
                journal: journal.clone(),
            }),
        });
        let checkpoints = StoryCheckpoints {
            written: self.written.clone(),
            ports: ports.clone(),
            journal: journal.clone(),
        };
        Life {
            incarnation,
            journal,
            engine: Engine::new(processor, Rc::new(checkpoints)),
            ports,
        }
    }
}

impl<P: Processor> Life<P> {
    /// What it was doing ends, and nothing of it is told any more.
    pub fn end(&self) {
        self.ports.end();
        self.journal.close();
    }
}
