//! Reads the logs. Asserts that an agent has one model request at a time (B-50): none is scheduled
//! while another is scheduled or under way, none is handed off that is not the one scheduled. Does
//! not assert that a request ends: the obligations do.

use processors::agent::contract::{Consumed, CurrentRequest, State};
use runtime::event::Offset;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};

pub struct OneRequest;

impl Oracle for OneRequest {
    fn name(&self) -> &'static str {
        "request"
    }

    fn asserts(&self) -> &'static str {
        "an agent has at most one model request that is scheduled or under way"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        evidence.logs.values().map(judge).sum()
    }
}

fn judge(log: &StreamLog) -> Result<u64, Violation> {
    let mut state = State::default();
    let mut right = 0;
    for event in &log.events {
        let Ok(Some(consumed)) = Consumed::parse(event) else {
            continue;
        };
        let is_in_the_way = match (&consumed, &state.current_request) {
            (Consumed::Scheduled(_), current) => Some(current.is_some()),
            (Consumed::Requested(_), current) => {
                Some(!matches!(current, Some(CurrentRequest::Scheduled { .. })))
            }
            _ => None,
        };
        match is_in_the_way {
            Some(true) => return Err(overlapping(log, event.offset, &state)),
            Some(false) => right += 1,
            None => {}
        }
        state.reduce(event.offset, &consumed);
    }
    Ok(right)
}

fn overlapping(log: &StreamLog, offset: Offset, state: &State) -> Violation {
    let current = match &state.current_request {
        None => "none is scheduled".to_owned(),
        Some(CurrentRequest::Scheduled { request_id, .. }) => format!("{request_id} is scheduled"),
        Some(CurrentRequest::Requested { llm_request_id }) => {
            format!("the one at offset {llm_request_id} is under way")
        }
    };
    Violation::safety(
        "overlapping",
        format!(
            "stream {}: a request at offset {offset}, while {current}",
            log.name
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, SAFETY, THREAD};
    use super::*;
    use model_request::{completed, requested, scheduled};
    use sim::oracles::{Entry, History};

    fn judge<const EVENTS: usize>(entries: [Entry; EVENTS]) -> Option<&'static str> {
        let verdict = History::new(&[]).log(THREAD, entries).verdict(&OneRequest);
        verdict.map(|(class, kind)| {
            assert_eq!(kind, SAFETY);
            class
        })
    }

    #[test]
    fn one_request_after_the_other_is_right() {
        let twice = [
            scheduled("a"),
            requested(),
            completed(2),
            scheduled("b"),
            requested(),
        ];
        assert_eq!(judge(twice), None);
    }

    #[test]
    fn a_request_beside_another_is_wrong() {
        assert_eq!(judge([scheduled("a"), scheduled("b")]), Some("overlapping"));
        let beside = [scheduled("a"), requested(), scheduled("b")];
        assert_eq!(judge(beside), Some("overlapping"));
        let again = [scheduled("a"), requested(), requested()];
        assert_eq!(judge(again), Some("overlapping"));
    }
}
