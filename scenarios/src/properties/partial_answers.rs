//! Reads the logs, their commits, the ledger of OpenAI and what its responses said piece by piece, and who
//! lived when. Asserts that what the model had said when a person interrupted it stands beside the
//! cancellation (#1886, B-61), so that the next prompt holds it; and that nothing stands there which the
//! model did not say: what a response said that failed then, it had said. Does not judge what came just
//! before the interrupt, nor what an incarnation had heard that died, or stood still, or was on a
//! connection to which something happened: it need not have reached the agent. Nor what is missing where
//! somebody else than the agent cancelled: nothing is asked in the place of that.

use super::model_requests::{model_requests, Call, ModelRequest};
use processors::agent::{
    self,
    contract::{InputAdded, INPUT_ADDED},
};
use runtime::{call::ObjectName, event::Offset};
use sim::oracles::{Evidence, Oracle, Violation};

pub struct PartialAnswers;

/// Longer than an append takes that the agent has decided on: it may be late.
const ON_THE_WAY_MS: u64 = 20_000;

/// How the body of the note begins, and how its lines are indented.
const BODY: &str = "  partialAnswer: |-\n";
const INDENTATION: &str = "    ";

impl Oracle for PartialAnswers {
    fn name(&self) -> &'static str {
        "partial-answer"
    }

    fn asserts(&self) -> &'static str {
        "what the model had said when it was interrupted is told to it"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for request in model_requests(evidence) {
            if let Some(cancelled) = request.cancelled {
                right += judge(evidence, &request, cancelled)?;
            }
        }
        Ok(right)
    }
}

fn judge(evidence: &Evidence, request: &ModelRequest, cancelled: Offset) -> Result<u64, Violation> {
    let Some(cancelled_ms) = evidence.committed_ms(&request.stream, cancelled) else {
        return Ok(0);
    };
    let noted = noted(evidence, request, cancelled);
    let violation = |class, what: &str| {
        let message = format!(
            "stream {}: request at offset {} was cancelled at {cancelled}, and {what}",
            request.stream, request.requested
        );
        Err(Violation::safety(class, message))
    };
    let calls = || request.calls.iter();
    match &noted {
        Some(noted) => match calls().any(|call| call.said.starts_with(noted)) {
            true => Ok(1),
            false => violation("invented", &format!("the note of it says {noted:?}")),
        },
        None => {
            let by_agent = is_interrupt(evidence, request, cancelled);
            let is_heard =
                |call: &&Call| by_agent && is_heard(evidence, request, call, cancelled_ms);
            match calls().find(is_heard) {
                None => Ok(0),
                Some(call) => {
                    let said = &call.said;
                    violation(
                        "lost",
                        &format!("nothing tells that the model had said {said:?}"),
                    )
                }
            }
        }
    }
}

/// The agent cancelled it, on account of an input.
fn is_interrupt(evidence: &Evidence, request: &ModelRequest, cancelled: Offset) -> bool {
    let mut log = evidence.log(&request.stream).iter();
    let event = log.find(|event| event.offset == cancelled);
    let own = event.and_then(|event| event.idempotency_key.as_ref());
    own.is_some_and(|own| own.as_str().starts_with("agent/llm-request-cancelled/"))
}

