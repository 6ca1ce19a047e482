//! Reads the logs, and the anchors and checkpoints of reactors. Asserts that what rules appended is
//! exactly what they mean (`project/rules.rs`, which says it without JSONata): a reaction for each rule as
//! of an event above the anchor, on the right stream, none twice, and of nothing else; that every
//! event up to the checkpoint has all of its reactions; and that a line of reactions ends, and the log says
//! so. Does not assert that a checkpoint moves: see the processors' states.

use crate::project::rules::{Meaning, Reacted, REACTED};
use processors::jsonata_reactor::{
    contract::{RuleConfigured, CONTRACT, RULE_CONFIGURED, SLUG},
    reaction::DEPTH_MAX,
};
use runtime::{
    event::{Event, Offset, StreamName, StreamPath},
    stream::contract::ERROR_OCCURRED,
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub struct Reactions;

/// Every reaction that there may be, by what it says of itself, with the stream that it belongs on.
type Expected = BTreeMap<Reacted, StreamName>;

impl Oracle for Reactions {
    fn name(&self) -> &'static str {
        "reaction"
    }

    fn asserts(&self) -> &'static str {
        "rules react once to each event that they match, and to no other, and come to an end"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let names: BTreeSet<&str> = evidence.logs.keys().map(|it| &*it.namespace).collect();
        let projects = names.into_iter().map(|name| Project { name, evidence });
        projects.map(judge).sum()
    }
}

/// Reactions stay within their project.
#[derive(Clone, Copy)]
struct Project<'a> {
    name: &'a str,
    evidence: &'a Evidence,
}

impl<'a> Project<'a> {
    fn logs(self) -> impl Iterator<Item = &'a StreamLog> {
        let logs = self.evidence.logs.values();
        logs.filter(move |log| *log.name.namespace == *self.name)
    }

    fn stream(self, path: &str) -> StreamName {
        StreamName::new(self.name, StreamPath::parse(path).expect("a path"))
    }
}

fn judge(project: Project<'_>) -> Result<u64, Violation> {
    let evidence = project.evidence;
    let mut expected = Expected::new();
    let mut stops = Vec::new();
    for log in project.logs() {
        expect(project, log, &mut expected, &mut stops);
    }
    let found = found(project, &expected)?;
    for reacted in expected.keys() {
        let from = project.stream(&reacted.from);
        let is_due = checkpoint(evidence, &from) >= reacted.of;
        if is_due && !found.contains_key(reacted) {
            return Err(Violation::safety(
                "missing",
                format!(
                    "{from} is beyond {}, and there is no {reacted:?}",
                    reacted.of
                ),
            ));
        }
    }
    for (stream, at) in stops {
        check_stop(evidence, &stream, at)?;
    }
    Ok(found.len() as u64)
}

/// What the rules of a stream are to make of its events, and where they are to stop.
fn expect(
    project: Project<'_>,
    log: &StreamLog,
    expected: &mut Expected,
    stops: &mut Vec<(StreamName, Offset)>,
) {
    let Some(anchor) = anchor(project.evidence, &log.name) else {
        return;
    };
    let mut rules: BTreeMap<String, Meaning> = BTreeMap::new();
    for event in &log.events {
        if event.kind == RULE_CONFIGURED {
            let rule: RuleConfigured = event.payload().expect("the workload wrote it");
            let meaning = Meaning::of(&rule, &log.name).expect("the workload wrote it");
            rules.insert(rule.slug, meaning);
            continue;
        }
        if event.offset <= anchor {
            continue;
        }
        let reactions = rules.iter().flat_map(|(slug, meaning)| {
            let reactions = meaning.reactions(event, &log.name);
            reactions.into_iter().map(|(part, to)| {
                let reacted = Reacted {
                    rule: slug.clone(),
                    from: log.name.path.to_string(),
                    of: event.offset,
                    part,
                };
                (reacted, to)
            })
        });
        let reactions: Vec<(Reacted, StreamName)> = reactions.collect();
        if reactions.is_empty() {
            continue;
        }
        match depth(project, event) < DEPTH_MAX {
            true => expected.extend(reactions),
            false => stops.push((log.name.clone(), event.offset)),
        }
    }
}

