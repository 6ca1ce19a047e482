//! The knobs of the fake OpenAI: its key, its limits, and what its model says.

pub use crate::peers::script::{AnswerTo, Script};

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
    /// How many named lanes a WebSocket may use over its life, beside the default one. None is the
    /// strict setting: a client that obeys it obeys the newer rules too (§2.4).
    pub lanes_max: usize,
    /// How many responses of a WebSocket may be under way at once, at most one a lane.
    pub in_flight_max: usize,
    /// Whether a field that the API does not know is ignored, or its request turned down (§1.1).
    pub takes_unknown_fields: bool,
    /// Stored responses from before the world began.
    pub history: Vec<PastResponse>,
    /// Whether a response that is no stream is finished and billed although its client has left,
    /// which is undocumented.
    pub finishes_unread: bool,
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
            lanes_max: 0,
            in_flight_max: 1,
            takes_unknown_fields: false,
            history: Vec::new(),
            finishes_unread: true,
        }
    }
}

/// A response that was completed before.
#[derive(Clone, Debug)]
pub struct PastResponse {
    pub id: String,
    pub input_text: String,
    pub text: String,
}
