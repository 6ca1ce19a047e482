//! Reads the logs, their commits, and the ledger of OpenAI. Asserts that an input which interrupts a
//! request ends the model's call, too (B-10): within a time in which whatever delays there are have
//! passed, the service answers no more. Does not assert that it ends at once, nor that an answer
//! which was on its way is not billed.

use super::model_requests::{model_requests, ModelRequest};
use sim::oracles::{Evidence, Oracle, Violation};

pub struct Interrupts;

/// Longer than a workload and its faults last.
const CUT_OFF_WITHIN_MS: u64 = 150_000;

impl Oracle for Interrupts {
    fn name(&self) -> &'static str {
        "interrupt"
    }

    fn asserts(&self) -> &'static str {
        "the model's call ends when its request is cancelled"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for request in model_requests(evidence) {
            right += judge(evidence, &request)?;
        }
        Ok(right)
    }
}

fn judge(evidence: &Evidence, request: &ModelRequest) -> Result<u64, Violation> {
    let committed = |offset| evidence.committed_ms(&request.stream, offset);
    let Some(cancelled_ms) = request.cancelled.and_then(committed) else {
        return Ok(0);
    };
    let mut right = 0;
    for call in &request.calls {
        let Some(ended_ms) = call.ended_ms.filter(|ended_ms| *ended_ms >= cancelled_ms) else {
            continue;
        };
        if ended_ms > call.began_ms.max(cancelled_ms) + CUT_OFF_WITHIN_MS {
            return Err(Violation::liveness(
                "call-goes-on",
                format!(
                    "stream {}: request at offset {} was cancelled after {cancelled_ms} ms, and the \
                     service was still at it after {ended_ms} ms",
                    request.stream, request.requested
                ),
            ));
        }
        right += 1;
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, LIVENESS, THREAD};
    use super::*;
    use sim::oracles::History;

    fn history(ended_ms: u64) -> History {
        let interrupted = model_request::cancelled(History::new(&[]), THREAD, "hello", 1_000);
        let called = model_request::called(interrupted, "hello", 500);
        called.at(ended_ms).openai(model_request::answered("hello"))
    }

    #[test]
    fn a_call_that_ends_with_its_request_is_right() {
        assert_eq!(Interrupts.judge(&history(1_020).evidence()), Ok(1));
        assert_eq!(Interrupts.judge(&history(900).evidence()), Ok(0));
    }

    #[test]
    fn a_call_that_outlives_its_request_is_wrong() {
        let verdict = history(200_000).verdict(&Interrupts);
        assert_eq!(verdict, Some(("call-goes-on", LIVENESS)));
    }
}
