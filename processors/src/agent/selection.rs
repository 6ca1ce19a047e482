//! Which provider answers an agent (spec §5.11): the one that its stream has selected last before the
//! request. Every provider folds the selections, and leaves the requests of the others alone, so exactly
//! one answers, however many are subscribed (B-42). A request under way when another provider is
//! selected is brought to its end by the one that it was made for.

use runtime::{
    event::EventType,
    processor::{Catalogue, EventDefinition},
};
use serde::{Deserialize, Serialize};

pub const LLM_PROVIDER_SELECTED: EventType =
    EventType::of("events.iterate.com/os-agent/llm-provider-selected");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: "os-agent",
    events: &[EventDefinition::new(
        LLM_PROVIDER_SELECTED,
        "Model requests are for this provider from here on.",
    )],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmProviderSelected {
    pub provider: String,
}

impl LlmProviderSelected {
    pub fn new(provider: Provider) -> Self {
        LlmProviderSelected {
            provider: provider.slug().to_owned(),
        }
    }

    /// None for a name that nobody has: the selection before it stands, as otherwise nobody would
    /// answer.
    pub fn known(&self) -> Option<Provider> {
        let mut all = Provider::ALL.into_iter();
        all.find(|provider| provider.slug() == self.provider)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provider {
    /// Where nothing was selected.
    #[default]
    #[serde(rename = "openai-ws")]
    OpenAiWs,
    #[serde(rename = "cloudflare-ai")]
    CloudflareAi,
}

impl Provider {
    pub const ALL: [Provider; 2] = [Provider::OpenAiWs, Provider::CloudflareAi];

    /// The slug of its processor.
    pub const fn slug(self) -> &'static str {
        match self {
            Provider::OpenAiWs => "openai-ws",
            Provider::CloudflareAi => "cloudflare-ai",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_written_as_its_slug() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.slug());
            assert_eq!(LlmProviderSelected::new(provider).known(), Some(provider));
        }
        let unknown = LlmProviderSelected {
            provider: "openai".to_owned(),
        };
        assert_eq!(unknown.known(), None);
    }
}
