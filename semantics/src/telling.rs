//! The telling of a story: plays it step by step, and writes a section for each batch that is
//! delivered, and for whatever else happens.

use crate::{
    effect::Effect,
    outline::Page,
    section::{self, Mark},
    stage::{Life, Stage},
    story::{presence, Step, Story},
};
use runtime::{
    event::{Event, EventInput, EventType, Offset},
    processor::{Contract, EventBatch, Processor, ProcessorError, Runner, WILDCARD},
    stream::contract::SubscriberDescriptor,
};
use serde_json::Value;
use std::{collections::BTreeSet, fmt, future::Future, sync::Arc};

/// After so many batches of a processor's own events in one step, the rest is left out.
const OWN_BATCHES_MAX: u32 = 32;

/// A story that was told.
pub struct Told {
    text: String,
    contract: &'static Contract,
    live: BTreeSet<EventType>,
}

impl Told {
    /// The story as text. It is the same every time.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The types that were delivered above the anchor.
    pub fn live(&self) -> &BTreeSet<EventType> {
        &self.live
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The types that a processor consumes and that none of its stories delivers above the anchor. Of a
/// processor that consumes everything, a story must deliver something that it does not name.
pub fn untold<'a>(stories: impl IntoIterator<Item = &'a Told>) -> Vec<EventType> {
    let mut stories = stories.into_iter().peekable();
    let Some(contract) = stories.peek().map(|told| told.contract) else {
        return Vec::new();
    };
    let live: BTreeSet<&EventType> = stories.flat_map(|told| &told.live).collect();
    let consumed = contract.consumes.iter();
    let untold = consumed.filter(|kind| match **kind == WILDCARD {
        true => live.iter().all(|live| contract.consumes.contains(live)),
        false => !live.contains(kind),
    });
    untold.cloned().collect()
}

pub(crate) struct Telling<P: Processor> {
    page: Page,
    stage: Stage<P>,
    life: Life<P>,
    /// What was appended by others than the processor.
    from_outside: BTreeSet<Offset>,
    /// What was delivered before.
    delivered: BTreeSet<Offset>,
    live: BTreeSet<EventType>,
    owes: bool,
}

impl<P: Processor> Telling<P> {
    pub fn of(story: Story<P>) -> Told {
        let anchor = Offset(story.anchor.len() as u64);
        let stage = Stage::new(story.stream, story.build, story.scene, anchor);
        let mut telling = Telling {
            page: Page::default(),
            life: stage.live(1),
            stage,
            from_outside: BTreeSet::new(),
            delivered: BTreeSet::new(),
            live: BTreeSet::new(),
            owes: false,
        };
        let slug = P::contract().slug;
        let title = format!("{slug}: {}", story.title);
        telling.page.line(0, title);
        if !story.anchor.is_empty() {
            telling.say(story.anchor);
        }
        for step in story.steps {
            telling.step(step);
        }
        telling.end()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Events(events) => self.say(events),
            Step::About(kind, event) => {
                let about = self.stage.streams.own().last(&kind);
                let about = about.unwrap_or_else(|| panic!("there is no {kind} so far"));
                self.say(vec![event(about)]);
            }
            Step::Connect => {
                let announcement = P::contract().announcement();
                let subscriber = SubscriberDescriptor {
                    incarnation_id: Some(self.life.incarnation.to_string()),
                    processor: Some(Arc::new(announcement)),
                    ..SubscriberDescriptor::default()
                };
                self.say(vec![presence(P::contract().slug, subscriber)]);
            }
            Step::Pass { ms } => {
                self.page.heading(format_args!("{ms} ms later"));
                let before = self.state();
                self.stage.clock.pass_ms(ms);
                self.finish_section(&before);
                self.deliver_own();
            }
            Step::Restart { keeping } => self.restart(keeping),
            Step::Alarm => {
                self.page.heading("the alarm rings");
                let before = self.state();
                let engine = self.life.engine.clone();
                let taken_up = async move {
                    match engine.clone().owes().await? {
                        true => engine.recover().await,
                        false => Ok(()),
                    }
                };
                self.finish("the recovery", taken_up);
                self.finish_section(&before);
                self.deliver_own();
            }
            Step::Lose(kind, loss) => self.stage.streams.lose_next(kind, loss),
        }
    }

    fn say(&mut self, events: Vec<EventInput>) {
        let log = self.stage.streams.own();
        let appended = log.append(events, self.stage.clock.now());
        let appended =
            appended.unwrap_or_else(|error| panic!("the story is not possible: {error}"));
        let offsets = appended.iter().map(|event| event.offset);
        self.from_outside.extend(offsets);
        self.deliver(&appended, log.head());
        self.deliver_own();
    }

