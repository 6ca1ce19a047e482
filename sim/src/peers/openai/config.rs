//! The knobs of the fake OpenAI: its key, its limits, and what its model says.

use std::{fmt, sync::Arc};

#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// The bearer token that is accepted.
    pub api_key: String,
    pub script: Script,
    /// From accepting a request to its first token, without faults.
    pub first_token_ms: u64,
    /// Between two tokens, without faults, by the user's last text.
    pub token_ms: fn(&str) -> u64,
    /// The age at which a connection takes no further request (spec/peers.md §2.4).
    pub lifetime_ms: u64,
    /// The close code after the lifetime error, which is undocumented.
    pub lifetime_close_code: u16,
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        OpenAiConfig {
            api_key: "sk-test-000".to_owned(),
            script: Script::Drawn,
            first_token_ms: 20,
            token_ms: |_| 0,
            lifetime_ms: 60 * 60 * 1000,
            lifetime_close_code: 1000,
        }
    }
}

/// What the model says.
#[derive(Clone)]
pub enum Script {
    /// The user's words back, or one of a few short texts, by a labelled choice.
    Drawn,
    /// These answers one after the other, whichever connection asks; then as drawn.
    InOrder(Vec<String>),
    /// A function of the user's last text; drawn where it is `None`.
    ByInput(Arc<AnswerTo>),
}

/// The answer to the user's last text, if the script has one.
pub type AnswerTo = dyn Fn(&str) -> Option<String> + Send + Sync;

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Script::Drawn => f.write_str("Drawn"),
            Script::InOrder(answers) => f.debug_tuple("InOrder").field(answers).finish(),
            Script::ByInput(_) => f.write_str("ByInput(..)"),
        }
    }
}
