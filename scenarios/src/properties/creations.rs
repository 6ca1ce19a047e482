//! Reads the logs, and what people asked for and were answered. Asserts that a project and a repo are
//! created once, however many ask; that whoever got one got what he asked for and what stands in the log,
//! also if that is lost with an object afterwards; that whoever was refused had asked for something else;
//! that who looks after somebody was told finds it, and who looks at a project of an older revision finds
//! that; and that everybody is answered. Does not assert who of several decides.

use crate::project::{Answer, Answered};
use processors::{
    creation::EXISTS,
    project_lifecycle::contract::{CREATED, LEGACY_CREATED},
    repo,
};
use runtime::event::{Event, StreamName};
use serde::Deserialize;
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct Creations;

impl Oracle for Creations {
    fn name(&self) -> &'static str {
        "creation"
    }

    fn asserts(&self) -> &'static str {
        "a project or a repo is created once, and all who ask for it are told the same"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        for log in evidence.logs.values() {
            check_once(log)?;
        }
        let answers: Vec<Answered> = evidence
            .observed(Answered::OBSERVED)
            .map(|seen| Answered::deserialize(&seen.value).expect("the workload wrote it"))
            .collect();
        for (n, answered) in answers.iter().enumerate() {
            check_answer(evidence, answered)?;
            check_memory(&answers[..n], answered)?;
        }
        let asked = evidence.observed(Answered::ASKED).count();
        match asked == answers.len() {
            true => Ok(answers.len() as u64),
            false => Err(Violation::liveness(
                "unanswered",
                format!("{asked} asked, and {} were answered", answers.len()),
            )),
        }
    }
}

/// The events by which something is created.
fn creations(log: &[Arc<Event>]) -> impl Iterator<Item = &Arc<Event>> {
    let kinds = [CREATED, LEGACY_CREATED, repo::contract::CREATED];
    log.iter().filter(move |event| kinds.contains(&event.kind))
}

fn check_once(log: &StreamLog) -> Result<(), Violation> {
    let mut creations = creations(&log.events).map(|event| event.offset);
    match (creations.next(), creations.next()) {
        (Some(first), Some(second)) => Err(Violation::safety(
            "twice",
            format!("{} was created at {first} and at {second}", log.name),
        )),
        _ => Ok(()),
    }
}

fn check_answer(evidence: &Evidence, answered: &Answered) -> Result<(), Violation> {
    let name = StreamName::parse(&answered.stream).expect("a stream's name");
    let creation = creations(evidence.log(&name)).next();
    let stands = creation.and_then(|event| event.payload.as_deref());
    let Answered { stream, asked, .. } = answered;
    let wrong = |class, told: String| {
        let asked = asked.clone().unwrap_or_default();
        let stands = stands.cloned().unwrap_or_default();
        let message = format!("{stream}: {told}; asked for: {asked}; in the log: {stands}");
        Err(Violation::safety(class, message))
    };
    match &answered.answer {
        Answer::Given(Value::Null) if asked.is_none() => {
            // Of an older revision's project: it was there before the object first lived.
            let overlooked = |event: &&Arc<Event>| {
                let committed_ms = evidence.committed_ms(&name, event.offset);
                event.kind == LEGACY_CREATED
                    && committed_ms.is_some_and(|at_ms| at_ms < answered.asked_ms)
            };
            match creation.filter(overlooked) {
                None => Ok(()),
                Some(_) => wrong("overlooked", "nothing was found".to_owned()),
            }
        }
        Answer::Given(given) if stands.is_none() => wrong("lost", format!("{given} was given")),
        Answer::Given(given) if stands != Some(given) => {
            wrong("not-what-stands", format!("{given} was given"))
        }
        Answer::Given(given) if asked.as_ref().is_some_and(|asked| asked != given) => {
            wrong("given-another", format!("{given} was given"))
        }
        Answer::Given(_) => Ok(()),
        Answer::Refused(code) => {
            let is_another = stands.is_some() && asked.is_some() && stands != asked.as_ref();
            match is_another && code == EXISTS {
                true => Ok(()),
                false => wrong("refused", format!("it was refused with {code:?}")),
            }
        }
    }
}

