//! Reads the logs. Asserts that every call of a function ends, once: a provider that answers by
//! event when the time is already up is late, and that is no second end; the session never ends what was
//! answered. And that a call over rpc was made once at most, and once if it returned. Does not assert what
//! it gives.

use crate::{
    codemode::workshop::{Made, MADE},
    readings::all,
};
use processors::codemode::contract::*;
use runtime::event::{Event, Offset};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct FunctionCalls;

impl Oracle for FunctionCalls {
    fn name(&self) -> &'static str {
        "function-call"
    }

    fn asserts(&self) -> &'static str {
        "a call of a function ends, once, and has its effect once at most"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut made: BTreeMap<String, u64> = BTreeMap::new();
        for log in evidence.logs.values() {
            for event in all(&log.events, MADE) {
                if let Ok(Made {
                    function_call_id, ..
                }) = event.payload()
                {
                    *made.entry(function_call_id).or_insert(0) += 1;
                }
            }
        }
        if let Some((call, times)) = made.iter().find(|(_, times)| **times > 1) {
            let message = format!("call {call:?} had its effect {times} times");
            return Err(Violation::safety("effect-twice", message));
        }
        let mut right = 0;
        for log in evidence.logs.values() {
            right += check_ends(log, &made)?;
        }
        Ok(right)
    }
}

/// How many calls ended.
fn check_ends(log: &StreamLog, made: &BTreeMap<String, u64>) -> Result<u64, Violation> {
    let mut ends: BTreeMap<String, Offset> = BTreeMap::new();
    for event in all(&log.events, FUNCTION_CALL_COMPLETED) {
        let Ok(end) = event.payload::<FunctionCallCompleted>() else {
            continue;
        };
        let id = end.call.function_call_id.to_string();
        if let Some(first) = ends.get(&id) {
            if !is_late(event, &end) {
                let message = format!(
                    "{}: call {id:?} ends at {first} and at {}",
                    log.name, event.offset
                );
                return Err(Violation::safety("ended-twice", message));
            }
            continue;
        }
        ends.insert(id.clone(), event.offset);
        let provider = end.call.provider_path.names()[0].as_ref();
        let is_of_workshop = ["workshop", "registry"].contains(&provider);
        let has_returned = matches!(end.outcome, Outcome::Returned { .. });
        if is_of_workshop && has_returned && !made.contains_key(&id) {
            let message = format!("{}: call {id:?} returned, and nothing was made", log.name);
            return Err(Violation::safety("without-effect", message));
        }
    }
    for event in all(&log.events, FUNCTION_CALL_REQUESTED) {
        let Ok(FunctionCallRequested { call, .. }) = event.payload() else {
            continue;
        };
        if !ends.contains_key(&*call.function_call_id) {
            let message = format!(
                "{}: the call of {} at {} never ends",
                log.name, call.path, event.offset
            );
            return Err(Violation::liveness("unfinished", message));
        }
    }
    Ok(ends.len() as u64)
}

/// Somebody answers a call by event, and not the session itself.
fn is_late(event: &Event, end: &FunctionCallCompleted) -> bool {
    let key = event.idempotency_key.as_ref();
    let is_of_session = key.is_some_and(|key| key.as_str().starts_with("codemode:"));
    end.call.invocation_kind == InvocationKind::Event && !is_of_session
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use serde_json::{json, Value};
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    const OF_SESSION: &str = "codemode:function-call-completed:c";
    const OF_PROVIDER: &str = "clerk/function-call-completed@1";

    fn call(provider: &str, kind: &str) -> Value {
        json!({
            "functionCallId": "c", "functionPath": ["b"], "invocationKind": kind,
            "path": [provider, "b"], "providerPath": [provider],
        })
    }

    fn requested(provider: &str, kind: &str) -> Entry {
        let mut requested = call(provider, kind);
        requested["args"] = json!([]);
        Entry::new(FUNCTION_CALL_REQUESTED, requested)
    }

    fn completed(provider: &str, kind: &str, key: &str) -> Entry {
        let mut completed = call(provider, kind);
        completed["outcome"] = json!({ "status": "returned", "value": 1 });
        Entry::new(FUNCTION_CALL_COMPLETED, completed).keyed(key)
    }

    fn made() -> Entry {
        Entry::new(MADE, json!({ "item": "i", "functionCallId": "c" }))
    }

    fn judge(log: impl IntoIterator<Item = Entry>) -> Option<(&'static str, FailureKind)> {
        let history = History::new(&[]).log("p1:/sessions/a", log);
        history.verdict(&FunctionCalls)
    }

    #[test]
    fn a_call_that_ends_once_is_right() {
        let called = [
            requested("a", "event"),
            completed("a", "event", OF_PROVIDER),
        ];
        assert_eq!(judge(called), None);
        let called = [
            requested("workshop", "rpc"),
            made(),
            completed("workshop", "rpc", OF_SESSION),
        ];
        assert_eq!(judge(called), None);
    }

    #[test]
    fn a_call_that_never_ends_is_unfinished() {
        assert_eq!(
            judge([requested("a", "rpc")]),
            Some(("unfinished", LIVENESS))
        );
    }

    #[test]
    fn an_answer_after_the_time_was_up_is_late_and_an_end_after_the_answer_is_wrong() {
        let late = [
            requested("a", "event"),
            completed("a", "event", OF_SESSION),
            completed("a", "event", OF_PROVIDER),
        ];
        assert_eq!(judge(late), None);
        let twice = [
            requested("a", "event"),
            completed("a", "event", OF_PROVIDER),
            completed("a", "event", OF_SESSION),
        ];
        assert_eq!(judge(twice), Some(("ended-twice", SAFETY)));
    }

    #[test]
    fn a_call_that_returned_had_its_effect_once() {
        let called = || {
            [
                requested("workshop", "rpc"),
                completed("workshop", "rpc", OF_SESSION),
            ]
        };
        assert_eq!(judge(called()), Some(("without-effect", SAFETY)));
        let twice = called().into_iter().chain([made(), made()]);
        assert_eq!(judge(twice), Some(("effect-twice", SAFETY)));
    }
}
