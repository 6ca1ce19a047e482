//! Confirmation: a failing world is run again in a fresh process before anybody is told. If the
//! same failure with the same trace does not come back, that is the finding: the world is not
//! deterministic.

use super::{command_line::run_arguments, error::CommandError, process};
use serde_json::Value;
use sim::exploration::engine::World;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Same key, same trace hash.
    Same,
    /// What the fresh process came to instead.
    Different(String),
}

/// # Errors
/// The process could not be started.
pub fn confirm(world: &World, guard: &[String; 2]) -> Result<Confirmation, CommandError> {
    let mut arguments = run_arguments(&world.plan);
    arguments.extend(["--format".to_owned(), "json".to_owned()]);
    arguments.extend(guard.clone());
    let output = process::run(&arguments)?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    Ok(match verdict_of(&stdout) {
        None => Confirmation::Different(format!("no verdict ({})", output.status)),
        Some(verdict) if verdict == expected(world) => Confirmation::Same,
        Some(verdict) => Confirmation::Different(verdict.to_string()),
    })
}

/// Replays a capsule in a fresh process: it must come to the same failure by the same trace.
///
/// # Errors
/// The process could not be started.
pub fn confirm_capsule(path: &Path, guard: &[String; 2]) -> Result<Confirmation, CommandError> {
    let path = path.display().to_string();
    let mut arguments = ["replay", &path, "--format", "json"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(guard.clone());
    let output = process::run(&arguments)?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.lines().last();
    let line: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
    let outcome = line.as_ref().and_then(|line| line.get("outcome")?.as_str());
    Ok(match outcome {
        Some("exact") => Confirmation::Same,
        Some(outcome) => Confirmation::Different(format!("its replay is {outcome}")),
        None => Confirmation::Different(format!("no replay ({})", output.status)),
    })
}

/// What two runs of one world must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    key: Option<String>,
    trace: String,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key.as_deref().unwrap_or("pass");
        write!(f, "{key}, trace {}", self.trace)
    }
}

fn expected(world: &World) -> Verdict {
    let failure = world.outcome.failure.as_ref();
    Verdict {
        key: failure.map(|failure| failure.key.clone()),
        trace: world.outcome.trace.to_string(),
    }
}

fn verdict_of(stdout: &str) -> Option<Verdict> {
    let line: Value = serde_json::from_str(stdout.lines().last()?).ok()?;
    let key = line.get("failure")?.get("key");
    Some(Verdict {
        key: key.and_then(Value::as_str).map(str::to_owned),
        trace: line.get("trace")?.as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{fake, json_line::JsonLine};
    use super::*;
    use sim::world::FailureKind;

    #[test]
    fn a_printed_world_confirms_itself() {
        for failure in [None, Some(("a/b", FailureKind::Safety))] {
            let world = fake::world(17, failure);
            let line = serde_json::to_string(&JsonLine::world(&world)).unwrap();
            assert_eq!(verdict_of(&line), Some(expected(&world)));
        }
    }

    #[test]
    fn a_verdict_is_read_from_a_world_line() {
        let failed = r#"{"type":"world","failure":{"key":"a/b","kind":"safety"},"trace":"0f"}"#;
        assert_eq!(verdict_of(failed).unwrap().to_string(), "a/b, trace 0f");
        let passed = r#"{"type":"world","failure":null,"trace":"0f"}"#;
        assert_eq!(verdict_of(passed).unwrap().to_string(), "pass, trace 0f");
        assert_eq!(verdict_of("thread panicked"), None);
        assert_eq!(verdict_of(""), None);
    }
}