/// Who looks when somebody was told before finds something.
fn check_memory(earlier: &[Answered], looked: &Answered) -> Result<(), Violation> {
    let told_before = |one: &&Answered| {
        one.stream == looked.stream && one.is_given() && one.answered_ms < looked.asked_ms
    };
    let found_nothing = looked.answer == Answer::Given(Value::Null);
    match earlier.iter().find(told_before).filter(|_| found_nothing) {
        None => Ok(()),
        Some(told) => Err(Violation::safety(
            "forgotten",
            format!(
                "{} was told of at {} ms, and who looked at {} ms found nothing",
                looked.stream, told.answered_ms, looked.asked_ms
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const STREAM: &str = "p1:/";

    fn project(slug: &str) -> Value {
        json!({ "slug": slug })
    }

    fn created(slug: &str) -> Entry {
        Entry::new(CREATED, project(slug))
    }

    fn given(slug: &str) -> Answer {
        Answer::Given(project(slug))
    }

    fn nothing() -> Answer {
        Answer::Given(Value::Null)
    }

    fn refused() -> Answer {
        Answer::Refused(EXISTS.to_owned())
    }

    /// Who asks for `asked`, or looks, at that time, and is answered that 10 ms later.
    fn asks(history: History, asked: Option<&str>, answer: Answer, asked_ms: u64) -> History {
        let answered = Answered {
            stream: STREAM.to_owned(),
            asked: asked.map(project),
            answer,
            asked_ms,
            answered_ms: asked_ms + 10,
        };
        let history = history.observed(Answered::ASKED, json!(STREAM));
        history.observed(Answered::OBSERVED, json!(answered))
    }

    fn judge(
        log: impl IntoIterator<Item = Entry>,
        asked: Option<&str>,
        answer: Answer,
    ) -> Option<(&'static str, FailureKind)> {
        asks(History::new(&[]).log(STREAM, log), asked, answer, 0).verdict(&Creations)
    }

    #[test]
    fn who_is_told_what_stands_is_told_right() {
        assert_eq!(judge([created("a")], Some("a"), given("a")), None);
        assert_eq!(judge([created("a")], Some("b"), refused()), None);
        assert_eq!(judge([created("a")], None, given("a")), None);
        assert_eq!(judge([created("a")], None, nothing()), None);
        let old = Entry::new(LEGACY_CREATED, project("a"));
        assert_eq!(judge([old], Some("a"), given("a")), None);
    }

    #[test]
    fn what_is_created_twice_is_wrong() {
        let twice = Some(("twice", SAFETY));
        assert_eq!(judge([created("a"), created("a")], None, nothing()), twice);
        let old = Entry::new(LEGACY_CREATED, project("a"));
        assert_eq!(judge([old, created("a")], None, nothing()), twice);
        let repo = || Entry::new(repo::contract::CREATED, json!({}));
        assert_eq!(judge([repo(), repo()], None, nothing()), twice);
    }

    #[test]
    fn who_is_told_something_else_is_told_wrong() {
        for (log, asked, answer, class) in [
            (vec![], Some("a"), given("a"), "lost"),
            (vec![created("a")], Some("b"), given("b"), "not-what-stands"),
            (vec![created("a")], Some("b"), given("a"), "given-another"),
            (vec![created("a")], Some("a"), refused(), "refused"),
            (vec![], Some("a"), refused(), "refused"),
            (
                vec![created("a")],
                Some("b"),
                Answer::Refused("x".into()),
                "refused",
            ),
        ] {
            assert_eq!(judge(log, asked, answer), Some((class, SAFETY)));
        }
    }

    #[test]
    fn who_looks_later_and_finds_nothing_was_forgotten() {
        let found = |looks_ms| {
            let told = asks(
                History::new(&[]).log(STREAM, [created("a")]),
                Some("a"),
                given("a"),
                0,
            );
            asks(told, None, nothing(), looks_ms).verdict(&Creations)
        };
        assert_eq!(found(10), None, "at the same time");
        assert_eq!(found(11), Some(("forgotten", SAFETY)));
    }

    #[test]
    fn who_overlooks_a_project_of_an_older_revision_is_told_wrong() {
        let looked = |asked_ms| {
            let old = Entry::new(LEGACY_CREATED, project("a"));
            let history = History::new(&[]).at(50).log(STREAM, [old]);
            let history = history.commit(STREAM, 1, (1, 1));
            asks(history, None, nothing(), asked_ms).verdict(&Creations)
        };
        assert_eq!(looked(50), None, "at the same time");
        assert_eq!(looked(51), Some(("overlooked", SAFETY)));
    }

    #[test]
    fn who_is_never_answered_is_missed() {
        let asked = History::new(&[]).observed(Answered::ASKED, json!(STREAM));
        assert_eq!(asked.verdict(&Creations), Some(("unanswered", LIVENESS)));
    }
}
