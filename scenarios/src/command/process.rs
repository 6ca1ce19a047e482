//! Fresh processes of this same program: determinism is only believed across processes.

use super::error::CommandError;
use std::{
    env,
    process::{Command, Output, Stdio},
};

/// Runs `streamsim` with these arguments to its end; its output is captured.
///
/// # Errors
/// The process could not be started.
pub fn run(arguments: &[String]) -> Result<Output, CommandError> {
    let output = env::current_exe().and_then(|program| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
    });
    output.map_err(|error| failed(arguments, error.to_string()))
}

/// As [`run`]; its stdout as text.
///
/// # Errors
/// The process did not succeed; the error has its last words.
pub fn run_to_success(arguments: &[String]) -> Result<String, CommandError> {
    let output = run(arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let problem = format!("{}: {}", output.status, words.trim());
    Err(failed(arguments, problem))
}

pub fn failed(arguments: &[String], problem: String) -> CommandError {
    CommandError::Process {
        arguments: arguments.join(" "),
        problem,
    }
}
