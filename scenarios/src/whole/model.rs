//! What both models say: in Slack's threads, scripts that answer there; to somebody who wants something
//! computed, a script that does; of a script's end they only take note.

use crate::{agent::project, slack};
use processors::{
    codemode::contract::SCRIPT_EXECUTION_COMPLETED, slack::contract::WEBHOOK_RECEIVED,
};
use sim::peers::openai::Script;
use std::sync::Arc;

pub fn script() -> Script {
    Script::ByInput(Arc::new(answer))
}

fn answer(asked: &str) -> Option<String> {
    if asked.contains(SCRIPT_EXECUTION_COMPLETED.as_str()) {
        return Some("Noted.".to_owned());
    }
    match asked.contains(WEBHOOK_RECEIVED.as_str()) {
        true => Some(slack::model::answer(asked)),
        false => project::answer(asked),
    }
}
