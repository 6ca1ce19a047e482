//! Reads what clients saw who waited for a processor, and the logs. Asserts that they waited for an
//! event which that processor consumes (spec §3.7): the head may be one that it never gets, and then
//! every wait takes as long as it may (B-05). And that nobody who was not told of a failure acts on a
//! state older than that event (B-17). Does not assert that a wait came to its end: the way to the
//! processor may be cut for longer than that.

use runtime::event::{Offset, StreamName};
use serde::{Deserialize, Serialize};
use sim::oracles::{Evidence, Oracle, Violation};

pub struct CatchUps;

/// What a client saw, under the name [`CatchUps::OBSERVED`].
#[derive(Serialize, Deserialize)]
pub struct WaitedFor {
    pub stream: String,
    pub processor: String,
    pub target: Offset,
    /// How far the processor had come when the wait was over, without an error.
    pub reached: Offset,
}

impl CatchUps {
    pub const OBSERVED: &str = "waited-for";
}

impl Oracle for CatchUps {
    fn name(&self) -> &'static str {
        "catch-up"
    }

    fn asserts(&self) -> &'static str {
        "who waits for a processor waits for an event that it consumes, until it has it"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for observation in evidence.observed(CatchUps::OBSERVED) {
            let waited = WaitedFor::deserialize(&observation.value).expect("as it was written");
            let stream = StreamName::parse(&waited.stream).expect("a stream's name");
            let fold = evidence.fold(&waited.processor).expect("a processor");
            let mut log = evidence.log(&stream).iter();
            let target = log.find(|event| event.offset == waited.target);
            let kind = target.map(|event| &event.kind);
            if let Some(kind) = kind.filter(|kind| !fold.consumes(kind)) {
                return Err(Violation::liveness(
                    "not-consumed",
                    format!(
                        "at {} ms somebody waited for {} to reach offset {} of {stream}, a {}, \
                         which it does not consume",
                        observation.at_ms, waited.processor, waited.target, kind
                    ),
                ));
            }
            if waited.reached < waited.target {
                return Err(Violation::liveness(
                    "behind",
                    format!(
                        "at {} ms somebody had waited for {} to reach offset {} of {}, was told of \
                         no failure, and found it at {}",
                        observation.at_ms,
                        waited.processor,
                        waited.target,
                        waited.stream,
                        waited.reached
                    ),
                ));
            }
            right += u64::from(kind.is_some());
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::LIVENESS;
    use super::*;
    use processors::echo::{contract::EXAMPLE, contract::SLUG, EchoProcessor};
    use runtime::{event::EventType, processor::Fold};
    use serde_json::json;
    use sim::oracles::{Entry, History};

    static FOLDS: [Fold; 1] = [Fold::of::<EchoProcessor>()];

    fn waited_for(target: u64) -> History {
        found(target, target)
    }

    fn found(target: u64, reached: u64) -> History {
        let other = EventType::of("test/other");
        let example = Entry::new(EXAMPLE, json!({ "message": "" }));
        let waited = WaitedFor {
            stream: "p1:/a".to_owned(),
            processor: SLUG.to_owned(),
            target: Offset(target),
            reached: Offset(reached),
        };
        History::new(&FOLDS)
            .log("p1:/a", [example, Entry::new(other, json!({}))])
            .observed(CatchUps::OBSERVED, json!(waited))
    }

    #[test]
    fn to_wait_for_what_is_consumed_or_for_nothing_is_right() {
        assert_eq!(waited_for(1).verdict(&CatchUps), None);
        assert_eq!(waited_for(0).verdict(&CatchUps), None);
    }

    #[test]
    fn to_act_on_less_than_was_waited_for_is_wrong() {
        assert_eq!(found(1, 2).verdict(&CatchUps), None);
        let behind = Some(("behind", LIVENESS));
        assert_eq!(found(1, 0).verdict(&CatchUps), behind);
    }

    #[test]
    fn to_wait_for_what_never_comes_is_wrong() {
        let found = Some(("not-consumed", LIVENESS));
        assert_eq!(waited_for(2).verdict(&CatchUps), found);
    }
}