/// The partial answer that the log has of it.
fn noted(evidence: &Evidence, request: &ModelRequest, cancelled: Offset) -> Option<String> {
    let key = format!("agent/render-llm-request-cancelled@{cancelled}");
    let mut log = evidence.log(&request.stream).iter();
    let note = log.find(|event| {
        let own = event.idempotency_key.as_ref();
        event.kind == INPUT_ADDED && own.is_some_and(|own| own.as_str() == key)
    })?;
    let note: InputAdded = note.payload().ok()?;
    let (_, body) = note.content.split_once(BODY)?;
    let body = body.strip_suffix("\n```")?;
    let lines = body
        .split('\n')
        .map(|line| line.strip_prefix(INDENTATION).unwrap_or(line));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// The call had begun to be answered long before the cancellation, and the incarnation that made it
/// heard that, and lived until then.
fn is_heard(evidence: &Evidence, request: &ModelRequest, call: &Call, cancelled_ms: u64) -> bool {
    let Some(first_said_ms) = call.first_said_ms else {
        return false;
    };
    let object = ObjectName::new(agent::object::BINDING, request.stream.to_string());
    let mut lives = evidence.lifetimes.iter();
    let lives_through = lives.any(|life| {
        life.object == object
            && life.began_ms < call.began_ms
            && life.ended_ms.is_none_or(|ended_ms| ended_ms > cancelled_ms)
            && life.stood_still_ms(first_said_ms, cancelled_ms) == 0
            && life.disturbances.is_empty()
    });
    first_said_ms + ON_THE_WAY_MS < cancelled_ms && lives_through
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request, SAFETY, THREAD};
    use super::*;
    use processors::agent::block::note;
    use sim::{
        oracles::{Entry, History},
        peers::openai::OpenAiFact,
    };

    /// The model is asked, says a part of its answer, and is interrupted after 100 s: at offset 3.
    fn interrupted(first_said_ms: u64) -> History {
        cancelled_by(
            first_said_ms,
            "agent/llm-request-cancelled/interrupted-by-user-input@9",
        )
    }

    fn cancelled_by(first_said_ms: u64, key: &str) -> History {
        let lives = History::new(&[])
            .begins(agent::object::BINDING, THREAD)
            .at(5);
        let cancelled = model_request::cancelled_by(lives, THREAD, "hello", 100_000, key);
        let called = model_request::called(cancelled, "hello", 10);
        called.at(100_010).openai(OpenAiFact::Abandoned {
            response_id: "hello".into(),
            said: "First,\nthe facts".into(),
            first_said_ms: Some(first_said_ms),
        })
    }

    fn noting(history: History, said: &str) -> History {
        let said = said.replace('\n', "\n    ");
        let content = format!("```yaml\nevent:\n{BODY}    {said}\n```");
        let input = note(content).payload;
        let entry = Entry::new(INPUT_ADDED, input);
        history.log(
            THREAD,
            [entry.keyed("agent/render-llm-request-cancelled@3")],
        )
    }

    #[test]
    fn a_note_of_what_was_said_is_right() {
        for said in ["First,\nthe facts", "First,"] {
            assert_eq!(
                noting(interrupted(40_000), said).exercised(&PartialAnswers),
                1
            );
        }
    }

    #[test]
    fn what_nobody_notes_is_lost() {
        let lost = Some(("lost", SAFETY));
        assert_eq!(interrupted(40_000).verdict(&PartialAnswers), lost);
    }

    #[test]
    fn what_somebody_else_cancels_need_not_be_told() {
        let stopped = cancelled_by(40_000, "workload/stop-1");
        assert_eq!(stopped.exercised(&PartialAnswers), 0);
        let invented = noting(cancelled_by(40_000, "workload/stop-1"), "Second");
        assert_eq!(
            invented.verdict(&PartialAnswers),
            Some(("invented", SAFETY))
        );
    }

    #[test]
    fn what_need_not_have_arrived_is_not_judged() {
        assert_eq!(interrupted(90_000).exercised(&PartialAnswers), 0);
        let died = interrupted(40_000).at(60_000).ends("AGENT", THREAD);
        assert_eq!(died.exercised(&PartialAnswers), 0);
        let still = interrupted(40_000).at(50_000);
        let still = still.stands_still("AGENT", THREAD, 100);
        assert_eq!(still.exercised(&PartialAnswers), 0);
        let disturbed = interrupted(40_000).disturbed("AGENT", THREAD, false);
        assert_eq!(disturbed.exercised(&PartialAnswers), 0);
    }

    /// The response says a part of its answer, and then has an end of its own.
    fn ended(end: OpenAiFact) -> History {
        let cancelled = model_request::cancelled(History::new(&[]), THREAD, "hello", 100_000);
        let called = model_request::called(cancelled, "hello", 10);
        let said = called.openai_said("hello", "First,\nthe facts");
        said.at(99_990).openai(end)
    }

    #[test]
    fn a_response_that_ends_has_said_what_its_deltas_said() {
        let ends = || {
            let answered = |status, text: &str| OpenAiFact::Answered {
                response_id: "hello".into(),
                status,
                text: text.into(),
            };
            [
                answered("failed", ""),
                answered("completed", "other words than its deltas"),
                OpenAiFact::Dropped {
                    response_id: "hello".into(),
                    how: "reset",
                },
                OpenAiFact::Errored {
                    response_id: "hello".into(),
                    shape: "nested",
                },
            ]
        };
        for end in ends() {
            assert_eq!(noting(ended(end), "First,").exercised(&PartialAnswers), 1);
        }
        for end in ends() {
            let invented = noting(ended(end), "Second").verdict(&PartialAnswers);
            assert_eq!(invented, Some(("invented", SAFETY)));
        }
    }

    #[test]
    fn what_the_model_did_not_say_is_invented() {
        let invented = Some(("invented", SAFETY));
        for said in ["Second", "First,\nthe facts, and"] {
            let history = noting(interrupted(40_000), said);
            assert_eq!(history.verdict(&PartialAnswers), invented);
        }
    }
}
