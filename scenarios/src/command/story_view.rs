//! The story of a failing world: what people did and what went other than usual, in the order in
//! which it happened; what the oracle found wrong; and the event log around that.

use super::decisions_view::occurrence_in_words;
use crate::{
    log_view,
    palette::{BAD, DIM, STRONG},
};
use runtime::event::Offset;
use sim::{
    choice::{Occurrence, Site},
    exploration::{effect::effect, engine::World},
    world::{Answers, Failure, Outcome, Plan, StreamLog},
};
use std::collections::BTreeSet;

/// More lines of what happened are only counted.
const HAPPENED_MAX: usize = 40;

/// The same plan, with everything noted that a story needs.
pub fn watching(plan: &Plan) -> Plan {
    let Answers::Recorded(decisions) = &plan.answers else {
        return plan.clone();
    };
    let is_decided = |site: &&'static Site| decisions.iter().any(|one| one.site == site.name);
    Plan {
        keep: true,
        watched: sim::sites().filter(is_decided).collect(),
        ..plan.clone()
    }
}

pub fn story(world: &World) -> String {
    let World { plan, outcome } = world;
    let quirks: String = (plan.quirks.iter())
        .map(|quirk| format!(", with {quirk}"))
        .collect();
    let mut text = format!(
        "{STRONG}{}, seed {}{quirks}{STRONG:#}\n\n{STRONG}what happened{STRONG:#}\n",
        plan.scenario.name(),
        plan.seed
    );
    let happened = happened(outcome);
    for line in happened.iter().take(HAPPENED_MAX) {
        text += line;
    }
    if let Some(more @ 1..) = happened.len().checked_sub(HAPPENED_MAX) {
        text += &format!("  {DIM}and {more} more{DIM:#}\n");
    }
    match &outcome.failure {
        Some(failure) => text += &found(failure, outcome),
        None => text += "\nnothing is wrong\n",
    }
    text
}

/// Every event of the trace.
pub fn trace(world: &World) -> String {
    let mut text = format!("\n{STRONG}trace{STRONG:#}\n");
    for event in &world.outcome.kept_trace {
        text += &format!("{event}\n");
    }
    text
}

/// Operations and decisions by time.
fn happened(outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for performed in &outcome.operations {
        let (at_us, operation) = (performed.at_ms * 1_000, &performed.operation);
        let (actor, does) = (&operation.actor, &operation.does);
        lines.push((at_us, format!("{actor}  {DIM}{does}{DIM:#}")));
    }
    for decision in &outcome.decisions {
        let is_its = |one: &&Occurrence| {
            (one.site.name, &one.subject, one.n)
                == (decision.site.name, &decision.subject, decision.n)
        };
        let occurrence = outcome.occurrences.iter().find(is_its);
        let Some(occurrence) = occurrence else {
            continue;
        };
        let words = occurrence_in_words(occurrence, decision.value);
        let after = match effect(occurrence, &outcome.kept_trace) {
            Some((when, event)) => format!(", {when} {} {}", event.kind, event.detail),
            None => String::new(),
        };
        let does = decision.site.does;
        let line = format!("{BAD}{words}{BAD:#}{after}\n             {DIM}{does}{DIM:#}");
        lines.push((occurrence.at_us, line));
    }
    lines.sort_by_key(|(at_us, _)| *at_us);
    let numbered = lines.into_iter().map(|(at_us, line)| {
        let at_s = at_us as f64 / 1_000_000.0;
        format!("  {at_s:>9.3}  {line}\n")
    });
    numbered.collect()
}

fn found(failure: &Failure, outcome: &Outcome) -> String {
    let Failure {
        key, kind, message, ..
    } = failure;
    let kind = kind.name();
    let at_s = failure.at_ms as f64 / 1_000.0;
    let mut text =
        format!("\n{STRONG}what is wrong{STRONG:#}\n  {at_s:>9.3}  {BAD}{key}{BAD:#} ({kind})\n");
    for line in message.lines() {
        text += &format!("             {line}\n");
    }
    let concerned: Vec<(&StreamLog, BTreeSet<Offset>)> = (outcome.logs.iter())
        .filter(|log| names(message, &log.name.to_string()))
        .map(|log| (log, offsets(message)))
        .collect();
    if !concerned.is_empty() {
        text += &format!("\n{STRONG}the log around it{STRONG:#}\n");
    }
    for (log, offsets) in concerned {
        text += &log_view::around(log, &offsets);
    }
    text
}

/// A message speaks of a stream, and not only of one whose name begins with its name.
fn names(message: &str, stream: &str) -> bool {
    let mut places = message.match_indices(stream);
    places.any(|(at, _)| {
        let next = message[at + stream.len()..].chars().next();
        let is_longer = |letter: char| letter.is_alphanumeric() || "/_-".contains(letter);
        !next.is_some_and(is_longer)
    })
}

/// The numbers behind the word "offset", "offsets" or "at" in a message.
fn offsets(message: &str) -> BTreeSet<Offset> {
    let words: Vec<&str> = message.split_whitespace().collect();
    let behind = words.windows(2).filter(|pair| {
        let word = pair[0].trim_matches(|letter: char| !letter.is_alphanumeric());
        ["offset", "offsets", "at"].contains(&word)
    });
    let numbers = behind.filter_map(|pair| {
        let number = pair[1].trim_matches(|letter: char| !letter.is_ascii_digit());
        number.parse().ok().map(Offset)
    });
    numbers.collect()
}

/// Recorded decisions that did not come up in a world.
pub fn never_came_up(plan: &Plan, world: &World) -> String {
    let Answers::Recorded(recorded) = &plan.answers else {
        return String::new();
    };
    let came_up = |site: &str, subject: &str| {
        let mut decisions = world.outcome.decisions.iter();
        decisions.any(|one| (one.site.name, &*one.subject) == (site, subject))
    };
    let missing = recorded
        .iter()
        .filter(|one| !came_up(&one.site, &one.subject));
    let lines = missing.map(|one| {
        let known = super::names::site(&one.site).err();
        let hint = known.map_or_else(String::new, |error| format!(" ({error})"));
        format!(
            "  {BAD}never came up{BAD:#}: {} of {}, n {}{hint}\n",
            one.site, one.subject, one.n
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_streams_and_offsets() {
        let message = "stream p1:/agents/a: input at offset 9 is followed by no request (the last \
                       one is at 0), 12 in all";
        assert!(names(message, "p1:/agents/a"));
        assert!(!names(message, "p1:/agents"));
        assert_eq!(offsets(message), BTreeSet::from([Offset(0), Offset(9)]));
    }
}
