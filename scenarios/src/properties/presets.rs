//! Reads the logs of agents and of the root above them, when presets were configured, and who lived when.
//! Asserts that what an agent was set up with is a preset of its path, whole, or the defaults if there was
//! none (spec §5.11); and that at rest the longest preset that stood when its object last woke was applied.
//! Does not assert what became of a preset that was configured while the object woke.

use processors::agent::{
    self,
    setup::{PathPrefixPresetConfigured, PATH_PREFIX_PRESET_CONFIGURED, ROOT_PATH},
};
use runtime::{
    call::ObjectName,
    event::{StreamName, StreamPath},
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::{BTreeMap, BTreeSet};

pub struct Presets;

const SLACK: [&str; 2] = ["agents", "slack"];
const DEFAULT: &str = "default";

/// An incarnation that lived so long has woken.
const WAKES_WITHIN_MS: u64 = 60_000;

struct Preset {
    base: StreamPath,
    events: usize,
    /// When it was configured, in simulated time.
    at_ms: u64,
}

impl Oracle for Presets {
    fn name(&self) -> &'static str {
        "preset"
    }

    fn asserts(&self) -> &'static str {
        "an agent is set up with the longest preset of its path, or with the defaults"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let judged = |log| judge(evidence, log);
        evidence.logs.values().map(judged).sum()
    }
}

fn judge(evidence: &Evidence, log: &StreamLog) -> Result<u64, Violation> {
    let applied = applied(log);
    if applied.is_empty() {
        return Ok(0);
    }
    let presets = presets_for(evidence, &log.name);
    let violation = |kind: fn(&'static str, String) -> Violation, class, what: String| {
        Err(kind(class, format!("agent {}: {what}", log.name)))
    };
    for (base, places) in applied.iter().filter(|(base, _)| **base != DEFAULT) {
        let mut own = presets
            .iter()
            .filter(|preset| preset.base.as_str() == *base);
        if own.clone().next().is_none() {
            let what = format!("it was set up with the preset of {base:?}");
            return violation(Violation::safety, "wrong-path", what);
        }
        if !own.any(|preset| places.iter().copied().eq(0..preset.events)) {
            let what = format!("it has the events {places:?} of the preset of {base:?}");
            return violation(Violation::safety, "not-whole", what);
        }
    }
    let object = ObjectName::new(agent::object::BINDING, log.name.to_string());
    let lives = || evidence.lifetimes.iter().filter(|it| it.object == object);
    let first_ms = lives().map(|life| life.began_ms).min().unwrap_or(0);
    let stood = |at_ms: u64| presets.iter().filter(move |preset| preset.at_ms < at_ms);
    if applied.contains_key(DEFAULT) {
        if let Some(preset) = stood(first_ms).next() {
            let what = format!("it has the defaults, and not the preset of {}", preset.base);
            return violation(Violation::safety, "defaults", what);
        }
    }
    let last = lives().next_back();
    let has_woken = |ended_ms: Option<u64>, began_ms: u64| {
        ended_ms.is_none_or(|ended_ms| ended_ms > began_ms + WAKES_WITHIN_MS)
    };
    if let Some(last) = last.filter(|life| has_woken(life.ended_ms, life.began_ms)) {
        let length = |base: &StreamPath| base.segments().count();
        let wanted = stood(last.began_ms).max_by_key(|preset| length(&preset.base));
        let is_applied = |wanted: &Preset| {
            let bases = applied.keys().filter(|base| **base != DEFAULT);
            let mut bases = bases.filter_map(|base| StreamPath::parse(base).ok());
            bases.any(|base| length(&base) >= length(&wanted.base))
        };
        if let Some(wanted) = wanted.filter(|wanted| !is_applied(wanted)) {
            let what = format!("it woke, and never got the preset of {}", wanted.base);
            return violation(Violation::liveness, "missed", what);
        }
    }
    Ok(applied.len() as u64)
}

/// The setups that a log holds: by base path, the places of their events.
fn applied(log: &StreamLog) -> BTreeMap<&str, BTreeSet<usize>> {
    let mut applied: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let keys = log
        .events
        .iter()
        .filter_map(|event| event.idempotency_key.as_ref());
    for key in keys.filter_map(|key| key.as_str().strip_prefix("os-agent-setup:")) {
        let mut parts = key.splitn(3, ':');
        if let (Some(base), Some(place)) = (parts.next(), parts.next()) {
            if let Ok(place) = place.parse() {
                applied.entry(base).or_default().insert(place);
            }
        }
    }
    applied
}

