//! Reads the logs. Asserts that no processor gives up because a stream was paused: a pause makes every
//! append fail and is nobody's fault, so what failed on account of it waits until the stream is resumed
//! (spec §1.5, §3.5; X-11). Does not assert that it was taken up then: see the processors' states.

use crate::readings::all;
use runtime::stream::contract::{ErrorOccurred, ERROR_OCCURRED, PAUSED};
use sim::oracles::{Evidence, Oracle, Violation};

pub struct Pauses;

/// How the refusal of a paused stream begins.
const REFUSAL: &str = "stream paused: ";

impl Oracle for Pauses {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn asserts(&self) -> &'static str {
        "no processor gives up because a stream is paused"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut pauses = 0;
        for log in evidence.logs.values() {
            pauses += all(&log.events, PAUSED).count() as u64;
            for event in all(&log.events, ERROR_OCCURRED) {
                let Ok(ErrorOccurred { message, error }) = event.payload() else {
                    continue;
                };
                if error.is_some_and(|cause| cause.message.starts_with(REFUSAL)) {
                    return Err(Violation::liveness(
                        "given-up",
                        format!("{} at {}: {message}", log.name, event.offset),
                    ));
                }
            }
        }
        Ok(pauses)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::LIVENESS;
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn judge(cause: &str) -> Option<(&'static str, sim::world::FailureKind)> {
        let error = json!({
            "message": "Processor \"echo\" gave up after 4 failed ingest attempts at offset 3",
            "error": { "message": cause },
        });
        let log = [
            Entry::new(PAUSED, json!({})),
            Entry::new(ERROR_OCCURRED, error),
        ];
        History::new(&[]).log("p1:/a", log).verdict(&Pauses)
    }

    #[test]
    fn to_give_up_because_of_a_pause_is_wrong() {
        assert_eq!(judge("stream paused: tea"), Some(("given-up", LIVENESS)));
    }

    #[test]
    fn to_give_up_for_another_reason_is_right() {
        assert_eq!(judge("told to"), None);
    }
}