    /// Ends the life, and begins the next one from the checkpoint that is left.
    fn restart(&mut self, keeping: Offset) {
        self.stage.written.lose_above(keeping);
        self.life.end();
        self.stage.clock.settle();
        self.life = self.stage.live(self.life.incarnation + 1);
        let checkpoint = self.checkpoint();
        self.page.heading(format_args!(
            "the object restarts from its checkpoint at @{checkpoint}"
        ));
        self.deliver(&[], self.stage.streams.own().head());
        self.deliver_own();
    }

    /// Delivers what is consumed between the checkpoint and `to` as one batch; `fresh` is told of even
    /// if it is not consumed.
    fn deliver(&mut self, fresh: &[Arc<Event>], to: Offset) {
        let contract = P::contract();
        let events = self
            .stage
            .streams
            .own()
            .between(self.checkpoint(), Some(to.next()));
        let is_fresh = |event: &Arc<Event>| fresh.iter().any(|new| new.offset == event.offset);
        let told = events
            .into_iter()
            .filter(|event| contract.consumes(&event.kind) || is_fresh(event));
        let told: Vec<Arc<Event>> = told.collect();
        if told.is_empty() {
            return;
        }
        self.page.line(0, "");
        for event in &told {
            self.page.event(event, self.mark(event));
        }
        let consumed = told
            .into_iter()
            .filter(|event| contract.consumes(&event.kind));
        let batch: Vec<Arc<Event>> = consumed.collect();
        if batch.is_empty() {
            return;
        }
        let anchor = self.stage.written.side_effects_after;
        let before = self.state();
        let offsets: Vec<Offset> = batch.iter().map(|event| event.offset).collect();
        let live = batch.iter().filter(|event| event.offset > anchor);
        self.live.extend(live.map(|event| event.kind.clone()));
        let batch = EventBatch {
            events: Arc::new(batch),
            stream_max_offset: self.stage.streams.own().head(),
        };
        self.finish("the batch", self.life.engine.clone().ingest(batch));
        self.delivered.extend(offsets);
        self.finish_section(&before);
    }

    fn mark(&self, event: &Event) -> Mark {
        let offset = &event.offset;
        match event {
            event if !P::contract().consumes(&event.kind) => Mark::NotConsumed,
            _ if self.delivered.contains(offset) => Mark::Again,
            _ if *offset <= self.stage.written.side_effects_after => Mark::BelowTheAnchor,
            _ if !self.from_outside.contains(offset) => Mark::Own,
            _ => Mark::None,
        }
    }

    /// Delivers what the processor appended to its own stream, event by event.
    fn deliver_own(&mut self) {
        for _ in 0..OWN_BATCHES_MAX {
            let before = self.checkpoint();
            let contract = P::contract();
            let events = self.stage.streams.own().between(before, None);
            let mut consumed = events.iter().filter(|event| contract.consumes(&event.kind));
            let Some(next) = consumed.next() else {
                return;
            };
            if self.delivered.contains(&next.offset) {
                // Its batch failed: only a new life, or a new event, delivers it again.
                return;
            }
            self.deliver(&[], next.offset);
        }
        self.page.heading("... and so on, without an end");
    }

    fn finish(&self, what: &str, work: impl Future<Output = Result<(), ProcessorError>>) {
        let outcome = self.stage.clock.run(work);
        self.stage.clock.settle();
        let failure = match outcome {
            Some(Ok(())) => return,
            Some(Err(error)) => format!("{what} fails: {error}"),
            None => format!("{what} never ends"),
        };
        self.life.journal.note(Effect::Failed(failure));
    }

    /// What became of it: the changes of the state, then the effects, in order.
    fn finish_section(&mut self, before: &Value) {
        let after = self.state();
        section::state(&mut self.page, before, &after);
        for effect in self.life.journal.take() {
            section::effect(&mut self.page, &effect);
        }
        let owes = self.stage.clock.run(self.life.engine.clone().owes());
        let owes = matches!(owes, Some(Ok(true)));
        match (std::mem::replace(&mut self.owes, owes), owes) {
            (false, true) => self.page.line(2, "something is owed from here on"),
            (true, false) => self.page.line(2, "nothing is owed any more"),
            _ => {}
        }
    }

    fn end(mut self) -> Told {
        let checkpoint = self.checkpoint();
        let owes = match self.owes {
            true => ", something is owed",
            false => "",
        };
        self.page
            .heading(format_args!("the end: checkpoint @{checkpoint}{owes}"));
        self.life.end();
        self.stage.clock.end();
        Told {
            text: self.page.into_text(),
            contract: P::contract(),
            live: self.live,
        }
    }

    fn state(&self) -> Value {
        let snapshot = self.life.engine.snapshot();
        let snapshot = snapshot.unwrap_or_else(|error| panic!("{error}"));
        serde_json::to_value(&*snapshot.state).expect("it was stored as JSON")
    }

    fn checkpoint(&self) -> Offset {
        let snapshot = self.life.engine.snapshot();
        snapshot.unwrap_or_else(|error| panic!("{error}")).offset
    }
}