/// The presets that may be applied to an agent.
fn presets_for(evidence: &Evidence, agent: &StreamName) -> Vec<Preset> {
    let root = StreamPath::parse(ROOT_PATH).expect("a path");
    let root = StreamName::new(&agent.namespace, root);
    let configured = evidence.log(&root).iter();
    let presets = configured.filter_map(|event| {
        let preset: PathPrefixPresetConfigured = (event.kind == PATH_PREFIX_PRESET_CONFIGURED)
            .then(|| event.payload().ok())
            .flatten()?;
        Some(Preset {
            events: preset.events.len(),
            base: preset.base_path,
            at_ms: evidence.committed_ms(&root, event.offset).unwrap_or(0),
        })
    });
    presets
        .filter(|preset| begins_with(&agent.path, &preset.base))
        .filter(|preset| !is_of_slack(&agent.path) || is_of_slack(&preset.base))
        .collect()
}

fn begins_with(path: &StreamPath, base: &StreamPath) -> bool {
    let mut own = path.segments();
    base.segments().all(|segment| own.next() == Some(segment))
}

fn is_of_slack(path: &StreamPath) -> bool {
    path.segments().take(SLACK.len()).eq(SLACK)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use processors::agent::contract::SYSTEM_PROMPT_UPDATED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const ROOT: &str = "p1:/agents";
    const AGENT: &str = "p1:/agents/a/b";
    const THREAD: &str = "p1:/agents/slack/c1/ts-1";

    fn preset(base: &str) -> Entry {
        let prompt = json!({ "type": SYSTEM_PROMPT_UPDATED, "payload": { "systemPrompt": "" } });
        let configured = json!({ "basePath": base, "events": [prompt, prompt] });
        Entry::new(PATH_PREFIX_PRESET_CONFIGURED, configured)
    }

    fn setup(base: &str, place: usize) -> Entry {
        let key = format!("os-agent-setup:{base}:{place}:{SYSTEM_PROMPT_UPDATED}");
        Entry::new(SYSTEM_PROMPT_UPDATED, json!({ "systemPrompt": "" })).keyed(&key)
    }

    /// These presets are configured after 10 ms; the agent wakes then, and has these setups.
    fn woken(at_ms: u64, agent: &str, presets: &[&str], setups: &[&str]) -> History {
        let both = |base: &&str| [setup(base, 0), setup(base, 1)];
        let configured = presets.iter().map(|base| preset(base));
        let root = History::new(&[]).at(10).log(ROOT, configured);
        root.commit(ROOT, 1, (1, presets.len() as u64))
            .at(at_ms)
            .begins(agent::object::BINDING, agent)
            .log(agent, setups.iter().flat_map(both))
    }

    #[test]
    fn the_longest_preset_is_right() {
        let presets = ["/agents", "/agents/a"];
        assert_eq!(
            woken(20, AGENT, &presets, &["/agents/a"]).exercised(&Presets),
            1
        );
        assert_eq!(woken(20, AGENT, &[], &["default"]).exercised(&Presets), 1);
        let slack = woken(20, THREAD, &presets, &["default"]);
        assert_eq!(slack.exercised(&Presets), 1, "no preset of Slack's");
    }

    #[test]
    fn a_preset_of_another_path_is_wrong() {
        let wrong_path = Some(("wrong-path", SAFETY));
        let other = woken(20, AGENT, &["/agents/ab"], &["/agents/ab"]);
        assert_eq!(other.verdict(&Presets), wrong_path);
        let slack = woken(20, THREAD, &["/agents"], &["/agents"]);
        assert_eq!(slack.verdict(&Presets), wrong_path);
    }

    #[test]
    fn half_a_preset_is_wrong() {
        let half = woken(20, AGENT, &["/agents"], &[]).log(AGENT, [setup("/agents", 1)]);
        assert_eq!(half.verdict(&Presets), Some(("not-whole", SAFETY)));
    }

    #[test]
    fn the_defaults_are_wrong_where_a_preset_stood() {
        let defaults = woken(20, AGENT, &["/agents"], &["default"]);
        assert_eq!(defaults.verdict(&Presets), Some(("defaults", SAFETY)));
        let later = woken(5, AGENT, &["/agents"], &["default"]);
        assert_eq!(later.exercised(&Presets), 1, "it was not there yet");
    }

    #[test]
    fn a_longer_preset_is_applied_at_the_next_wake() {
        let presets = ["/agents", "/agents/a"];
        let missed = Some(("missed", LIVENESS));
        assert_eq!(
            woken(20, AGENT, &presets, &["/agents"]).verdict(&Presets),
            missed
        );
        let again = woken(5, AGENT, &["/agents"], &["default"]);
        let again = again.at(30).begins(agent::object::BINDING, AGENT);
        assert_eq!(again.verdict(&Presets), missed);
    }
}
