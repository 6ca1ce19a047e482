//! Reads the logs, the ledgers of OpenAI and of Workers AI, and who lived when. Asserts that a model request is asked of
//! the service at most once by each life of its agent's object between the request and its end (D12;
//! an incarnation that comes later has nothing to ask, and one that is told twice asks
//! once. Does not assert that a request was asked at all, nor count a call that the service itself
//! broke off, nor judge requests that end in the same words.

use super::model_requests::{model_requests, ModelRequest};
use processors::agent;
use runtime::call::ObjectName;
use sim::oracles::{Evidence, Oracle, Violation};

pub struct ModelCalls;

impl Oracle for ModelCalls {
    fn name(&self) -> &'static str {
        "model-calls"
    }

    fn asserts(&self) -> &'static str {
        "a model request is asked of the service at most once in each life that it was open in"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for request in model_requests(evidence) {
            let whole = request.calls.iter().filter(|call| !call.is_broken);
            let calls = whole.count();
            let lives = lives(evidence, &request);
            if calls > lives {
                return Err(Violation::safety(
                    "too-many",
                    format!(
                        "stream {}: request at offset {} was asked of the service {calls} times, and \
                         its agent lived {lives} times while it was open",
                        request.stream, request.requested
                    ),
                ));
            }
            right += u64::from(calls > 0);
        }
        Ok(right)
    }
}

/// How many incarnations of the agent's object lived between the request and its end.
fn lives(evidence: &Evidence, request: &ModelRequest) -> usize {
    let object = ObjectName::new(agent::object::BINDING, request.stream.to_string());
    let committed = |offset| evidence.committed_ms(&request.stream, offset);
    let from_ms = committed(request.requested).unwrap_or(0);
    let until_ms = request.executed.and_then(committed).unwrap_or(u64::MAX);
    evidence
        .lifetimes
        .iter()
        .filter(|life| life.object == object)
        .filter(|life| life.began_ms <= until_ms)
        .filter(|life| life.ended_ms.is_none_or(|ended_ms| ended_ms >= from_ms))
        .count()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, THREAD};
    use super::*;
    use sim::{
        oracles::History,
        peers::{openai::OpenAiFact, workers_ai::WorkersAiFact},
    };

    const AGENT: &str = agent::object::BINDING;
    const TOO_MANY: Option<&str> = Some("too-many");

    fn verdict(history: History) -> Option<&'static str> {
        history.verdict(&ModelCalls).map(|(class, _)| class)
    }

    /// A life of the agent, the request at offset 2, its end at offset 3.
    fn history() -> History {
        let before = History::new(&[]).begins(AGENT, THREAD).at(10);
        model_request::finished(before, THREAD, "hello", 20)
    }

    #[test]
    fn a_call_in_each_life_is_right() {
        assert_eq!(verdict(model_request::called(history(), "hello", 12)), None);
        let died = History::new(&[]).begins(AGENT, THREAD).at(11);
        let died = model_request::finished(died, THREAD, "hello", 30);
        let died = died.at(15).ends(AGENT, THREAD).at(16).begins(AGENT, THREAD);
        let twice = model_request::called(died, "hello", 12);
        assert_eq!(verdict(model_request::called(twice, "hello", 17)), None);
    }

    #[test]
    fn a_second_call_in_one_life_is_wrong() {
        let twice = model_request::called(history(), "hello", 12);
        assert_eq!(verdict(model_request::called(twice, "hello", 13)), TOO_MANY);
    }

    #[test]
    fn a_call_of_either_service_counts() {
        let call = || WorkersAiFact::Received {
            run: 1,
            model: "m-1".into(),
            input_text: "hello".into(),
            retry: 0,
        };
        let once = history().workers_ai(call());
        assert_eq!(ModelCalls.judge(&once.evidence()), Ok(1));
        let both = model_request::called(history(), "hello", 12).workers_ai(call());
        assert_eq!(verdict(both), TOO_MANY);
        let dropped = WorkersAiFact::Dropped { run: 1, how: "cut" };
        let dropped = history().workers_ai(call()).workers_ai(dropped);
        assert_eq!(ModelCalls.judge(&dropped.evidence()), Ok(0));
    }

    #[test]
    fn a_call_that_the_service_broke_off_does_not_count() {
        let dropped = model_request::called(history(), "hello", 12).openai(OpenAiFact::Dropped {
            response_id: "hello".into(),
            how: "reset",
        });
        assert_eq!(ModelCalls.judge(&dropped.evidence()), Ok(0));
    }

    #[test]
    fn a_life_that_begins_after_the_end_asks_nothing() {
        let later = history()
            .at(40)
            .ends(AGENT, THREAD)
            .at(41)
            .begins(AGENT, THREAD);
        let twice = model_request::called(later, "hello", 12);
        assert_eq!(verdict(model_request::called(twice, "hello", 42)), TOO_MANY);
        let unseen = model_request::finished(History::new(&[]), THREAD, "hello", 20);
        let attached = unseen.at(30).begins(AGENT, THREAD);
        assert_eq!(
            verdict(model_request::called(attached, "hello", 31)),
            TOO_MANY
        );
    }

    #[test]
    fn requests_that_end_in_the_same_words_are_not_judged() {
        let other = model_request::finished(history(), "p1:/agents/b", "hello", 20);
        let twice = model_request::called(other, "hello", 12);
        assert_eq!(verdict(model_request::called(twice, "hello", 13)), None);
    }
}
