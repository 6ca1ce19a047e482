//! Reads what clients were answered to their appends, and the logs. Asserts that what was
//! acknowledged stands in the log where the answer said (spec §7.8, number 11); that what was refused
//! does not; that a refusal because of a pause came while the stream was paused; and that nobody was
//! refused to the end (`never-taken`). A client does not know the fate of what it was not answered: if
//! it tried before and heard nothing, that try may still arrive, and be taken, after another was
//! refused. Then only what stood in the log when it tried for the last time must not be refused.
//!
//! When a stream was paused is read from its commits: the times that it gave its events are those of
//! its own clock.

use runtime::{
    event::{Event, Offset, StreamName},
    stream::{
        contract::{PAUSED, RESUMED},
        AppendError,
    },
};
use serde::Deserialize;
use sim::oracles::{Evidence, Oracle, Violation};
use std::sync::Arc;

pub struct Appends;

#[derive(Deserialize)]
struct Acknowledged {
    stream: String,
    events: Vec<(String, Offset)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    stream: String,
    keys: Vec<String>,
    code: String,
    /// Simulated times.
    asked_ms: u64,
    answered_ms: u64,
    /// Set if a try was lost: when the last one was made.
    lost_before_ms: Option<u64>,
}

impl Oracle for Appends {
    fn name(&self) -> &'static str {
        "append"
    }

    fn asserts(&self) -> &'static str {
        "an acknowledged append is in the log, a refused one is not, and a paused stream refuses"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for observation in evidence.observed("acknowledged") {
            let acknowledged = Acknowledged::deserialize(&observation.value);
            let acknowledged = acknowledged.expect("as it was written");
            check_acknowledged(evidence, &acknowledged)?;
            right += acknowledged.events.len() as u64;
        }
        for observation in evidence.observed("refused") {
            let refused = Refused::deserialize(&observation.value);
            check_refused(evidence, &refused.expect("as it was written"))?;
            right += 1;
        }
        match evidence.observed("never-taken").next() {
            None => Ok(right),
            Some(observation) => Err(Violation::liveness(
                "never-taken",
                format!("an append was refused to the end: {}", observation.value),
            )),
        }
    }
}

fn log<'a>(evidence: &'a Evidence, stream: &str) -> &'a [Arc<Event>] {
    evidence.log(&StreamName::parse(stream).expect("a stream's name"))
}

fn has_key(event: &Event, key: &str) -> bool {
    let stored = event.idempotency_key.as_ref();
    stored.is_some_and(|stored| stored.as_str() == key)
}

fn check_acknowledged(evidence: &Evidence, acknowledged: &Acknowledged) -> Result<(), Violation> {
    let stream = &acknowledged.stream;
    let log = log(evidence, stream);
    let stands = |(key, offset): &(String, Offset)| {
        let place = (offset.0 as usize).checked_sub(1);
        let event = place.and_then(|place| log.get(place));
        event.is_some_and(|event| has_key(event, key))
    };
    let lost = acknowledged.events.iter().find(|pair| !stands(pair));
    match lost {
        None => Ok(()),
        Some((key, offset)) => Err(Violation::safety(
            "acknowledged-lost",
            format!("{stream} acknowledged {key:?} at {offset}, where it does not stand"),
        )),
    }
}

fn check_refused(evidence: &Evidence, refused: &Refused) -> Result<(), Violation> {
    let stream = &refused.stream;
    let log = log(evidence, stream);
    let is_refused = |event: &&Arc<Event>| refused.keys.iter().any(|key| has_key(event, key));
    let name = StreamName::parse(stream).expect("a stream's name");
    let was_there = |event: &&Arc<Event>| match refused.lost_before_ms {
        Some(asked_ms) => evidence.committed_ms(&name, event.offset) < Some(asked_ms),
        None => true,
    };
    let there = log.iter().filter(is_refused).find(was_there);
    if let Some(event) = there {
        return Err(Violation::safety(
            "refused-committed",
            format!(
                "{stream} refused {:?} as {}, and has it at {}",
                refused.keys, refused.code, event.offset
            ),
        ));
    }
    if refused.code == AppendError::PAUSED && !was_paused(evidence, log, refused) {
        return Err(Violation::safety(
            "refused-unpaused",
            format!("{stream} refused {:?}, and was not paused", refused.keys),
        ));
    }
    Ok(())
}

