//! How a call to a worker ends otherwise than with a value.

use crate::{call::CallError, http::WireError};
use serde::Deserialize;

/// What a script threw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Exception {
    /// Such as `TypeError`.
    pub name: String,
    pub message: String,
    /// One line a frame, with module and position; empty if it has none.
    pub stack: String,
}

impl Exception {
    pub fn error(message: impl Into<String>) -> Self {
        Exception {
            name: "Error".to_owned(),
            message: message.into(),
            stack: String::new(),
        }
    }

    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Exception {
            name: "TypeError".to_owned(),
            ..Exception::error(message)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The modules cannot be loaded: bad syntax, an import that is not there, an error while they ran.
    #[error("the worker does not load: {0}")]
    Unloadable(Exception),
    /// There is no such export, or no such method of it.
    #[error("{0}")]
    Unresolved(String),
    /// The method's own error.
    #[error(transparent)]
    Threw(#[from] Exception),
    /// The method waits, and nothing is under way that could end it.
    #[error("the worker waits for something that will never happen")]
    Hung,
    /// The worker was stopped, for good: it did too much without an end.
    #[error("the worker was stopped: it exceeded its limit of work")]
    Exhausted,
    /// A request or a response cannot be passed.
    #[error(transparent)]
    Message(#[from] WireError),
}

/// A method's own error passes with its message; its name is the code.
impl From<WorkerError> for CallError {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Threw(exception) => CallError::Remote {
                code: exception.name.into(),
                message: exception.message,
            },
            WorkerError::Unresolved(message) => CallError::Unresolved(message),
            error => CallError::remote("worker-failed", error.to_string()),
        }
    }
}
