//! Reads the logs, and the checkpoints and anchors of echo processors. Asserts that an echo is of an
//! example of this very log, and of none twice; that no example at or below the anchor is echoed, so
//! that attaching to an old stream fires nothing (spec §2.5); and that every example between anchor
//! and checkpoint is. What was said before a reset must not be heard after it (B-35). Does not assert
//! that a checkpoint moves: see the processors' states.

use crate::readings::all;
use processors::echo::contract::{Echoed, Example, ECHOED, EXAMPLE, SLUG};
use runtime::event::{Event, Offset, StreamName};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::{collections::BTreeMap, sync::Arc};

pub struct Echoes;

impl Oracle for Echoes {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn asserts(&self) -> &'static str {
        "every example above the anchor is echoed once, and no other"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let logs = || evidence.logs.values();
        let mut right = 0;
        for log in logs() {
            right += check_echoes(log)?;
        }
        for log in logs() {
            check_anchor(evidence, log)?;
        }
        for stored in &evidence.processors {
            if stored.processor == SLUG {
                let stream = StreamName::parse(&stored.object.name).expect("a stream's name");
                let anchors = evidence.anchors.iter();
                let mut own = anchors.filter(|anchor| anchor.object == stored.object);
                let anchor = own.find(|anchor| anchor.processor == SLUG);
                let after = anchor.map_or(Offset::ZERO, |anchor| anchor.offset);
                let complete = check_complete(evidence.log(&stream), after, stored.offset);
                right += complete.map_err(|of| {
                    Violation::safety(
                        "missing",
                        format!(
                            "{} is at {}, and {of} has no echo",
                            stored.object, stored.offset
                        ),
                    )
                })?;
            }
        }
        Ok(right)
    }
}

/// By the offset of the example.
fn echoes(log: &[Arc<Event>]) -> impl Iterator<Item = (Echoed, Offset)> + '_ {
    all(log, ECHOED).filter_map(|event| Some((event.payload().ok()?, event.offset)))
}

/// How many echoes it has.
fn check_echoes(log: &StreamLog) -> Result<u64, Violation> {
    let mut heard = BTreeMap::new();
    for (echo, at) in echoes(&log.events) {
        let source = log.events.iter().find(|event| event.offset == echo.of);
        let said = source
            .filter(|event| event.kind == EXAMPLE)
            .and_then(|event| event.payload::<Example>().ok());
        if said.is_none_or(|example| example.message != echo.message) {
            return Err(Violation::safety(
                "of-nothing",
                format!(
                    "{} at {at} echoes {:?} of {}",
                    log.name, echo.message, echo.of
                ),
            ));
        }
        if let Some(first) = heard.insert(echo.of, at) {
            return Err(Violation::safety(
                "twice",
                format!("{} echoes {} at {first} and at {at}", log.name, echo.of),
            ));
        }
    }
    Ok(heard.len() as u64)
}

/// Below the anchors of all echoes that the stream has.
fn check_anchor(evidence: &Evidence, log: &StreamLog) -> Result<(), Violation> {
    let name = log.name.to_string();
    let anchors = evidence.anchors.iter();
    let own = anchors.filter(|anchor| anchor.processor == SLUG && *anchor.object.name == *name);
    let Some(lowest) = own.map(|anchor| anchor.offset).min() else {
        return Ok(());
    };
    match echoes(&log.events).find(|(echo, _)| echo.of <= lowest) {
        None => Ok(()),
        Some((echo, at)) => Err(Violation::safety(
            "below-anchor",
            format!(
                "{name} echoes {} at {at}, and the anchor is {lowest}",
                echo.of
            ),
        )),
    }
}

/// How many examples stand after the anchor and up to the checkpoint; the first that has no echo.
fn check_complete(log: &[Arc<Event>], anchor: Offset, checkpoint: Offset) -> Result<u64, Offset> {
    let heard: Vec<Offset> = echoes(log).map(|(echo, _)| echo.of).collect();
    let live = all(log, EXAMPLE)
        .map(|event| event.offset)
        .filter(|offset| *offset > anchor && *offset <= checkpoint);
    let mut right = 0;
    for offset in live {
        if !heard.contains(&offset) {
            return Err(offset);
        }
        right += 1;
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const STREAM: &str = "p1:/a";

    fn example(message: &str) -> Entry {
        Entry::new(EXAMPLE, json!({ "message": message }))
    }

    fn echo(of: u64, message: &str) -> Entry {
        Entry::new(ECHOED, json!({ "of": of, "message": message }))
    }

    /// A stream whose echo has this anchor and this checkpoint.
    fn judge(
        anchor: u64,
        checkpoint: u64,
        log: impl IntoIterator<Item = Entry>,
    ) -> Option<(&'static str, FailureKind)> {
        let state = json!({ "heard": 0, "lastMessage": "" });
        History::new(&[])
            .log(STREAM, log)
            .anchor("ECHO", STREAM, SLUG, anchor)
            .checkpoint("ECHO", STREAM, SLUG, checkpoint, state)
            .verdict(&Echoes)
    }

    #[test]
    fn live_examples_that_are_echoed_once_are_right() {
        let log = || [example("a"), example("b"), example("c"), echo(2, "b")];
        assert_eq!(judge(1, 2, log()), None);
        assert_eq!(
            judge(1, 3, [example("a"), example("b"), echo(2, "b")]),
            None
        );
    }

    #[test]
    fn an_echo_below_the_anchor_is_wrong() {
        let found = judge(1, 1, [example("a"), echo(1, "a")]);
        assert_eq!(found, Some(("below-anchor", SAFETY)));
    }

    #[test]
    fn an_example_without_echo_below_the_checkpoint_is_wrong() {
        let found = judge(
            1,
            3,
            [example("a"), example("b"), example("c"), echo(2, "b")],
        );
        assert_eq!(found, Some(("missing", SAFETY)));
    }

    #[test]
    fn an_echo_of_what_this_log_does_not_say_is_wrong() {
        let of_nothing = Some(("of-nothing", SAFETY));
        assert_eq!(judge(0, 0, [example("a"), echo(1, "b")]), of_nothing);
        assert_eq!(judge(0, 0, [example("a"), echo(7, "a")]), of_nothing);
        let other = Entry::new(ECHOED, json!({ "of": 1, "message": "a" }));
        assert_eq!(judge(0, 0, [echo(1, "a"), other]), of_nothing);
    }

    #[test]
    fn an_example_that_is_echoed_twice_is_wrong() {
        let found = judge(0, 1, [example("a"), echo(1, "a"), echo(1, "a")]);
        assert_eq!(found, Some(("twice", SAFETY)));
    }
}
