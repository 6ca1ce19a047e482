//! The reactor's event and state (spec §5.5): rules by their slug, in the order in which they were first
//! configured.

use super::rules::Rules;
use runtime::{
    event::EventType,
    processor::{Catalogue, Contract, EventDefinition, WILDCARD},
    schema::text,
};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

pub const SLUG: &str = "jsonata-reactor";

pub const RULE_CONFIGURED: EventType =
    EventType::of("events.iterate.com/jsonata-reactor/rule-configured");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[EventDefinition::new(
        RULE_CONFIGURED,
        "A rule: which events it matches, and what is to be appended on account of them.",
    )],
};

/// What it emits is for its rules to say.
pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Appends what rules written in JSONata make of the stream's events.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[WILDCARD, RULE_CONFIGURED],
    emits: &[],
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfigured {
    #[serde(deserialize_with = "text")]
    pub slug: String,
    /// An expression on an event: whether the rule applies to it.
    #[serde(deserialize_with = "text")]
    pub matcher: String,
    pub reactions: Vec<Reaction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    #[serde(rename = "type")]
    pub kind: ReactionKind,
    /// An expression on an event: what is to be appended, one or a list.
    #[serde(deserialize_with = "text")]
    pub events: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReactionKind {
    AppendEvents,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub matcher: String,
    pub reactions: Vec<Reaction>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    /// Shared, as every event has a state of its own and few events change a rule.
    pub rules_by_slug: Rc<Rules>,
}
