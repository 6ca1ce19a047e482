//! How a dispatch fails (spec §4.2). Errors of the remote method itself pass through unwrapped.

use crate::call::CallError;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    ResolutionFailed,
}

impl ErrorCode {
    pub const fn name(self) -> &'static str {
        match self {
            ErrorCode::ResolutionFailed => "RESOLUTION_FAILED",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum CallableError {
    #[error("{code}: {message}")]
    Refused { code: ErrorCode, message: String },
    /// The remote method's own error, or the loss of the way to it.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CallableError {
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        CallableError::Refused {
            code,
            message: message.into(),
        }
    }

    /// Trying again later cannot help: the descriptor itself is at fault.
    pub fn is_permanent(&self) -> bool {
        matches!(self, CallableError::Refused { .. })
    }
}
