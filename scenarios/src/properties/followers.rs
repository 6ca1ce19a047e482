//! Reads what the workload's outside subscribers saw, and the logs. Asserts that each saw every event
//! that it had asked for, once, in order (spec §1.11), as far as it had to follow and beyond. Does
//! not assert how often it had to subscribe for that.

use runtime::event::{EventType, Offset, StreamName};
use serde::Deserialize;
use sim::oracles::{Evidence, Oracle, Violation};

pub struct Followers;

#[derive(Deserialize)]
struct Followed {
    stream: String,
    after: Offset,
    until: Offset,
    types: Vec<EventType>,
    offsets: Vec<Offset>,
}

impl Followed {
    fn last(&self) -> Offset {
        self.offsets.last().copied().unwrap_or(self.after)
    }
}

impl Oracle for Followers {
    fn name(&self) -> &'static str {
        "follower"
    }

    fn asserts(&self) -> &'static str {
        "an outside subscriber sees every event that it asked for, once, in order"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let followed: Vec<Followed> = (evidence.observed("followed"))
            .map(|seen| Followed::deserialize(&seen.value).expect("as it was written"))
            .collect();
        for followed in &followed {
            check_saw_the_log(evidence, followed)?;
        }
        for followed in &followed {
            check_saw_the_end(followed)?;
        }
        Ok(followed.iter().map(|seen| seen.offsets.len() as u64).sum())
    }
}

fn check_saw_the_log(evidence: &Evidence, followed: &Followed) -> Result<(), Violation> {
    let stream = &followed.stream;
    let name = StreamName::parse(stream).expect("a stream's name");
    let last = followed.last();
    let asked = |kind: &EventType| followed.types.is_empty() || followed.types.contains(kind);
    let wanted = evidence.log(&name).iter();
    let wanted = wanted.filter(|event| event.offset > followed.after && event.offset <= last);
    let wanted: Vec<Offset> = wanted
        .filter(|event| asked(&event.kind))
        .map(|event| event.offset)
        .collect();
    if wanted != followed.offsets {
        let pairs = wanted.iter().zip(&followed.offsets);
        let same = pairs.take_while(|(wanted, seen)| wanted == seen).count();
        return Err(Violation::safety(
            "not-the-log",
            format!(
                "of {stream} a subscriber saw {:?} where {:?} follows",
                followed.offsets.get(same),
                wanted.get(same)
            ),
        ));
    }
    Ok(())
}

fn check_saw_the_end(followed: &Followed) -> Result<(), Violation> {
    let (stream, last, until) = (&followed.stream, followed.last(), followed.until);
    match last < until {
        false => Ok(()),
        true => Err(Violation::liveness(
            "behind",
            format!("a subscriber of {stream} saw {last}, and never {until}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const TICK: EventType = EventType::of("test/tick");
    const TOCK: EventType = EventType::of("test/tock");

    /// What is found when each of these saw that of five events, ticks and tocks by turns: who asked
    /// for these types after offset 1.
    fn each_saw(sights: &[(&[EventType], &[u64])]) -> Option<(&'static str, FailureKind)> {
        let log = [TICK, TOCK, TICK, TOCK, TICK].map(|kind| Entry::new(kind, json!({})));
        let history = History::new(&[]).log("p1:/a", log);
        let seen = |(types, offsets): &(&[EventType], &[u64])| {
            json!({
                "stream": "p1:/a", "after": 1, "until": 4, "types": types, "offsets": offsets,
            })
        };
        let history = (sights.iter().map(seen))
            .fold(history, |history, seen| history.observed("followed", seen));
        history.verdict(&Followers)
    }

    fn saw(types: &[EventType], offsets: &[u64]) -> Option<(&'static str, FailureKind)> {
        each_saw(&[(types, offsets)])
    }

    #[test]
    fn who_saw_everything_once_in_order_is_right() {
        assert_eq!(saw(&[], &[2, 3, 4]), None);
        assert_eq!(saw(&[], &[2, 3, 4, 5]), None);
        assert_eq!(saw(&[TOCK], &[2, 4]), None);
    }

    #[test]
    fn a_gap_a_repetition_and_what_was_not_asked_for_are_wrong() {
        let not_the_log = Some(("not-the-log", SAFETY));
        assert_eq!(saw(&[], &[2, 4]), not_the_log);
        assert_eq!(saw(&[], &[2, 3, 3, 4]), not_the_log);
        assert_eq!(saw(&[], &[3, 2, 4]), not_the_log);
        assert_eq!(saw(&[TOCK], &[2, 3, 4]), not_the_log);
        assert_eq!(saw(&[], &[1, 2, 3, 4]), not_the_log, "seen before");
    }

    #[test]
    fn who_did_not_see_the_end_is_behind() {
        assert_eq!(saw(&[], &[2, 3]), Some(("behind", LIVENESS)));
        assert_eq!(saw(&[], &[]), Some(("behind", LIVENESS)));
    }

    #[test]
    fn who_is_behind_hides_nobody_who_saw_something_else() {
        let found = each_saw(&[(&[], &[2, 3]), (&[], &[2, 4])]);
        assert_eq!(found, Some(("not-the-log", SAFETY)));
    }
}
