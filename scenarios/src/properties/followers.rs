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

impl Oracle for Followers {
    fn name(&self) -> &'static str {
        "follower"
    }

    fn asserts(&self) -> &'static str {
        "an outside subscriber sees every event that it asked for, once, in order"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for observation in evidence.observed("followed") {
            let followed = Followed::deserialize(&observation.value).expect("as it was written");
            check(evidence, &followed)?;
            right += followed.offsets.len() as u64;
        }
        Ok(right)
    }
}

fn check(evidence: &Evidence, followed: &Followed) -> Result<(), Violation> {
    let stream = &followed.stream;
    let name = StreamName::parse(stream).expect("a stream's name");
    let last = followed.offsets.last().copied().unwrap_or(followed.after);
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
    if last < followed.until {
        return Err(Violation::liveness(
            "behind",
            format!(
                "a subscriber of {stream} saw {last}, and never {}",
                followed.until
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const TICK: EventType = EventType::of("test/tick");
    const TOCK: EventType = EventType::of("test/tock");

    /// What is found when somebody who asked for these types after offset 1 saw these of five
    /// events, ticks and tocks by turns.
    fn saw(
        types: &[EventType],
        offsets: &[u64],
    ) -> Option<(&'static str, sim::world::FailureKind)> {
        let log = [TICK, TOCK, TICK, TOCK, TICK].map(|kind| Entry::new(kind, json!({})));
        let followed = json!({
            "stream": "p1:/a", "after": 1, "until": 4, "types": types, "offsets": offsets,
        });
        let history = History::new(&[]).log("p1:/a", log);
        history.observed("followed", followed).verdict(&Followers)
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
}
