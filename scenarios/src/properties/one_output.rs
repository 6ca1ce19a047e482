//! Reads the logs. Asserts that a request has at most one output (spec §7.8, number 6). Does not
//! assert that it has one, nor what it says.

use processors::agent::contract::{OutputAdded, OUTPUT_ADDED};
use sim::oracles::{Evidence, Oracle, Violation};
use std::collections::BTreeMap;

pub struct OneOutput;

impl Oracle for OneOutput {
    fn name(&self) -> &'static str {
        "output"
    }

    fn asserts(&self) -> &'static str {
        "a request has at most one output"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            let mut outputs = BTreeMap::new();
            let added = log.events.iter().filter(|event| event.kind == OUTPUT_ADDED);
            for event in added {
                let Ok(OutputAdded {
                    llm_request_id: Some(request),
                    ..
                }) = event.payload()
                else {
                    continue;
                };
                if let Some(first) = outputs.insert(request, event.offset) {
                    return Err(Violation::safety(
                        "duplicate",
                        format!(
                            "stream {}: request at offset {request} has outputs at {first} and {}",
                            log.name, event.offset
                        ),
                    ));
                }
            }
            right += outputs.len() as u64;
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use runtime::event::Offset;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    fn output(request: Option<u64>) -> Entry {
        let output = OutputAdded {
            content: "hello".into(),
            llm_request_id: request.map(Offset),
        };
        Entry::new(OUTPUT_ADDED, output)
    }

    fn judge<const OUTPUTS: usize>(
        requests: [Option<u64>; OUTPUTS],
    ) -> Option<(&'static str, FailureKind)> {
        let history = History::new(&[]).log(THREAD, requests.map(output));
        history.verdict(&OneOutput)
    }

    #[test]
    fn an_output_for_each_request_is_right() {
        assert_eq!(judge([Some(2), Some(5), None, None]), None);
    }

    #[test]
    fn a_second_output_of_a_request_is_wrong() {
        let duplicate = Some(("duplicate", SAFETY));
        assert_eq!(judge([Some(2), Some(5), Some(2)]), duplicate);
    }

    #[test]
    fn the_same_request_of_another_stream_is_another() {
        let history = History::new(&[])
            .log(THREAD, [output(Some(2))])
            .log("p1:/agents/b", [output(Some(2))]);
        assert_eq!(history.verdict(&OneOutput), None);
    }
}
