//! Reads the logs and the anchors. Asserts that an answer which is a script is run once, and at rest
//! that it is run, and that what a script came to is told to the model (spec §5.3), if agent-host was there.
//! Scripts are told apart by their code. Does not assert that an execution comes to its end.

use processors::{
    agent::{
        self,
        contract::{OutputAdded, INPUT_ADDED, OUTPUT_ADDED},
    },
    agent_host::{self, script::script},
    codemode::contract::{
        Outcome, ScriptExecutionCompleted, ScriptExecutionRequested, SCRIPT_EXECUTION_COMPLETED,
        SCRIPT_EXECUTION_REQUESTED,
    },
};
use runtime::event::{Event, Offset, StreamName};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct AnsweredScripts;

impl Oracle for AnsweredScripts {
    fn name(&self) -> &'static str {
        "answered-script"
    }

    fn asserts(&self) -> &'static str {
        "an answer that is a script is run once, and what it came to is told to the model"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        let anchors = evidence.anchors.iter().filter(|anchor| {
            anchor.processor == agent_host::contract::SLUG
                && anchor.object.binding == agent::object::BINDING
        });
        for anchor in anchors {
            let stream = StreamName::parse(&anchor.object.name).expect("a stream's name");
            if let Some(log) = evidence.logs.get(&stream) {
                right += run_once(log, anchor.offset)?;
                right += told(log, anchor.offset)?;
            }
        }
        Ok(right)
    }
}

/// How many scripts were run as often as they were answered.
fn run_once(log: &StreamLog, anchor: Offset) -> Result<u64, Violation> {
    let mut runs: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for event in &log.events {
        if event.kind == OUTPUT_ADDED && event.offset > anchor {
            let output = event.payload::<OutputAdded>().ok();
            let code = output.and_then(|output| script(&output.content).map(str::to_owned));
            if let Some(code) = code {
                runs.entry(code).or_default().0 += 1;
            }
        } else if event.kind == SCRIPT_EXECUTION_REQUESTED {
            if let Ok(requested) = event.payload::<ScriptExecutionRequested>() {
                if let Some((_, asked)) = runs.get_mut(&*requested.code) {
                    *asked += 1;
                }
            }
        }
    }
    let violation = |violation: fn(&'static str, String) -> Violation, class, code: &str, runs| {
        let (answers, asked) = runs;
        let message = format!(
            "stream {}: the script {code:?} was answered {answers} times, and asked for {asked} times",
            log.name
        );
        Err(violation(class, message))
    };
    for (code, (answers, asked)) in &runs {
        if asked > answers {
            return violation(Violation::safety, "twice", code, (*answers, *asked));
        }
    }
    for (code, (answers, asked)) in &runs {
        if asked < answers {
            return violation(Violation::liveness, "not-run", code, (*answers, *asked));
        }
    }
    Ok(runs.len() as u64)
}

/// How many ends of scripts were told.
fn told(log: &StreamLog, anchor: Offset) -> Result<u64, Violation> {
    let mut right = 0;
    let ends = log.events.iter().filter(|event| event.offset > anchor);
    for (event, key) in ends.filter_map(|event| Some((event, key_of(event)?))) {
        let is_it = |input: &Event| {
            let own = input.idempotency_key.as_ref();
            input.kind == INPUT_ADDED && own.is_some_and(|own| own.as_str() == key)
        };
        if !log.events.iter().any(|input| is_it(input)) {
            return Err(Violation::liveness(
                "untold",
                format!(
                    "stream {}: nobody told the model what the script came to that ended at offset {}",
                    log.name, event.offset
                ),
            ));
        }
        right += 1;
    }
    Ok(right)
}

/// The key of the input that is to be made of a script's end.
fn key_of(event: &Event) -> Option<String> {
    let ended = event.kind == SCRIPT_EXECUTION_COMPLETED;
    let completed: ScriptExecutionCompleted = ended.then(|| event.payload().ok()).flatten()?;
    let name = match completed.outcome {
        Outcome::Returned { value } => value.map(|_| "result")?,
        Outcome::Threw { .. } => "error",
    };
    let id = completed.script_execution_id;
    Some(format!("agent-codemode-script-{name}:{id}"))
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

    const AGENT: &str = "p1:/agents/a";
    const CODE: &str = "async () => { return 1; }";

    fn answered() -> Entry {
        Entry::new(OUTPUT_ADDED, json!({ "content": CODE }))
    }

    fn asked() -> Entry {
        let requested = json!({ "code": CODE, "scriptExecutionId": "s1" });
        Entry::new(SCRIPT_EXECUTION_REQUESTED, requested)
    }

    fn ended(outcome: Value) -> Entry {
        let completed = json!({ "outcome": outcome, "scriptExecutionId": "s1" });
        Entry::new(SCRIPT_EXECUTION_COMPLETED, completed)
    }

    fn told(key: &str) -> Entry {
        Entry::new(INPUT_ADDED, json!({ "content": "" })).keyed(key)
    }

    fn history<const EVENTS: usize>(anchor: u64, entries: [Entry; EVENTS]) -> History {
        let slug = agent_host::contract::SLUG;
        History::new(&[])
            .log(AGENT, entries)
            .anchor(agent::object::BINDING, AGENT, slug, anchor)
    }

    fn verdict<const EVENTS: usize>(
        entries: [Entry; EVENTS],
    ) -> Option<(&'static str, FailureKind)> {
        history(0, entries).verdict(&AnsweredScripts)
    }

    #[test]
    fn a_script_that_is_run_once_is_right() {
        assert_eq!(
            history(0, [answered(), asked()]).exercised(&AnsweredScripts),
            1
        );
        assert_eq!(
            history(1, [answered()]).exercised(&AnsweredScripts),
            0,
            "it is old"
        );
    }

    #[test]
    fn a_script_that_is_run_more_or_less_often_is_wrong() {
        let twice = [answered(), asked(), asked()];
        assert_eq!(verdict(twice), Some(("twice", SAFETY)));
        assert_eq!(verdict([answered()]), Some(("not-run", LIVENESS)));
    }

    #[test]
    fn what_a_script_came_to_is_told() {
        let returned = || ended(json!({ "status": "returned", "value": 1 }));
        let threw = || ended(json!({ "status": "threw", "error": "no" }));
        let untold = Some(("untold", LIVENESS));
        assert_eq!(verdict([returned()]), untold);
        assert_eq!(verdict([threw()]), untold);
        assert_eq!(
            verdict([returned(), told("agent-codemode-script-result:s1")]),
            None
        );
        assert_eq!(
            verdict([threw(), told("agent-codemode-script-error:s1")]),
            None
        );
        let nothing = ended(json!({ "status": "returned" }));
        assert_eq!(verdict([nothing]), None, "there is nothing to tell");
    }
}
