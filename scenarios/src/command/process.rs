//! Fresh processes of this same program, or of another build of it: determinism is only believed
//! across processes.

use super::{
    error::{CommandError, UsageError},
    exit::Exit,
};
use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Runs this program with these arguments to its end; its output is captured.
///
/// # Errors
/// The process could not be started.
pub fn run(arguments: &[String]) -> Result<Output, CommandError> {
    Program::This.run(arguments)
}

/// A build of this command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The one that runs.
    This,
    /// Another one, by its path, or as the shell would find it.
    Other(PathBuf),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Program::This => f.write_str("streamsim"),
            Program::Other(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Program {
    /// As [`run`].
    ///
    /// # Errors
    /// The process could not be started.
    pub fn run(&self, arguments: &[String]) -> Result<Output, CommandError> {
        let path = match self {
            Program::This => env::current_exe(),
            Program::Other(path) => Ok(path.clone()),
        };
        let output = path.and_then(|path| {
            Command::new(path)
                .args(arguments)
                .stdin(Stdio::null())
                .output()
        });
        output.map_err(|error| match self {
            Program::This => self.failed(arguments, error.to_string()),
            Program::Other(path) => cannot_run(path, &error.to_string()).into(),
        })
    }

    /// As [`Program::run`]; its stdout as text.
    ///
    /// # Errors
    /// The process did not succeed; the error has its last words.
    pub fn run_to_success(&self, arguments: &[String]) -> Result<String, CommandError> {
        let output = self.run(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim();
        match self {
            Program::Other(path) if output.status.code() == Some(Exit::Usage as i32) => {
                Err(UsageError::Against {
                    path: path.clone(),
                    problem: format!("it refuses: {words}"),
                }
                .into())
            }
            _ => Err(self.failed(arguments, format!("{}: {words}", output.status))),
        }
    }

    pub fn failed(&self, arguments: &[String], problem: String) -> CommandError {
        CommandError::Process {
            command: format!("{self} {}", arguments.join(" ")),
            problem,
        }
    }
}

fn cannot_run(path: &Path, problem: &str) -> UsageError {
    UsageError::Against {
        path: path.to_owned(),
        problem: format!("it cannot be run: {problem}"),
    }
}
