//! A chat with an agent (spec §5.2).

use crate::review::Named;
use processors::agent_chat::{contract::*, AgentChatProcessor};
use runtime::event::EventInput;
use semantics::Story;
use serde_json::json;

pub fn stories() -> Vec<Named> {
    vec![("chat", chat().tell())]
}

fn message(content: &str) -> EventInput {
    let message = json!({ "channel": "web", "content": content });
    EventInput::new(USER_MESSAGE_ADDED, message)
}

fn response(message: &str) -> EventInput {
    let response = json!({ "channel": "web", "message": message });
    EventInput::new(ASSISTANT_RESPONSE_ADDED, response)
}

fn chat() -> Story<AgentChatProcessor> {
    let title = "what is said in a chat becomes input, after an explainer";
    Story::new(title, "p1:/agents/a", AgentChatProcessor::new)
        .below_the_anchor(message("before"))
        .event(message("Hello,\nhow are you?"))
        .event(response("Well."))
        .batch([message("Good."), response("And you?")])
}
