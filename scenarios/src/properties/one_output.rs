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

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
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
        }
        Ok(())
    }
}