/// How many reactions led to an event.
fn depth(project: Project<'_>, event: &Event) -> u64 {
    let (mut depth, mut event) = (0, event);
    while event.kind == REACTED {
        depth += 1;
        match cause(project, event) {
            Some(cause) => event = cause,
            None => break,
        }
    }
    depth
}

fn cause<'a>(project: Project<'a>, reaction: &Event) -> Option<&'a Arc<Event>> {
    let reacted: Reacted = reaction.payload().ok()?;
    let from = project.stream(&reacted.from);
    let mut log = project.evidence.log(&from).iter();
    log.find(|event| event.offset == reacted.of)
}

/// The reactions that there are, each on its stream, once, and expected.
fn found(
    project: Project<'_>,
    expected: &Expected,
) -> Result<BTreeMap<Reacted, Offset>, Violation> {
    let mut found: BTreeMap<Reacted, Offset> = BTreeMap::new();
    for log in project.logs() {
        let reactions = log.events.iter().filter(|event| event.kind == REACTED);
        for event in reactions {
            let reacted: Reacted = event.payload().expect("a rule wrote it");
            let at = event.offset;
            if expected.get(&reacted) != Some(&log.name) {
                return Err(Violation::safety(
                    "of-nothing",
                    format!(
                        "{} at {at} holds {reacted:?}, which no rule means",
                        log.name
                    ),
                ));
            }
            if let Some(first) = found.insert(reacted.clone(), at) {
                return Err(Violation::safety(
                    "twice",
                    format!("{} holds {reacted:?} at {first} and at {at}", log.name),
                ));
            }
        }
    }
    Ok(found)
}

fn check_stop(evidence: &Evidence, stream: &StreamName, at: Offset) -> Result<(), Violation> {
    let key = CONTRACT.key_at("reactions-stopped", at);
    let says_so = |event: &&Arc<Event>| {
        let own = event.idempotency_key.as_ref();
        event.kind == ERROR_OCCURRED && own.is_some_and(|own| own.as_str() == key)
    };
    let is_said = evidence.log(stream).iter().any(|event| says_so(&event));
    match is_said || checkpoint(evidence, stream) < at {
        true => Ok(()),
        false => Err(Violation::safety(
            "not-stopped",
            format!("{DEPTH_MAX} reactions led to {at} of {stream}, and nobody says so"),
        )),
    }
}

fn anchor(evidence: &Evidence, stream: &StreamName) -> Option<Offset> {
    let name = stream.to_string();
    let mut anchors = evidence.anchors.iter();
    let own = anchors.find(|anchor| anchor.processor == SLUG && *anchor.object.name == *name);
    own.map(|anchor| anchor.offset)
}

