//! The agent-chat contract (spec §5.2): two event types, and no state.

use crate::agent::contract::{self as agent, INPUT_ADDED};
use runtime::{
    event::EventType,
    processor::{Catalogue, Contract, EventDefinition},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const SLUG: &str = "agent-chat";

pub const USER_MESSAGE_ADDED: EventType =
    EventType::of("events.iterate.com/agent-chat/user-message-added");
pub const ASSISTANT_RESPONSE_ADDED: EventType =
    EventType::of("events.iterate.com/agent-chat/assistant-response-added");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(USER_MESSAGE_ADDED, "A user wrote a message."),
        EventDefinition::new(ASSISTANT_RESPONSE_ADDED, "The user was shown a response."),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Tells the model of the messages and responses of a chat.",
    events: &CATALOGUE,
    dependencies: &[&agent::CATALOGUE],
    consumes: &[USER_MESSAGE_ADDED, ASSISTANT_RESPONSE_ADDED],
    emits: &[INPUT_ADDED],
};

/// Where a chat is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    #[default]
    Web,
    Tui,
}

impl Channel {
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Web => "web",
            Channel::Tui => "tui",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserMessageAdded {
    pub channel: Channel,
    pub content: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssistantResponseAdded {
    pub channel: Channel,
    pub message: Arc<str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {}

/// A consumed event, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consumed {
    UserMessage(UserMessageAdded),
    AssistantResponse(AssistantResponseAdded),
}
