//! Reads the logs, their commits, the ledger of OpenAI, and who lived when. Asserts that an input which
//! interrupts a request ends the model's call, too (B-10): within a time in which whatever delays there
//! are have passed, the service answers no more; and that an incarnation of the agent's object which began
//! after that does not ask the service for it (B-69). Does not assert that it ends at once, nor that an
//! answer which was on its way is not billed.

use super::model_requests::{model_requests, Call, ModelRequest};
use processors::agent;
use runtime::call::ObjectName;
use sim::oracles::{Evidence, Oracle, Violation};

pub struct Interrupts;

/// Longer than a workload and its faults last.
const CUT_OFF_WITHIN_MS: u64 = 150_000;

/// What an incarnation sent before it died may arrive that much later; no incarnation asks so soon.
const ARRIVES_WITHIN_MS: u64 = 10;

impl Oracle for Interrupts {
    fn name(&self) -> &'static str {
        "interrupt"
    }

    fn asserts(&self) -> &'static str {
        "the model's call ends when its request is cancelled, and none begins after that"
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
        if is_of_later_life(evidence, request, call, cancelled_ms) {
            return Err(Violation::safety(
                "begun-after",
                format!(
                    "stream {}: request at offset {} was cancelled after {cancelled_ms} ms, and asked of \
                     the service after {} ms, by an incarnation that began in between",
                    request.stream, request.requested, call.began_ms
                ),
            ));
        }
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

/// The call was made by an incarnation that began after the request had been cancelled.
fn is_of_later_life(
    evidence: &Evidence,
    request: &ModelRequest,
    call: &Call,
    cancelled_ms: u64,
) -> bool {
    let object = ObjectName::new(agent::object::BINDING, request.stream.to_string());
    let sent_ms = call.began_ms.saturating_sub(ARRIVES_WITHIN_MS);
    let lives = evidence.lifetimes.iter();
    let mut lives = lives.filter(|life| life.object == object && life.began_ms <= sent_ms);
    // Those that it may have been sent by: none of them saw the request as it was before.
    lives
        .next_back()
        .is_some_and(|life| life.began_ms > cancelled_ms)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, LIVENESS, SAFETY, THREAD};
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

    /// A life of the agent begins, the request is cancelled, and then the agent lives again.
    fn asked_again(second_life_ms: u64, asked_ms: u64) -> History {
        let first = History::new(&[]).begins(agent::object::BINDING, THREAD);
        let interrupted = model_request::cancelled(first, THREAD, "hello", 1_000);
        let died = interrupted.at(900).ends(agent::object::BINDING, THREAD);
        let again = died
            .at(second_life_ms)
            .begins(agent::object::BINDING, THREAD);
        model_request::called(again, "hello", asked_ms)
    }

    #[test]
    fn a_life_that_began_before_may_not_have_seen_it() {
        assert_eq!(asked_again(950, 1_100).verdict(&Interrupts), None);
        let in_flight = asked_again(1_200, 1_205).verdict(&Interrupts);
        assert_eq!(in_flight, None, "it was sent before that life could");
    }

    #[test]
    fn a_call_of_a_life_that_began_afterwards_is_wrong() {
        let verdict = asked_again(1_200, 1_300).verdict(&Interrupts);
        assert_eq!(verdict, Some(("begun-after", SAFETY)));
    }
}
