//! Reads what clients of the models made of their questions, and the services' ledgers. Asserts that what
//! a client took for an answer is one: its service had finished and billed it, and handed over exactly
//! that text in that state (peers §5, *applied* and *answered*); and that nobody who was answered had
//! asked in vain only. Does not assert that a question is billed once: over a lost reply it is not, as
//! there is no key by which a service could know it again (peers §1.11).

use crate::models::{Asked, Outcome, Service, ASKED};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::{openai::OpenAiFact, workers_ai::WorkersAiFact},
};

pub struct ModelAnswers;

impl Oracle for ModelAnswers {
    fn name(&self) -> &'static str {
        "model-answers"
    }

    fn asserts(&self) -> &'static str {
        "what a client of a model takes for an answer was finished, billed and handed over as such"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for seen in evidence.observed(ASKED) {
            let asked: Asked =
                serde_json::from_value(seen.value.clone()).expect("the workload writes it");
            let Outcome::Answered {
                response_id,
                status,
                text,
            } = &asked.outcome
            else {
                continue;
            };
            let question = &asked.question.text;
            let found = match asked.question.of {
                Service::OpenAi => openai(evidence, question, response_id.as_deref(), status, text),
                Service::WorkersAi => workers_ai(evidence, question, text),
            };
            if let Err(class) = found {
                let message = format!("{question:?} was answered {text:?}, {status}: {asked:?}");
                return Err(Violation::safety(class, message));
            }
            right += 1;
        }
        Ok(right)
    }
}

/// The class of what is wrong with the answer of a response.
fn openai(
    evidence: &Evidence,
    question: &str,
    id: Option<&str>,
    status: &str,
    text: &str,
) -> Result<(), &'static str> {
    let id = id.unwrap_or_default();
    let facts = || evidence.openai.iter().map(|entry| &entry.what);
    let is_received = |fact: &OpenAiFact| {
        matches!(fact, OpenAiFact::RequestReceived { response_id, input_text, .. }
            if **response_id == *id && input_text == question)
    };
    let is_applied = |fact: &OpenAiFact| matches!(fact, OpenAiFact::Applied { response_id } if **response_id == *id);
    let is_answered = |fact: &OpenAiFact| {
        matches!(fact, OpenAiFact::Answered { response_id, status: state, text: said }
            if **response_id == *id && *state == status && **said == *text)
    };
    check(&[
        ("unknown", facts().any(is_received)),
        ("unbilled", status == "failed" || facts().any(is_applied)),
        ("other-words", facts().any(is_answered)),
    ])
}

/// The same of a run, of which a client knows no name: one of those for its question.
fn workers_ai(evidence: &Evidence, question: &str, text: &str) -> Result<(), &'static str> {
    let facts = || evidence.workers_ai.iter().map(|entry| &entry.what);
    let runs: Vec<u64> = facts()
        .filter_map(|fact| match fact {
            WorkersAiFact::Received {
                run, input_text, ..
            } => (**input_text == *question).then_some(*run),
            _ => None,
        })
        .collect();
    let is_applied =
        |fact: &WorkersAiFact| matches!(fact, WorkersAiFact::Applied { run } if runs.contains(run));
    let is_answered = |fact: &WorkersAiFact| {
        matches!(fact, WorkersAiFact::Answered { run, text: said }
            if runs.contains(run) && **said == *text)
    };
    check(&[
        ("unknown", !runs.is_empty()),
        ("unbilled", facts().any(is_applied)),
        ("other-words", facts().any(is_answered)),
    ])
}

fn check(held: &[(&'static str, bool)]) -> Result<(), &'static str> {
    match held.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((class, _)) => Err(class),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAFETY;
    use super::*;
    use serde_json::json;
    use sim::oracles::History;

    fn asked(of: &str, text: &str) -> History {
        let question = json!({"of": of, "way": "whole", "text": "Why?"});
        let answered = json!({"response_id": "r", "status": "completed", "text": text});
        let asked = json!({"question": question, "tries": 1, "outcome": {"answered": answered}});
        History::new(&[]).observed(ASKED, asked)
    }

    fn received(history: History) -> History {
        history.openai(OpenAiFact::RequestReceived {
            response_id: "r".into(),
            input_text: "Why?".to_owned(),
            previous_response_id: None,
        })
    }

    fn applied(history: History) -> History {
        history.openai(OpenAiFact::Applied {
            response_id: "r".into(),
        })
    }

    fn answered(history: History) -> History {
        history.openai(OpenAiFact::Answered {
            response_id: "r".into(),
            status: "completed",
            text: "Because.".into(),
        })
    }

    fn class(history: History) -> Option<&'static str> {
        let (class, kind) = history.verdict(&ModelAnswers)?;
        assert_eq!(kind, SAFETY);
        Some(class)
    }

    #[test]
    fn an_answer_of_openai_is_known_billed_and_in_those_words() {
        let because = || asked("open_ai", "Because.");
        assert_eq!(
            answered(applied(received(because()))).exercised(&ModelAnswers),
            1
        );
        assert_eq!(class(because()), Some("unknown"));
        assert_eq!(class(answered(received(because()))), Some("unbilled"));
        assert_eq!(class(applied(received(because()))), Some("other-words"));
        let other = asked("open_ai", "No.");
        assert_eq!(
            class(answered(applied(received(other)))),
            Some("other-words")
        );
    }

    #[test]
    fn an_answer_of_workers_ai_is_known_billed_and_in_those_words() {
        let received = |text: &str| {
            asked("workers_ai", text).workers_ai(WorkersAiFact::Received {
                run: 1,
                model: "m".into(),
                input_text: "Why?".into(),
                retry: 0,
            })
        };
        let answered = |history: History| {
            let text = "Because.".into();
            let applied = history.workers_ai(WorkersAiFact::Applied { run: 1 });
            applied.workers_ai(WorkersAiFact::Answered { run: 1, text })
        };
        assert_eq!(answered(received("Because.")).exercised(&ModelAnswers), 1);
        assert_eq!(class(asked("workers_ai", "Because.")), Some("unknown"));
        assert_eq!(class(received("Because.")), Some("unbilled"));
        assert_eq!(class(answered(received("No."))), Some("other-words"));
    }
}
