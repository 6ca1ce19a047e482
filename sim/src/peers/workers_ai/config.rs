//! The knobs of the fake Workers AI: the account, its models, and what they say.

use crate::peers::script::Script;

#[derive(Clone, Debug)]
pub struct WorkersAiConfig {
    pub account_id: String,
    /// The bearer token that is accepted for the account.
    pub api_token: String,
    /// The models that there are, with or without the leading at-sign of their names.
    pub models: Vec<Model>,
    pub script: Script,
    /// From accepting a request to its first token, without faults.
    pub first_token_ms: u64,
    /// Between two tokens, without faults, by the user's last text.
    pub token_ms: fn(&str) -> u64,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    pub form: ResultForm,
}

/// How a model's result looks (spec/peers.md §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultForm {
    /// An object with the text as `response`.
    Response,
    /// A chat completion, as OpenAI's older API has them.
    Choices,
}

impl Default for WorkersAiConfig {
    fn default() -> Self {
        let model = |name: &str, form| Model {
            name: name.to_owned(),
            form,
        };
        WorkersAiConfig {
            account_id: "023e105f4ecef8ad9ca31a8372d0c353".to_owned(),
            api_token: "cf-test-000".to_owned(),
            models: vec![
                model("@cf/moonshotai/kimi-k2.5", ResultForm::Choices),
                model("@cf/meta/llama-3.1-8b-instruct", ResultForm::Response),
            ],
            script: Script::Drawn,
            first_token_ms: 20,
            token_ms: |_| 0,
        }
    }
}
