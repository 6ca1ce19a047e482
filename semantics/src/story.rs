//! A story: a processor, and what happens to it, step by step.

use crate::{
    outside::{Answer, Frame, Host, Outside, Request},
    ports::Callee,
    streams::Loss,
    telling::{Telling, Told},
};
use runtime::{
    call::{Argument, CallError},
    event::{EventInput, EventType, Offset, StreamName},
    platform::OutboundCall,
    processor::{Dependencies, Processor},
    quirk::{Quirk, Quirks},
    stream::contract::{
        Direction, SubscriberConnected, SubscriberDescriptor, SUBSCRIBER_CONNECTED,
    },
};
use serde_json::Value;
use std::rc::Rc;

pub(crate) enum Step {
    /// Somebody appends these, and they are delivered as one batch.
    Events(Vec<EventInput>),
    /// Somebody appends an event about the last one of that type.
    About(EventType, Box<dyn FnOnce(Offset) -> EventInput>),
    /// The processor's subscription is opened.
    Connect,
    Pass {
        ms: u64,
    },
    /// The object ends, with its checkpoints above that offset.
    Restart {
        keeping: Offset,
    },
    Alarm,
    Lose(EventType, Loss),
}

/// The scene of a story: what there is beside the processor.
#[derive(Default)]
pub(crate) struct Scene {
    pub quirks: Quirks,
    pub outside: Outside,
    pub callee: Option<Callee>,
}

/// A processor, and what happens to it. Everything that it appends and consumes itself is delivered
/// to it as well, event by event, before the next step.
pub struct Story<P: Processor> {
    pub(crate) title: String,
    pub(crate) stream: StreamName,
    pub(crate) build: Box<dyn Fn(Dependencies) -> P>,
    pub(crate) scene: Scene,
    pub(crate) anchor: Vec<EventInput>,
    pub(crate) steps: Vec<Step>,
}

impl<P: Processor> Story<P> {
    /// A story of the processor that `build` makes, on a stream such as `p1:/agents/a`.
    ///
    /// # Panics
    /// That is no name of a stream.
    pub fn new(title: &str, stream: &str, build: impl Fn(Dependencies) -> P + 'static) -> Self {
        Story {
            title: title.to_owned(),
            stream: StreamName::parse(stream).unwrap_or_else(|error| panic!("{error}")),
            build: Box::new(build),
            scene: Scene::default(),
            anchor: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// An event that was there before the processor subscribed: it is reduced, and has no effects.
    ///
    /// # Panics
    /// Something has happened since.
    pub fn below_the_anchor(mut self, event: EventInput) -> Self {
        assert!(self.steps.is_empty(), "the anchor lies below every step");
        self.anchor.push(event);
        self
    }

    /// Somebody appends an event, and it is delivered.
    pub fn event(self, event: EventInput) -> Self {
        self.batch([event])
    }

    /// Somebody appends these events, and they are delivered as one batch.
    pub fn batch(self, events: impl IntoIterator<Item = EventInput>) -> Self {
        self.then(Step::Events(events.into_iter().collect()))
    }

    /// Somebody appends an event about the last one of a type, made from its offset.
    pub fn about(
        self,
        kind: EventType,
        event: impl FnOnce(Offset) -> EventInput + 'static,
    ) -> Self {
        self.then(Step::About(kind, Box::new(event)))
    }

    /// The stream says that this processor's subscription was opened, as it does when an object is
    /// dialed; see [`connected`] for somebody else's.
    pub fn connects(self) -> Self {
        self.then(Step::Connect)
    }

    pub fn after_ms(self, ms: u64) -> Self {
        self.then(Step::Pass { ms })
    }

    /// The object ends and lives again, and nothing durable is lost.
    pub fn restart(self) -> Self {
        self.restart_from(u64::MAX)
    }

    /// The object ends before its checkpoints above that offset are durable: what lies above is
    /// delivered again, as one batch.
    pub fn restart_from(self, offset: u64) -> Self {
        let keeping = Offset(offset);
        self.then(Step::Restart { keeping })
    }

    /// The object's alarm rings.
    pub fn alarm(self) -> Self {
        self.then(Step::Alarm)
    }

    /// The processor's next append with an event of that type never arrives.
    pub fn losing_call(self, kind: EventType) -> Self {
        self.then(Step::Lose(kind, Loss::OfCall))
    }

    /// The processor's next append with an event of that type is committed, and it does not hear so.
    pub fn losing_reply(self, kind: EventType) -> Self {
        self.then(Step::Lose(kind, Loss::OfReply))
    }

    /// An outside service that speaks HTTP, by its host; with a port, if that is not 443. There is no
    /// other: whoever connects elsewhere is refused.
    pub fn host(mut self, host: &str, answer: impl Fn(&Request) -> Answer + 'static) -> Self {
        let answer = Host::Http(Rc::new(answer));
        self.scene.outside.hosts.insert(host.to_owned(), answer);
        self
    }

    /// An outside service that speaks JSON over WebSocket; `answer` says what it sends back for a
    /// frame.
    pub fn socket(mut self, host: &str, answer: impl Fn(&Value) -> Vec<Frame> + 'static) -> Self {
        let answer = Host::WebSocket(Rc::new(answer));
        self.scene.outside.hosts.insert(host.to_owned(), answer);
        self
    }

    /// Whoever answers calls to other objects than streams; without it, they are unresolved.
    pub fn callee(
        mut self,
        answer: impl Fn(&OutboundCall) -> Result<Argument, CallError> + 'static,
    ) -> Self {
        self.scene.callee = Some(Rc::new(answer));
        self
    }

    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.scene.quirks = self.scene.quirks.with(quirk);
        self
    }

    /// Plays it.
    pub fn tell(self) -> Told {
        Telling::of(self)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// The fact that somebody else connected, such as a browser, as a stream appends it.
pub fn connected(subscription_key: &str) -> EventInput {
    presence(subscription_key, SubscriberDescriptor::default())
}

pub(crate) fn presence(subscription_key: &str, subscriber: SubscriberDescriptor) -> EventInput {
    EventInput::new(
        SUBSCRIBER_CONNECTED,
        SubscriberConnected {
            subscription_key: subscription_key.to_owned(),
            direction: Direction::Outbound,
            subscriber: Some(subscriber.into()),
        },
    )
}
