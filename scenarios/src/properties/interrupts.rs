//! Reads the logs, their commits, the ledger of OpenAI, and who lived when. Asserts that an input which
//! interrupts a request ends the model's call, too (B-10): within a time in which whatever delays there
//! are have passed, the service answers no more; and that an incarnation of the agent's object which began
//! after that does not ask the service for it (B-69). Who asked is known by the WebSocket: it was opened by
//! whoever lived then, and ends with them, while the last bytes on it may arrive long after, piece by piece.
//! Does not assert that it ends at once, nor that an answer which was on its way is not billed; nor judges
//! who asked over HTTP, where nothing tells.

use super::model_requests::{model_requests, Call, ModelRequest};
use processors::agent;
use runtime::call::ObjectName;
use sim::oracles::{Evidence, Oracle, Violation};

pub struct Interrupts;

/// Longer than a workload and its faults last.
const CUT_OFF_WITHIN_MS: u64 = 150_000;

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
    let Some(opened_ms) = call.opened_ms else {
        return false;
    };
    let lives = evidence.lifetimes.iter();
    let mut lives = lives.filter(|life| life.object == object && life.began_ms <= opened_ms);
    // Who opened it did not see the request as it was before.
    lives
        .next_back()
        .is_some_and(|life| life.began_ms > cancelled_ms)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, LIVENESS, SAFETY, THREAD};
    use super::*;
    use sim::{oracles::History, peers::openai::OpenAiFact};

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

    /// A life of the agent begins, the request is cancelled, and then the agent lives again. The service is
    /// asked on a WebSocket that was opened then.
    fn asked_again(second_life_ms: u64, opened_ms: u64, asked_ms: u64) -> History {
        let first = History::new(&[]).begins(agent::object::BINDING, THREAD);
        let interrupted = model_request::cancelled(first, THREAD, "hello", 1_000);
        let died = interrupted.at(900).ends(agent::object::BINDING, THREAD);
        let again = died
            .at(second_life_ms)
            .begins(agent::object::BINDING, THREAD);
        let opened = again.at(opened_ms).openai(OpenAiFact::Connected);
        model_request::called(opened, "hello", asked_ms)
    }

    #[test]
    fn a_life_that_began_before_may_not_have_seen_it() {
        assert_eq!(asked_again(950, 960, 1_100).verdict(&Interrupts), None);
    }

    #[test]
    fn what_a_life_sent_before_it_died_may_arrive_at_any_time() {
        let verdict = asked_again(1_200, 700, 1_400).verdict(&Interrupts);
        assert_eq!(verdict, None);
    }

    #[test]
    fn a_call_of_a_life_that_began_afterwards_is_wrong() {
        for asked_ms in [1_205, 1_400] {
            let verdict = asked_again(1_200, 1_204, asked_ms).verdict(&Interrupts);
            assert_eq!(verdict, Some(("begun-after", SAFETY)));
        }
    }
}
