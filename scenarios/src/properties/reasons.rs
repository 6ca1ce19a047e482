//! Reads the logs. Asserts that every model request was asked for: since the one before there is an input
//! that triggers one. A failure that is told to the model is such an input, and so is an interrupt.
//! Does not assert that an input is answered: the obligations do.

use processors::agent::contract::{InputAdded, INPUT_ADDED, LLM_REQUEST_REQUESTED};
use runtime::event::{Event, Offset};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};

pub struct Reasons;

impl Oracle for Reasons {
    fn name(&self) -> &'static str {
        "reason"
    }

    fn asserts(&self) -> &'static str {
        "every model request was asked for by an input since the one before"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        evidence.logs.values().map(judge).sum()
    }
}

fn judge(log: &StreamLog) -> Result<u64, Violation> {
    let (mut requests, mut last, mut is_asked_for) = (0, Offset::ZERO, false);
    for event in &log.events {
        if event.kind == LLM_REQUEST_REQUESTED {
            if !is_asked_for {
                return Err(Violation::safety(
                    "spurious",
                    format!(
                        "stream {}: nobody asked for the request at offset {}: there is no triggering \
                         input since offset {last}",
                        log.name, event.offset
                    ),
                ));
            }
            (requests, last, is_asked_for) = (requests + 1, event.offset, false);
        }
        is_asked_for |= triggers(event);
    }
    Ok(requests)
}

fn triggers(event: &Event) -> bool {
    event.kind == INPUT_ADDED
        && event
            .payload::<InputAdded>()
            .is_ok_and(|input| input.triggers())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        model_request::{completed, requested, scheduled},
        SAFETY, THREAD,
    };
    use super::*;
    use processors::agent::contract::Behaviour;
    use sim::oracles::{Entry, History};

    fn input(behaviour: Behaviour) -> Entry {
        Entry::new(INPUT_ADDED, InputAdded::new("hello", behaviour))
    }

    fn judge<const EVENTS: usize>(entries: [Entry; EVENTS]) -> Result<u64, &'static str> {
        let history = History::new(&[]).log(THREAD, entries);
        match history.verdict(&Reasons) {
            None => Ok(history.exercised(&Reasons)),
            Some((class, kind)) => {
                assert_eq!(kind, SAFETY);
                Err(class)
            }
        }
    }

    #[test]
    fn a_request_after_an_input_has_a_reason() {
        use Behaviour::*;
        assert_eq!(judge([input(AfterCurrentRequest), requested()]), Ok(1));
        let queued = [
            input(AfterCurrentRequest),
            requested(),
            input(InterruptCurrentRequest),
            completed(2),
            scheduled("a"),
            requested(),
        ];
        assert_eq!(judge(queued), Ok(2));
    }

    #[test]
    fn a_request_that_nobody_asked_for_is_spurious() {
        use Behaviour::*;
        let noted = [input(DontTriggerRequest), requested()];
        assert_eq!(judge(noted), Err("spurious"));
        let again = [input(AfterCurrentRequest), requested(), requested()];
        assert_eq!(judge(again), Err("spurious"));
    }
}
