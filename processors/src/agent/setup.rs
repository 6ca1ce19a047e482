//! What a new agent starts with (spec §5.11): provider, configuration, system prompt: those of the
//! preset with the longest matching base path on the root stream `/agents`, else the defaults.
//!
//! Each event is keyed by preset, place and type, so every incarnation may ask for all of them again.

use super::{
    contract::{LlmConfig, SystemPromptUpdated, LLM_CONFIG_UPDATED, SYSTEM_PROMPT_UPDATED},
    selection::{LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
};
use crate::openai_ws::contract as openai_ws;
use runtime::{
    call::CallError,
    event::{Event, EventInput, EventType, Offset, StreamName, StreamPath},
    object::Context,
    stream::StreamClient,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const PATH_PREFIX_PRESET_CONFIGURED: EventType =
    EventType::of("events.iterate.com/os-agent/path-prefix-preset-configured");

/// The stream above all agents of a project. It is no agent itself.
pub const ROOT_PATH: &str = "/agents";
const SLACK_PATH: &str = "/agents/slack";

const DEBOUNCE_MS: u64 = 200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathPrefixPresetConfigured {
    pub base_path: StreamPath,
    pub events: Vec<EventInput>,
}

pub struct Setup {
    /// Keyed.
    pub events: Vec<EventInput>,
    /// The one that answers from then on.
    pub provider: Provider,
}

impl Setup {
    /// What an agent starts with, as the root stream has it now.
    ///
    /// # Errors
    /// The root stream cannot be reached.
    pub async fn of(context: &Context, agent: &StreamName) -> Result<Self, CallError> {
        let root = StreamPath::parse(ROOT_PATH).expect("a path");
        let root = StreamName::new(&agent.namespace, root);
        let client = StreamClient::named(context, &root);
        let configured = client.events(Offset::ZERO, None).await?;
        Ok(match preset_for(&agent.path, &configured) {
            Some(preset) => Setup::new(preset.base_path.as_str(), preset.events),
            None => Setup::new("default", defaults()),
        })
    }

    fn new(base_path: &str, events: Vec<EventInput>) -> Self {
        let selected = events.iter().rev().find_map(selected);
        Setup {
            events: keyed(base_path, events),
            provider: selected.unwrap_or_default(),
        }
    }
}

/// A thread of Slack is routed to this stream.
pub fn is_routed(agent: &StreamPath) -> bool {
    is_within(agent, SLACK_PATH)
}

/// The latest preset of the longest base path that holds the agent. Slack paths match only Slack
/// presets. A preset that does not parse is none.
fn preset_for(agent: &StreamPath, events: &[Arc<Event>]) -> Option<PathPrefixPresetConfigured> {
    events
        .iter()
        .filter(|event| event.kind == PATH_PREFIX_PRESET_CONFIGURED)
        .filter_map(|event| event.payload::<PathPrefixPresetConfigured>().ok())
        .filter(|preset| is_within(agent, preset.base_path.as_str()))
        .filter(|preset| !is_routed(agent) || is_routed(&preset.base_path))
        .max_by_key(|preset| preset.base_path.segments().count())
}

fn is_within(path: &StreamPath, base: &str) -> bool {
    let rest = path.as_str().strip_prefix(base.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The provider that an event selects.
fn selected(event: &EventInput) -> Option<Provider> {
    let is_selection = event.kind == LLM_PROVIDER_SELECTED;
    let selected: Option<LlmProviderSelected> = is_selection.then(|| event.payload()).flatten();
    selected?.known()
}

fn defaults() -> Vec<EventInput> {
    vec![
        EventInput::new(
            LLM_PROVIDER_SELECTED,
            LlmProviderSelected::new(Provider::default()),
        ),
        EventInput::new(
            openai_ws::CONFIG_UPDATED,
            openai_ws::ConfigUpdated {
                model: openai_ws::DEFAULT_MODEL.into(),
            },
        ),
        EventInput::new(
            LLM_CONFIG_UPDATED,
            LlmConfig {
                model: openai_ws::DEFAULT_MODEL.into(),
                debounce_ms: DEBOUNCE_MS,
                ..LlmConfig::default()
            },
        ),
        EventInput::new(
            SYSTEM_PROMPT_UPDATED,
            SystemPromptUpdated {
                system_prompt: "You are a helpful agent. Answer briefly.".into(),
            },
        ),
    ]
}

/// Whatever a preset says of keys and offsets, which mean nothing in another stream.
fn keyed(base_path: &str, events: Vec<EventInput>) -> Vec<EventInput> {
    let numbered = events.into_iter().enumerate();
    numbered
        .map(|(index, event)| {
            let key = format!("os-agent-setup:{base_path}:{index}:{}", event.kind);
            let event = EventInput {
                offset: None,
                ..event
            };
            event.keyed(key)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::event::Timestamp;

    fn preset(offset: u64, base_path: &str) -> Arc<Event> {
        Arc::new(Event {
            kind: PATH_PREFIX_PRESET_CONFIGURED,
            payload: Some(serde_json::json!({ "basePath": base_path, "events": [] }).into()),
            metadata: None,
            source: None,
            idempotency_key: None,
            offset: Offset(offset),
            created_at: Timestamp::from_unix_ms(0),
        })
    }

    fn chosen(agent: &str, presets: &[&str]) -> Option<String> {
        let numbered = (3..).zip(presets);
        let events: Vec<_> = numbered
            .map(|(offset, path)| preset(offset, path))
            .collect();
        let agent = StreamPath::parse(agent).unwrap();
        preset_for(&agent, &events).map(|preset| preset.base_path.to_string())
    }

    #[test]
    fn the_longest_base_path_wins() {
        let presets = ["/agents", "/agents/a", "/agents/ab"];
        assert_eq!(chosen("/agents/a/b", &presets).unwrap(), "/agents/a");
        assert_eq!(chosen("/agents/x", &presets).unwrap(), "/agents");
        assert_eq!(chosen("/other", &presets), None);
    }

    #[test]
    fn slack_paths_match_only_slack_presets() {
        assert_eq!(chosen("/agents/slack/c1/t1", &["/agents"]), None);
        let presets = ["/agents", "/agents/slack"];
        assert_eq!(
            chosen("/agents/slack/c1/t1", &presets).unwrap(),
            "/agents/slack"
        );
    }
}
