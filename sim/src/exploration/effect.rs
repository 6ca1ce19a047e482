//! What an object was doing when a choice of its own came up: how a point of a run is named for
//! people, and found again in another run.

use crate::{choice::Occurrence, trace::TraceEvent};

/// Events of an object among which an effect that it is about to have is looked for.
const SAME_EFFECT_WITHIN: usize = 4;

/// What the object did next, if it dies before an effect; else what it did last. `trace` is the one
/// in which the choice came up.
pub fn effect<'a>(
    occurrence: &Occurrence,
    trace: &'a [TraceEvent],
) -> Option<(&'static str, &'a TraceEvent)> {
    let (_, what) = occurrence.site.name.rsplit_once('.')?;
    let object = occurrence.subject.split(" → ").next()?;
    let is_its = |event: &&TraceEvent| event.place.split('@').next() == Some(object);
    let now = usize::try_from(occurrence.trace_events).ok()?;
    let now = now.min(trace.len());
    match what.strip_prefix("before-") {
        Some(effect) => {
            let mut next = trace[now..].iter().filter(is_its);
            let mut near = next.clone().take(SAME_EFFECT_WITHIN);
            let same = near.find(|event| event.kind == effect);
            same.or_else(|| next.next()).map(|event| ("before", event))
        }
        None => {
            let last = trace[..now].iter().rev().find(is_its);
            last.map(|event| ("after", event))
        }
    }
}

/// An event without what another run may number differently: `commit # # writes`.
pub fn without_numbers(event: &TraceEvent) -> String {
    let mut text = format!("{} ", event.kind);
    for (place, word) in event.detail.split(' ').enumerate() {
        if place > 0 {
            text.push(' ');
        }
        // A word with digits in it is a number, an identifier, or a name with one.
        let mut is_in_number = false;
        for letter in word.chars() {
            let is_digit = letter.is_ascii_digit();
            if !is_digit {
                text.push(letter);
            } else if !is_in_number {
                text.push('#');
            }
            is_in_number = is_digit;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_out_of_an_event() {
        let event = TraceEvent {
            at_us: 0,
            place: "stream p1:/a@1".to_owned(),
            kind: "append".into(),
            detail: "12..=14 events.iterate.com/agent/input-added".to_owned(),
        };
        let expected = "append #..=# events.iterate.com/agent/input-added";
        assert_eq!(without_numbers(&event), expected);
    }
}
