//! Reads the logs and the processors' checkpoints. Asserts that a checkpoint stands at an event that
//! its processor consumes: a batch ends with one, as the stream filters for every subscriber that
//! named its types (B-34). A processor that takes every type satisfies it anywhere. Does not assert
//! that an event arrived.

use super::{Evidence, Oracle, Violation};
use runtime::event::StreamName;

pub struct Filter;

impl Oracle for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn asserts(&self) -> &'static str {
        "a checkpoint stands at an event that its processor consumes"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for stored in &evidence.processors {
            let stream = StreamName::parse(&stored.object.name).expect("hosts have streams' names");
            let mut log = evidence.log(&stream).iter();
            let at = log.find(|event| event.offset == stored.offset);
            let fold = evidence.fold(&stored.processor);
            let (Some(event), Some(fold)) = (at, fold) else {
                continue;
            };
            if !fold.consumes(&event.kind) {
                return Err(Violation::safety(
                    "not-consumed",
                    format!(
                        "{} of {} is at {}, a {} that it does not consume",
                        stored.processor, stored.object, stored.offset, event.kind
                    ),
                ));
            }
            right += u64::from(!fold.consumes_everything());
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        tests::{tick, Counter, COUNTER},
        Entry, History,
    };
    use super::*;
    use crate::world::FailureKind;
    use runtime::{event::EventType, processor::Fold};
    use serde_json::json;

    static FOLDS: [Fold; 1] = [Fold::of::<Counter>()];

    fn at(offset: u64) -> History {
        let other = Entry::new(EventType::of("test/other"), json!({}));
        History::new(&FOLDS)
            .log("p1:/a", [tick(), other])
            .checkpoint(COUNTER, "p1:/a", "counter", offset, json!({ "ticks": 1 }))
    }

    #[test]
    fn a_checkpoint_at_what_was_to_be_filtered_out_is_wrong() {
        let found = at(2).verdict(&Filter);
        assert_eq!(found, Some(("not-consumed", FailureKind::Safety)));
    }

    #[test]
    fn a_checkpoint_at_a_consumed_event_is_right_and_so_is_one_before_the_first() {
        assert_eq!(at(1).verdict(&Filter), None);
        assert_eq!(at(0).verdict(&Filter), None);
    }
}
