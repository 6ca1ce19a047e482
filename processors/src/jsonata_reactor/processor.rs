//! The reactor (spec §5.5): every event is held against every rule, as of that event, and what the rules
//! make of it is appended, event by event and rule by rule.
//!
//! The reactions of a batch are computed before the first of them is appended, so one that cannot be
//! computed fails the batch and leaves nothing behind. They are blocking: the checkpoint passes an event
//! when all that it leads to stands. What rules themselves are made of leads to nothing.

use super::{
    contract::*,
    reaction::{Append, Cause, DEPTH_KEY, DEPTH_MAX},
};
use runtime::{
    event::{Event, EventInput, PayloadError, StreamName},
    object::Context,
    processor::{Contract, Dependencies, Hook, Processor, ProcessorError, Reduced, StreamPort},
    quirk::Quirk,
    stream::contract::{ErrorOccurred, ERROR_OCCURRED},
};
use serde_json::Map;
use std::rc::Rc;

pub struct JsonataReactor {
    context: Context,
    stream: Rc<dyn StreamPort>,
    own: StreamName,
}

pub enum Consumed {
    RuleConfigured(RuleConfigured),
    Other,
}

impl JsonataReactor {
    /// `own` is the stream that `dependencies` reach.
    pub fn new(dependencies: Dependencies, own: &StreamName) -> Self {
        JsonataReactor {
            context: dependencies.context,
            stream: dependencies.stream,
            own: own.clone(),
        }
    }

    /// What the rules make of an event.
    fn react(&self, reduced: &Reduced<Self>) -> Result<Vec<Append>, ProcessorError> {
        let failed = |error: &dyn std::fmt::Display| {
            let offset = reduced.event.offset;
            ProcessorError::Failed(format!("{SLUG} at offset {offset}: {error}"))
        };
        let Consumed::Other = reduced.consumed else {
            return Ok(Vec::new());
        };
        let rules = &reduced.state.rules_by_slug;
        let cause = Cause::new(&reduced.event, &self.own);
        let is_keyed = !self.context.quirk(Quirk::X5);
        let mut appends = Vec::new();
        for (slug, rule) in rules.iter() {
            let matches = cause.matches(&self.context, slug, rule);
            if !matches.map_err(|error| failed(&error))? {
                continue;
            }
            if cause.depth() >= DEPTH_MAX {
                appends.extend(self.stop(slug, &cause, &reduced.event));
                break;
            }
            let reactions = cause.reactions(&self.context, slug, rule, is_keyed);
            appends.extend(reactions.map_err(|error| failed(&error))?);
        }
        Ok(appends)
    }

    /// Says, once, that a rule is not applied any more. What says so leads to nothing.
    fn stop(&self, slug: &str, cause: &Cause<'_>, event: &Event) -> Option<Append> {
        if cause.depth() > DEPTH_MAX {
            return None;
        }
        let message = format!(
            "rule {slug:?} is not applied to the event at offset {}: {DEPTH_MAX} reactions led to it",
            event.offset
        );
        let occurred = ErrorOccurred {
            message,
            error: None,
        };
        let mut metadata = Map::new();
        metadata.insert(DEPTH_KEY.to_owned(), (cause.depth() + 1).into());
        let stopped = EventInput::new(ERROR_OCCURRED, occurred)
            .keyed(CONTRACT.key_at("reactions-stopped", event.offset));
        Some(Append {
            path: None,
            event: EventInput {
                metadata: Some(metadata),
                ..stopped
            },
        })
    }

    /// Appends in order; what goes to the same stream without a break goes there together.
    async fn append_all(&self, appends: Vec<Append>) -> Result<(), ProcessorError> {
        let mut left = appends.into_iter().peekable();
        while let Some(Append { path, event }) = left.next() {
            let mut events = vec![event];
            while let Some(next) = left.next_if(|next| next.path == path) {
                events.push(next.event);
            }
            self.stream.append_batch(path.as_ref(), events).await?;
        }
        Ok(())
    }
}

impl Processor for JsonataReactor {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        match event.kind == RULE_CONFIGURED {
            true => event.payload().map(Consumed::RuleConfigured),
            false => Ok(Consumed::Other),
        }
    }

    fn reduce(state: &mut State, _event: &Event, consumed: &Consumed) {
        if let Consumed::RuleConfigured(configured) = consumed {
            let RuleConfigured {
                slug,
                matcher,
                reactions,
            } = configured.clone();
            Rc::make_mut(&mut state.rules_by_slug).insert(slug, Rule { matcher, reactions });
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let reactions = hook.live.iter().map(|reduced| self.react(reduced));
        let reactions: Result<Vec<Vec<Append>>, ProcessorError> = reactions.collect();
        let reactor = self.clone();
        match reactions.map(|of_events| of_events.concat()) {
            Ok(appends) if appends.is_empty() => {}
            Ok(appends) => hook.block(async move { reactor.append_all(appends).await }),
            Err(error) => hook.block(async { Err(error) }),
        }
    }
}
