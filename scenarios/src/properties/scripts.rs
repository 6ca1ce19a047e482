//! Reads the logs. Asserts that every script that is asked for ends, once, whatever becomes of its
//! session; that no other ends; and that none runs twice: it calls nothing twice with the same arguments,
//! and nothing is made twice for it. Does not assert how a script ends. Its scripts call nothing twice of
//! themselves.

use crate::{
    codemode::workshop::{Made, MADE},
    readings::all,
};
use processors::codemode::contract::*;
use runtime::event::Offset;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::{BTreeMap, BTreeSet};

pub struct Scripts;

impl Oracle for Scripts {
    fn name(&self) -> &'static str {
        "script"
    }

    fn asserts(&self) -> &'static str {
        "a script that is asked for ends, once, and runs once at most"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        for log in evidence.logs.values() {
            check_calls(log)?;
            check_effects(log)?;
        }
        let mut right = 0;
        for log in evidence.logs.values() {
            right += check_ends(log)?;
        }
        Ok(right)
    }
}

/// How many scripts ended.
fn check_ends(log: &StreamLog) -> Result<u64, Violation> {
    let mut ends: BTreeMap<String, Offset> = BTreeMap::new();
    let asked: BTreeSet<String> = all(&log.events, SCRIPT_EXECUTION_REQUESTED)
        .filter_map(|event| event.payload::<ScriptExecutionRequested>().ok())
        .map(|asked| asked.script_execution_id.to_string())
        .collect();
    for event in all(&log.events, SCRIPT_EXECUTION_COMPLETED) {
        let Ok(completed) = event.payload::<ScriptExecutionCompleted>() else {
            continue;
        };
        let id = completed.script_execution_id.to_string();
        if !asked.contains(&id) {
            let message = format!("{}: nobody asked for script {id:?}", log.name);
            return Err(Violation::safety("unasked", message));
        }
        if let Some(first) = ends.insert(id.clone(), event.offset) {
            let message = format!(
                "{}: script {id:?} ends at {first} and at {}",
                log.name, event.offset
            );
            return Err(Violation::safety("ended-twice", message));
        }
    }
    match asked.iter().find(|id| !ends.contains_key(*id)) {
        None => Ok(ends.len() as u64),
        Some(id) => {
            let message = format!("{}: script {id:?} never ends", log.name);
            Err(Violation::liveness("unfinished", message))
        }
    }
}

/// A script calls a function with the same arguments once.
fn check_calls(log: &StreamLog) -> Result<(), Violation> {
    let mut calls = BTreeSet::new();
    for event in all(&log.events, FUNCTION_CALL_REQUESTED) {
        let Ok(FunctionCallRequested { args, call }) = event.payload() else {
            continue;
        };
        let Some(script) = &call.script_execution_id else {
            continue;
        };
        let what = format!("{}({args})", call.path);
        if !calls.insert((script.to_string(), what.clone())) {
            let message = format!("{}: script {script:?} calls {what} twice", log.name);
            return Err(Violation::safety("ran-twice", message));
        }
    }
    Ok(())
}

/// For a script, a thing is made once.
fn check_effects(log: &StreamLog) -> Result<(), Violation> {
    let mut items = BTreeSet::new();
    for event in all(&log.events, MADE) {
        let Ok(made) = event.payload::<Made>() else {
            continue;
        };
        let Some(script) = made.script_execution_id else {
            continue;
        };
        if !items.insert((script.clone(), made.item.clone())) {
            let message = format!("{:?} was made twice for script {script:?}", made.item);
            return Err(Violation::safety("made-twice", message));
        }
    }
    Ok(())
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

    const STREAM: &str = "p1:/sessions/a";

    fn asked(id: &str) -> Entry {
        let asked = json!({ "scriptExecutionId": id, "code": "() => 1" });
        Entry::new(SCRIPT_EXECUTION_REQUESTED, asked)
    }

    fn ended(id: &str) -> Entry {
        let ended = json!({ "scriptExecutionId": id, "outcome": { "status": "returned" } });
        Entry::new(SCRIPT_EXECUTION_COMPLETED, ended)
    }

    fn called(script: &str, argument: u64) -> Entry {
        let called = json!({
            "args": [argument], "functionCallId": "c", "functionPath": ["b"], "invocationKind": "rpc",
            "path": ["a", "b"], "providerPath": ["a"], "scriptExecutionId": script,
        });
        Entry::new(FUNCTION_CALL_REQUESTED, called)
    }

    fn made(script: &str, item: &str) -> Entry {
        let made = json!({ "item": item, "functionCallId": "c", "scriptExecutionId": script });
        Entry::new(MADE, made)
    }

    fn judge(log: impl IntoIterator<Item = Entry>) -> Option<(&'static str, FailureKind)> {
        History::new(&[]).log(STREAM, log).verdict(&Scripts)
    }

    #[test]
    fn scripts_that_end_once_are_right() {
        assert_eq!(
            judge([asked("s"), asked("t"), ended("t"), ended("s")]),
            None
        );
        let history = History::new(&[]).log(STREAM, [asked("s"), ended("s")]);
        assert_eq!(history.exercised(&Scripts), 1);
    }

    #[test]
    fn a_script_that_never_ends_is_unfinished() {
        assert_eq!(
            judge([asked("s"), asked("t"), ended("t")]),
            Some(("unfinished", LIVENESS))
        );
    }

    #[test]
    fn a_script_that_ends_twice_is_wrong() {
        let twice = [asked("s"), ended("s"), ended("s")];
        assert_eq!(judge(twice), Some(("ended-twice", SAFETY)));
    }

    #[test]
    fn a_script_that_nobody_asked_for_does_not_end() {
        assert_eq!(judge([ended("s")]), Some(("unasked", SAFETY)));
    }

    #[test]
    fn a_script_that_calls_or_makes_something_twice_has_run_twice() {
        let calls = [
            asked("s"),
            called("s", 1),
            called("s", 2),
            called("t", 1),
            ended("s"),
        ];
        assert_eq!(judge(calls), None);
        let twice = [asked("s"), called("s", 1), called("s", 1), ended("s")];
        assert_eq!(judge(twice), Some(("ran-twice", SAFETY)));
        assert_eq!(
            judge([made("s", "1"), made("s", "2"), made("t", "1")]),
            None
        );
        let twice = [made("s", "1"), made("s", "1")];
        assert_eq!(judge(twice), Some(("made-twice", SAFETY)));
    }
}