fn checkpoint(evidence: &Evidence, stream: &StreamName) -> Offset {
    let name = stream.to_string();
    let mut stored = evidence.processors.iter();
    let own = stored.find(|stored| stored.processor == SLUG && *stored.object.name == *name);
    own.map_or(Offset::ZERO, |stored| stored.offset)
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use crate::{project::rules::STREAMS, streams::platform::NOTED};
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const BINDING: &str = "JSONATA_REACTOR";

    fn own() -> StreamName {
        StreamName::parse("p1:/shop/a").unwrap()
    }

    fn rule(slug: &str, meaning: Meaning) -> Entry {
        Entry::new(RULE_CONFIGURED, meaning.rule(slug, &own()))
    }

    fn note(number: u64) -> Entry {
        Entry::new(NOTED, json!({ "number": number }))
    }

    fn reacted(rule: &str, of: u64, part: u64) -> Entry {
        let reacted = Reacted {
            rule: rule.to_owned(),
            from: STREAMS[0].to_owned(),
            of: Offset(of),
            part,
        };
        Entry::new(REACTED, reacted)
    }

    /// A stream whose reactor is anchored there and has come so far.
    fn history(anchor: u64, checkpoint: u64, log: impl IntoIterator<Item = Entry>) -> History {
        let stream = own().to_string();
        History::new(&[])
            .log(&stream, log)
            .anchor(BINDING, &stream, SLUG, anchor)
            .checkpoint(BINDING, &stream, SLUG, checkpoint, json!({}))
    }

    fn judge(
        anchor: u64,
        checkpoint: u64,
        log: impl IntoIterator<Item = Entry>,
    ) -> Option<(&'static str, FailureKind)> {
        history(anchor, checkpoint, log).verdict(&Reactions)
    }

    #[test]
    fn a_reaction_for_each_rule_and_event_is_right() {
        let log = || {
            [
                rule("even", Meaning::Even),
                note(2),
                rule("list", Meaning::Twice),
                note(3),
                note(4),
                reacted("list", 4, 1),
                reacted("list", 4, 2),
                reacted("even", 5, 1),
            ]
        };
        assert_eq!(judge(2, 4, log()), None);
        assert_eq!(judge(2, 5, log()), Some(("missing", SAFETY)));
        assert_eq!(history(2, 4, log()).exercised(&Reactions), 3);
    }

    #[test]
    fn a_reaction_that_stands_twice_is_wrong() {
        let twice = || reacted("even", 2, 1);
        let log = [rule("even", Meaning::Even), note(2), twice(), twice()];
        assert_eq!(judge(0, 2, log), Some(("twice", SAFETY)));
    }

    #[test]
    fn a_reaction_that_no_rule_means_is_wrong() {
        let of_nothing = Some(("of-nothing", SAFETY));
        let even = || rule("even", Meaning::Even);
        assert_eq!(
            judge(0, 0, [even(), note(3), reacted("even", 2, 1)]),
            of_nothing
        );
        assert_eq!(
            judge(0, 0, [even(), note(2), reacted("even", 2, 2)]),
            of_nothing
        );
        assert_eq!(
            judge(2, 2, [even(), note(2), reacted("even", 2, 1)]),
            of_nothing
        );
        assert_eq!(
            judge(0, 0, [note(2), even(), reacted("even", 1, 1)]),
            of_nothing
        );
        let replaced = [
            even(),
            rule("even", Meaning::Nothing),
            note(2),
            reacted("even", 3, 1),
        ];
        assert_eq!(judge(0, 0, replaced), of_nothing);
    }

    #[test]
    fn a_reaction_on_the_wrong_stream_is_wrong() {
        let news = |stream: &str| {
            history(0, 2, [rule("news", Meaning::News), note(3)])
                .log(stream, [reacted("news", 2, 4)])
                .verdict(&Reactions)
        };
        assert_eq!(news("p1:/shop/news"), None);
        assert_eq!(news("p1:/shop/b"), Some(("of-nothing", SAFETY)));
    }

    /// A line of reactions, each to the one before; the first is to a note.
    fn line(length: u64) -> Vec<Entry> {
        let mut log = vec![
            rule("list", Meaning::Twice),
            rule("loop", Meaning::Loop),
            note(1),
            reacted("list", 3, 1),
            reacted("list", 3, 2),
        ];
        log.extend((1..length).map(|n| reacted("loop", n + 4, 5)));
        log
    }

    #[test]
    fn a_line_of_reactions_stops_and_says_so() {
        let last = 4 + DEPTH_MAX;
        let key = format!("jsonata-reactor/reactions-stopped@{last}");
        let mut stopped = line(DEPTH_MAX);
        stopped.push(Entry::new(ERROR_OCCURRED, json!({ "message": "m" })).keyed(&key));
        assert_eq!(judge(0, last, stopped), None);
        assert_eq!(judge(0, last - 1, line(DEPTH_MAX)), None);
        assert_eq!(
            judge(0, last, line(DEPTH_MAX)),
            Some(("not-stopped", SAFETY))
        );
        assert_eq!(
            judge(0, 0, line(DEPTH_MAX + 1)),
            Some(("of-nothing", SAFETY))
        );
    }
}
