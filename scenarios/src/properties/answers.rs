//! Reads the logs. Asserts that at rest whoever asked an agent last has an answer: an output of a request
//! that covers the question (B-60). Only for worlds in which the model's service, and the way to it, are
//! well: then nothing but deaths of the agent's object can come between, and those count for nothing.

use processors::agent::contract::{InputAdded, OutputAdded, INPUT_ADDED, OUTPUT_ADDED};
use runtime::event::{Event, Offset};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct Answers;

impl Oracle for Answers {
    fn name(&self) -> &'static str {
        "answer"
    }

    fn asserts(&self) -> &'static str {
        "where nothing but the agent's object dies, the last question has an answer"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        evidence.logs.values().map(judge).sum()
    }
}

fn judge(log: &StreamLog) -> Result<u64, Violation> {
    let Some(question) = log.events.iter().rev().find(|event| asks(event)) else {
        return Ok(0);
    };
    if log
        .events
        .iter()
        .any(|event| answers(event, question.offset))
    {
        return Ok(1);
    }
    Err(Violation::liveness(
        "missing",
        format!(
            "stream {}: the question at offset {} has no answer",
            log.name, question.offset
        ),
    ))
}

fn asks(event: &Arc<Event>) -> bool {
    event.kind == INPUT_ADDED
        && event
            .payload::<InputAdded>()
            .is_ok_and(|input| input.asks_anew())
}

fn answers(event: &Event, question: Offset) -> bool {
    let covers = |output: OutputAdded| output.llm_request_id.is_some_and(|id| id > question);
    event.kind == OUTPUT_ADDED && event.payload().is_ok_and(covers)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request::requested, LIVENESS, THREAD};
    use super::*;
    use processors::agent::contract::Behaviour;
    use sim::oracles::{Entry, History};

    fn question() -> Entry {
        Entry::new(INPUT_ADDED, InputAdded::new("hello", Behaviour::default()))
    }

    fn output(request: u64) -> Entry {
        let output = OutputAdded {
            content: "hi".into(),
            llm_request_id: Some(Offset(request)),
        };
        Entry::new(OUTPUT_ADDED, output)
    }

    #[test]
    fn an_output_of_a_later_request_is_an_answer() {
        let history = History::new(&[]).log(THREAD, [question(), requested(), output(2)]);
        assert_eq!(history.exercised(&Answers), 1);
        assert_eq!(History::new(&[]).exercised(&Answers), 0);
    }

    #[test]
    fn a_question_without_one_is_not_answered() {
        let missing = Some(("missing", LIVENESS));
        let silent = History::new(&[]).log(THREAD, [question(), requested()]);
        assert_eq!(silent.verdict(&Answers), missing);
        let log = [question(), requested(), output(2), question()];
        let late = History::new(&[]).log(THREAD, log);
        assert_eq!(late.verdict(&Answers), missing);
    }
}