/// At some time between question and answer.
fn was_paused(evidence: &Evidence, log: &[Arc<Event>], refused: &Refused) -> bool {
    let stream = StreamName::parse(&refused.stream).expect("a stream's name");
    let committed_ms = |event: &Event| evidence.committed_ms(&stream, event.offset);
    let changes = log.iter();
    let changes = changes.filter(|event| event.kind == PAUSED || event.kind == RESUMED);
    let changes: Vec<_> = changes.collect();
    changes.iter().enumerate().any(|(place, change)| {
        let ended = changes[place..].iter().find(|later| later.kind == RESUMED);
        change.kind == PAUSED
            && committed_ms(change).is_some_and(|began_ms| began_ms <= refused.answered_ms)
            && ended.is_none_or(|end| committed_ms(end) >= Some(refused.asked_ms))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use runtime::event::EventType;
    use serde_json::{json, Value};
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const STREAM: &str = "p1:/a";

    fn tick(key: &str) -> Entry {
        Entry::new(EventType::of("test/tick"), json!({})).keyed(key)
    }

    fn paused() -> Entry {
        Entry::new(PAUSED, json!({}))
    }

    fn acknowledged(key: &str, offset: u64) -> Value {
        json!({ "stream": STREAM, "events": [[key, offset]] })
    }

    /// Everything is committed at 10 ms.
    fn refused(key: &str, asked_ms: u64) -> Value {
        json!({
            "stream": STREAM, "keys": [key], "code": AppendError::PAUSED,
            "askedMs": asked_ms, "answeredMs": asked_ms + 1,
        })
    }

    fn judge(
        log: impl IntoIterator<Item = Entry>,
        what: &'static str,
        value: Value,
    ) -> Option<(&'static str, FailureKind)> {
        let history = History::new(&[]).log(STREAM, log).at(10);
        let history = history.commit(STREAM, 1, (1, 9));
        history.observed(what, value).verdict(&Appends)
    }

    #[test]
    fn an_acknowledged_append_stands_where_it_was_said_to() {
        let log = || [tick("a"), tick("b")];
        let lost = Some(("acknowledged-lost", SAFETY));
        assert_eq!(judge(log(), "acknowledged", acknowledged("b", 2)), None);
        assert_eq!(judge(log(), "acknowledged", acknowledged("b", 1)), lost);
        assert_eq!(judge(log(), "acknowledged", acknowledged("b", 0)), lost);
        assert_eq!(judge(log(), "acknowledged", acknowledged("c", 3)), lost);
    }

    #[test]
    fn a_refused_append_stands_nowhere() {
        let log = [tick("a"), paused(), tick("b")];
        let found = judge(log, "refused", refused("b", 0));
        assert_eq!(found, Some(("refused-committed", SAFETY)));
    }

    #[test]
    fn what_a_client_sent_before_it_was_refused_may_come_afterwards() {
        let judge = |committed_ms: u64| {
            let mut value = refused("b", 0);
            value["lostBeforeMs"] = json!(500);
            let log = [tick("a"), paused(), tick("b")];
            let history = History::new(&[]).log(STREAM, log);
            let history = history.at(0).commit(STREAM, 1, (1, 2));
            let history = history.at(committed_ms).commit(STREAM, 1, (3, 3));
            history.observed("refused", value).verdict(&Appends)
        };
        assert_eq!(judge(700), None);
        assert_eq!(judge(300), Some(("refused-committed", SAFETY)));
    }

    #[test]
    fn a_refusal_because_of_a_pause_needs_one() {
        let unpaused = Some(("refused-unpaused", SAFETY));
        let resumed = || Entry::new(RESUMED, json!({}));
        assert_eq!(judge([paused()], "refused", refused("b", 19)), None);
        let over = [paused(), resumed()];
        assert_eq!(judge(over, "refused", refused("b", 19)), unpaused);
        let meanwhile = [paused(), resumed()];
        assert_eq!(judge(meanwhile, "refused", refused("b", 9)), None);
        let before = [paused()];
        assert_eq!(judge(before, "refused", refused("b", 1)), unpaused);
        assert_eq!(judge([tick("a")], "refused", refused("b", 0)), unpaused);
    }

    #[test]
    fn somebody_who_was_refused_to_the_end_is_owed_something() {
        let found = judge([paused()], "never-taken", json!({}));
        assert_eq!(found, Some(("never-taken", LIVENESS)));
    }
}
