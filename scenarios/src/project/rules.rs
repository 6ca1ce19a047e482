//! Rules for the reactor: the text of each, and what it means, said a second time and without JSONata.
//!
//! A rule appends events of one type, which say what caused them; which rule matches what keeps their
//! number small: a loop and a ping-pong between two streams go on only in one line each.

use crate::streams::platform::NOTED;
use processors::jsonata_reactor::contract::{Reaction, ReactionKind, RuleConfigured};
use runtime::event::{Event, EventType, Offset, StreamName, StreamPath};
use serde::{Deserialize, Serialize};

/// What rules append.
pub const REACTED: EventType = EventType::of("events.iterate.com/workload/reacted");

/// The two streams that have rules, and one that only hears of them.
pub const STREAMS: [&str; 2] = ["/shop/a", "/shop/b"];
pub const NEWS: &str = "/shop/news";

/// The payload of a reaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reacted {
    pub rule: String,
    /// The path of the stream that has the rule and the cause.
    pub from: String,
    pub of: Offset,
    pub part: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Nothing,
    /// Of every note with an even number, part 1.
    Even,
    /// Of every note, parts 1 and 2, as one list.
    Twice,
    /// Of every third note, part 4, on another stream, by a path relative to the own one.
    News,
    /// Of part 1 of other reactions, part 3.
    Chain,
    /// Of parts 2 and 5, part 5: it matches itself.
    Loop,
    /// Of every third note and of part 9, part 9 on the other stream that has rules.
    Across,
}

/// A slug, and what the rule of that slug may mean: what it is named after, or something else.
pub const RULES: [(&str, [Meaning; 2]); 6] = [
    ("across", [Meaning::Across, Meaning::Nothing]),
    ("even", [Meaning::Even, Meaning::Nothing]),
    ("list", [Meaning::Twice, Meaning::Even]),
    ("news", [Meaning::News, Meaning::Nothing]),
    ("chain", [Meaning::Chain, Meaning::Nothing]),
    ("loop", [Meaning::Loop, Meaning::Nothing]),
];

impl Meaning {
    /// The rule in JSONata.
    pub fn rule(self, slug: &str, own: &StreamName) -> RuleConfigured {
        let noted = format!("type = '{NOTED}'");
        let reacted = format!("type = '{REACTED}'");
        let matcher = match self {
            Meaning::Nothing => "false".to_owned(),
            Meaning::Even => format!("{noted} and payload.number % 2 = 0"),
            Meaning::Twice => noted,
            Meaning::News => format!("{noted} and payload.number % 3 = 0"),
            Meaning::Chain => format!("{reacted} and payload.part = 1"),
            Meaning::Loop => format!("{reacted} and payload.part in [2, 5]"),
            Meaning::Across => {
                format!("({noted} and payload.number % 3 = 0) or ({reacted} and payload.part = 9)")
            }
        };
        let own_path = &own.path;
        let event = |part: u64| {
            format!(
                "'event': {{'type': '{REACTED}', 'payload': \
                 {{'rule': '{slug}', 'from': '{own_path}', 'of': offset, 'part': {part}}}}}"
            )
        };
        let events = match self {
            Meaning::Nothing => "[]".to_owned(),
            Meaning::Even => format!("{{{}}}", event(1)),
            Meaning::Twice => format!("[{{{}}}, {{{}}}]", event(1), event(2)),
            Meaning::News => format!("{{'streamPath': '../news', {}}}", event(4)),
            Meaning::Chain => format!("{{{}}}", event(3)),
            Meaning::Loop => format!("{{{}}}", event(5)),
            Meaning::Across => format!("{{'streamPath': '{}', {}}}", other(own), event(9)),
        };
        RuleConfigured {
            slug: slug.to_owned(),
            matcher,
            reactions: vec![Reaction {
                kind: ReactionKind::AppendEvents,
                events,
            }],
        }
    }

    /// What a rule of this meaning makes of an event: parts, and the streams that they belong on.
    pub fn reactions(self, event: &Event, own: &StreamName) -> Vec<(u64, StreamName)> {
        let noted = || match event.kind == NOTED {
            true => event.payload.as_ref()?.get("number")?.as_u64(),
            false => None,
        };
        let part = || match event.kind == REACTED {
            true => event.payload::<Reacted>().ok().map(|reacted| reacted.part),
            false => None,
        };
        let here = || own.clone();
        let divides = |divisor: u64| noted().is_some_and(|number| number % divisor == 0);
        match self {
            Meaning::Even if divides(2) => vec![(1, here())],
            Meaning::Twice if noted().is_some() => vec![(1, here()), (2, here())],
            Meaning::News if divides(3) => vec![(4, on(own, NEWS))],
            Meaning::Chain if part() == Some(1) => vec![(3, here())],
            Meaning::Loop if matches!(part(), Some(2 | 5)) => vec![(5, here())],
            Meaning::Across if divides(3) || part() == Some(9) => vec![(9, on(own, other(own)))],
            _ => Vec::new(),
        }
    }

    /// What a rule of one of the scenario's own means.
    pub fn of(rule: &RuleConfigured, own: &StreamName) -> Option<Self> {
        let (_, meanings) = RULES.iter().find(|(slug, _)| *slug == rule.slug)?;
        let is_meant = |meaning: &&Meaning| meaning.rule(&rule.slug, own) == *rule;
        meanings.iter().find(is_meant).copied()
    }
}

/// The other stream that has rules.
fn other(own: &StreamName) -> &'static str {
    match own.path.as_str() == STREAMS[0] {
        true => STREAMS[1],
        false => STREAMS[0],
    }
}

/// A stream of the same project.
pub fn on(own: &StreamName, path: &str) -> StreamName {
    StreamName::new(&own.namespace, StreamPath::parse(path).expect("a path"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_meanings_of_a_slug_read_the_same() {
        for path in STREAMS {
            let own = StreamName::new("p1", StreamPath::parse(path).unwrap());
            for (slug, meanings) in RULES {
                for meaning in meanings {
                    let rule = meaning.rule(slug, &own);
                    assert_eq!(Meaning::of(&rule, &own), Some(meaning));
                }
            }
        }
        let slugs: BTreeSet<_> = RULES.iter().map(|(slug, _)| slug).collect();
        assert_eq!(slugs.len(), RULES.len());
    }
}
