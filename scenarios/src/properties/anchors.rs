//! Reads the anchors and the logs. Asserts that what stands at or below a processor's anchor has no effect
//! (spec §2.5; B-43): no status is told of it, nothing is rendered, no script is run. Effects are known by
//! their keys, which name the event that they are of. Does not judge what is owed whatever its age: a
//! question without an answer, a request that failed, a request without an end.

use processors::{agent, agent_chat, agent_host, slack_agent};
use runtime::event::{Offset, StreamName};
use sim::oracles::{Evidence, Oracle, StoredAnchor, Violation};

pub struct Anchors;

/// Of each processor, how the keys of its effects begin; what follows the last `@` is their event.
const EFFECTS: &[(&str, &[&str])] = &[
    (
        agent::contract::SLUG,
        &[
            "status-updated/",
            "render-llm-request-cancelled@",
            "render-agent-capability-noted@",
            "render-codemode-tool-provider-registered@",
        ],
    ),
    (agent_chat::contract::SLUG, &["render-"]),
    (
        agent_host::contract::SLUG,
        &["agent-output-to-codemode-script@"],
    ),
    (slack_agent::contract::SLUG, &[""]),
];

impl Oracle for Anchors {
    fn name(&self) -> &'static str {
        "anchor"
    }

    fn asserts(&self) -> &'static str {
        "nothing is done about what stands at or below a processor's anchor"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let anchors = evidence.anchors.iter();
        anchors.map(|anchor| judge(evidence, anchor)).sum()
    }
}

fn judge(evidence: &Evidence, anchor: &StoredAnchor) -> Result<u64, Violation> {
    let mut effects = EFFECTS.iter();
    let Some((slug, beginnings)) = effects.find(|(slug, _)| anchor.processor == *slug) else {
        return Ok(0);
    };
    let stream = StreamName::parse(&anchor.object.name).expect("a host is named after its stream");
    let mut right = 0;
    for event in evidence.log(&stream) {
        let key = event.idempotency_key.as_ref().map(|key| key.as_str());
        let own = key.and_then(|key| key.strip_prefix(slug)?.strip_prefix('/'));
        let Some(own) = own.filter(|own| beginnings.iter().any(|it| own.starts_with(it))) else {
            continue;
        };
        let Some(source) = own.rsplit_once('@').and_then(|(_, at)| at.parse().ok()) else {
            continue;
        };
        if Offset(source) <= anchor.offset {
            return Err(Violation::safety(
                "effect-below",
                format!(
                    "stream {stream}: the event at offset {} is an effect of {slug} on offset {source}, \
                     and its anchor is {}",
                    event.offset, anchor.offset
                ),
            ));
        }
        right += 1;
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::{LLM_REQUEST_SCHEDULED, STATUS_UPDATED};
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const EFFECT_BELOW: Option<(&str, sim::world::FailureKind)> = Some(("effect-below", SAFETY));

    fn anchored(entry: Entry) -> History {
        let binding = agent::object::BINDING;
        let slug = agent::contract::SLUG;
        History::new(&[])
            .anchor(binding, THREAD, slug, 5)
            .log(THREAD, [entry])
    }

    fn status_of(offset: u64) -> Entry {
        let key = format!("agent/status-updated/idle/llm-request-completed@{offset}");
        Entry::new(STATUS_UPDATED, json!({})).keyed(&key)
    }

    #[test]
    fn an_effect_above_the_anchor_is_right() {
        assert_eq!(anchored(status_of(6)).exercised(&Anchors), 1);
    }

    #[test]
    fn an_effect_at_the_anchor_is_wrong() {
        assert_eq!(anchored(status_of(5)).verdict(&Anchors), EFFECT_BELOW);
    }

    #[test]
    fn what_is_owed_is_no_effect() {
        let scheduled = Entry::new(LLM_REQUEST_SCHEDULED, json!({}));
        let scheduled = scheduled.keyed("agent/llm-request-scheduled@4");
        assert_eq!(anchored(scheduled).exercised(&Anchors), 0);
    }

    #[test]
    fn another_processor_has_its_own_anchor() {
        let history = anchored(status_of(6)).anchor("AGENT", THREAD, "agent-host", 9);
        assert_eq!(history.exercised(&Anchors), 1);
    }
}
