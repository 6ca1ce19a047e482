//! How a dispatch fails (spec §4.2). Errors of a remote rpc method pass through unwrapped.

use super::descriptor::Invalid;
use crate::call::CallError;
use serde_json::{json, Value};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The descriptor breaks a rule.
    DescriptorValidationFailed,
    /// The payload does not fit the descriptor.
    PayloadValidationFailed,
    /// What the descriptor names is not there.
    ResolutionFailed,
    /// The way to the target failed; whether the request had its effect may be unknown.
    TransportFailed,
    /// The target answered, and the answer is a failure.
    RemoteError,
}

impl ErrorCode {
    pub const fn name(self) -> &'static str {
        match self {
            ErrorCode::DescriptorValidationFailed => "DESCRIPTOR_VALIDATION_FAILED",
            ErrorCode::PayloadValidationFailed => "PAYLOAD_VALIDATION_FAILED",
            ErrorCode::ResolutionFailed => "RESOLUTION_FAILED",
            ErrorCode::TransportFailed => "TRANSPORT_FAILED",
            ErrorCode::RemoteError => "REMOTE_ERROR",
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
    #[error(transparent)]
    Failed(Box<Failure>),
    /// The remote rpc method's own error, or the loss of the way to it.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A failure of the dispatch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    pub code: ErrorCode,
    pub message: String,
    /// The same dispatch may succeed later.
    pub retryable: bool,
    /// What it was that failed, in its own words.
    pub cause: Option<String>,
    pub details: Option<Value>,
}

impl CallableError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        CallableError::from(Failure {
            code,
            message: message.into(),
            retryable: false,
            cause: None,
            details: None,
        })
    }

    pub(super) fn descriptor(message: impl Into<String>) -> Self {
        CallableError::new(ErrorCode::DescriptorValidationFailed, message)
    }

    pub(super) fn payload(message: impl Into<String>) -> Self {
        CallableError::new(ErrorCode::PayloadValidationFailed, message)
    }

    pub(super) fn resolution(message: impl Into<String>) -> Self {
        CallableError::new(ErrorCode::ResolutionFailed, message)
    }

    /// The failure, if it is one of the dispatch, and not the callee's.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            CallableError::Failed(failure) => Some(failure),
            CallableError::Call(_) => None,
        }
    }

    /// Trying again later cannot help: the descriptor or its target is at fault.
    pub fn is_permanent(&self) -> bool {
        match self {
            CallableError::Failed(failure) => !failure.retryable,
            CallableError::Call(error) => matches!(error, CallError::Unresolved(_)),
        }
    }
}

impl Failure {
    /// `{code, message, retryable, cause, details?}`; no cause is `null`.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "code": self.code.name(),
            "message": self.message,
            "retryable": self.retryable,
            "cause": self.cause,
        });
        if let Some(details) = &self.details {
            json["details"] = details.clone();
        }
        json
    }
}

impl From<Failure> for CallableError {
    fn from(failure: Failure) -> Self {
        CallableError::Failed(Box::new(failure))
    }
}

impl From<Invalid> for CallableError {
    fn from(invalid: Invalid) -> Self {
        let mut failure = Failure {
            code: ErrorCode::DescriptorValidationFailed,
            message: format!("Invalid callable: {invalid}"),
            retryable: false,
            cause: None,
            details: None,
        };
        failure.details = Some(json!({ "field": invalid.field }));
        failure.into()
    }
}
