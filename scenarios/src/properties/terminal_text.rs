//! Reads the logs and the ledgers of OpenAI and Workers AI. Asserts that every output of an agent is
//! the whole text of what a service sent as a complete response (peers §5.5): not
//! a piece of it, not the deltas of one that was abandoned, not what another item said. Does not
//! assert which response it was of: see `one_output`.

use processors::agent::contract::{OutputAdded, OUTPUT_ADDED};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::{openai::OpenAiFact, workers_ai::WorkersAiFact},
};
use std::collections::BTreeSet;

pub struct TerminalText;

impl Oracle for TerminalText {
    fn name(&self) -> &'static str {
        "terminal-text"
    }

    fn asserts(&self) -> &'static str {
        "an output is the whole text of a response that was complete"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let of_openai = evidence
            .openai
            .iter()
            .filter_map(|entry| match &entry.what {
                OpenAiFact::Answered {
                    status: "completed",
                    text,
                    ..
                } => Some(&**text),
                _ => None,
            });
        let of_workers_ai = evidence
            .workers_ai
            .iter()
            .filter_map(|entry| match &entry.what {
                WorkersAiFact::Answered { text, .. } => Some(&**text),
                _ => None,
            });
        let complete: BTreeSet<&str> = of_openai.chain(of_workers_ai).collect();
        let mut outputs = 0;
        for log in evidence.logs.values() {
            for event in log.events.iter().filter(|event| event.kind == OUTPUT_ADDED) {
                let Ok(output) = event.payload::<OutputAdded>() else {
                    continue;
                };
                if !complete.contains(&*output.content) {
                    return Err(Violation::safety(
                        "other",
                        format!(
                            "{} at {}: no complete response says {:?}",
                            log.name, event.offset, output.content
                        ),
                    ));
                }
                outputs += 1;
            }
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    fn judge(status: &'static str, output: &str) -> Option<(&'static str, FailureKind)> {
        let output = json!({ "content": output, "llmRequestId": 1 });
        History::new(&[])
            .log(THREAD, [Entry::new(OUTPUT_ADDED, output)])
            .openai(OpenAiFact::Answered {
                response_id: "resp_1".into(),
                status,
                text: "All right.".into(),
            })
            .verdict(&TerminalText)
    }

    #[test]
    fn an_output_is_what_a_complete_response_said() {
        assert_eq!(judge("completed", "All right."), None);
        let wrong = Some(("other", SAFETY));
        assert_eq!(judge("completed", "All ri"), wrong);
        assert_eq!(judge("incomplete", "All right."), wrong);
    }

    #[test]
    fn whichever_service_said_it() {
        let output = json!({ "content": "All right.", "llmRequestId": 1 });
        let history = History::new(&[]).log(THREAD, [Entry::new(OUTPUT_ADDED, output)]);
        let answered = WorkersAiFact::Answered {
            run: 1,
            text: "All right.".into(),
        };
        assert_eq!(history.workers_ai(answered).verdict(&TerminalText), None);
    }
}
