//! What a processor says of itself, as data (spec §2.1).

use crate::{
    event::EventType,
    stream::contract::{Announcement, OwnedEvent},
};
use std::collections::BTreeMap;

/// An event type that somebody owns.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDefinition {
    pub kind: EventType,
    pub description: &'static str,
}

impl EventDefinition {
    pub const fn new(kind: EventType, description: &'static str) -> Self {
        EventDefinition { kind, description }
    }
}

/// The event types of one owner.
#[derive(Debug, PartialEq)]
pub struct Catalogue {
    pub owner: &'static str,
    pub events: &'static [EventDefinition],
}

#[derive(Debug)]
pub struct Contract {
    pub slug: &'static str,
    pub version: &'static str,
    pub description: &'static str,
    /// The types that this processor owns.
    pub events: &'static Catalogue,
    /// Whose types it consumes or emits besides.
    pub dependencies: &'static [&'static Catalogue],
    /// Types, or [`WILDCARD`].
    pub consumes: &'static [EventType],
    pub emits: &'static [EventType],
}

/// Consumes every type.
pub const WILDCARD: EventType = EventType::of("*");

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    #[error("processor {slug:?}: event type {kind} is owned by nobody that it depends on")]
    Unresolved { slug: &'static str, kind: EventType },
    #[error("processor {slug:?}: event type {kind} is owned by both {first:?} and {second:?}")]
    OwnedTwice {
        slug: &'static str,
        kind: EventType,
        first: &'static str,
        second: &'static str,
    },
}

impl Contract {
    /// Every consumed and emitted type has exactly one owner.
    ///
    /// # Errors
    /// Names the type that has none or two.
    pub fn check(&self) -> Result<(), ContractError> {
        let slug = self.slug;
        let mut owners: BTreeMap<&EventType, &'static str> = BTreeMap::new();
        let catalogues = self.dependencies.iter().copied().chain([self.events]);
        for catalogue in catalogues {
            for event in catalogue.events {
                if let Some(first) = owners.insert(&event.kind, catalogue.owner) {
                    return Err(ContractError::OwnedTwice {
                        slug,
                        kind: event.kind.clone(),
                        first,
                        second: catalogue.owner,
                    });
                }
            }
        }
        let named = self.consumes.iter().chain(self.emits);
        match named
            .filter(|kind| **kind != WILDCARD)
            .find(|kind| !owners.contains_key(kind))
        {
            None => Ok(()),
            Some(kind) => Err(ContractError::Unresolved {
                slug,
                kind: kind.clone(),
            }),
        }
    }

    pub fn consumes(&self, kind: &EventType) -> bool {
        self.consumes
            .iter()
            .any(|consumed| consumed == kind || *consumed == WILDCARD)
    }

    /// What a stream is told when the processor subscribes.
    pub fn announcement(&self) -> Announcement {
        let names = |types: &[EventType]| types.iter().map(EventType::to_string).collect();
        Announcement {
            slug: self.slug.to_owned(),
            version: self.version.to_owned(),
            description: self.description.to_owned(),
            consumes: names(self.consumes),
            emits: names(self.emits),
            owned_events: self
                .events
                .events
                .iter()
                .map(|event| OwnedEvent {
                    kind: event.kind.to_string(),
                    description: Some(event.description.to_owned()),
                })
                .collect(),
        }
    }

    /// A key for an append: `<slug>/<key>`.
    pub fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.slug)
    }

    /// A key for an append that an event caused: `<slug>/<key>@<offset>`.
    pub fn key_at(&self, key: &str, source: crate::event::Offset) -> String {
        format!("{}/{key}@{source}", self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OWN: Catalogue = Catalogue {
        owner: "own",
        events: &[EventDefinition::new(EventType::of("t/a"), "")],
    };
    static OTHER: Catalogue = Catalogue {
        owner: "other",
        events: &[EventDefinition::new(EventType::of("t/a"), "")],
    };

    fn contract(
        dependencies: &'static [&'static Catalogue],
        consumes: &'static [EventType],
    ) -> Contract {
        Contract {
            slug: "own",
            version: "0.1.0",
            description: "",
            events: &OWN,
            dependencies,
            consumes,
            emits: &[],
        }
    }

    static OWNED: [EventType; 1] = [EventType::of("t/a")];
    static FOREIGN: [EventType; 1] = [EventType::of("t/b")];
    static EVERYTHING: [EventType; 1] = [WILDCARD];
    static BESIDE: [&Catalogue; 1] = [&OTHER];

    #[test]
    fn every_type_has_exactly_one_owner() {
        assert_eq!(contract(&[], &OWNED).check(), Ok(()));
        assert_eq!(contract(&[], &EVERYTHING).check(), Ok(()));
        let unresolved = contract(&[], &FOREIGN).check().unwrap_err();
        assert!(unresolved.to_string().contains("t/b"));
        let twice = contract(&BESIDE, &[]).check().unwrap_err();
        assert!(twice.to_string().contains("both \"other\" and \"own\""));
    }
}
