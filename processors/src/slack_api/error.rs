//! How a Web API call fails. Only [`SlackApiError::Refused`] says that it had no effect, and not
//! even that for `internal_error` and `fatal_error`.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackApiError {
    /// Slack answered `ok: false`; `error` is its machine string.
    #[error("slack refused: {error}")]
    Refused { error: String },
    /// Slack answered with a status other than 200; the body is not looked at.
    #[error("slack answered with status {status}")]
    Http {
        status: u16,
        retry_after_s: Option<u64>,
    },
    /// Slack answered 200 with something that is no reply of its: the outcome is unknown.
    #[error("slack answered with something unreadable: {0}")]
    Unreadable(String),
    /// The connection was refused, lost or cut short: the outcome is unknown.
    #[error("connection to slack failed: {0}")]
    Connection(String),
    /// No complete reply in time: the outcome is unknown.
    #[error("no reply from slack within {0} ms")]
    Deadline(u64),
}

/// What is known of a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Slack turned it away for now: no effect.
    Limited { retry_after_s: Option<u64> },
    /// Slack refused it: no effect, and none if it is repeated.
    Final(String),
    /// It may have had its effect, or may have it yet.
    Unknown,
}

impl SlackApiError {
    /// Decided on status and error, never on the body of a status (peers §5.4, P6).
    pub fn failure(&self) -> Failure {
        match self {
            SlackApiError::Http {
                status: 429,
                retry_after_s,
            } => Failure::Limited {
                retry_after_s: *retry_after_s,
            },
            SlackApiError::Refused { error } => match error.as_str() {
                "ratelimited" | "rate_limited" => Failure::Limited {
                    retry_after_s: None,
                },
                // "Some aspect of the operation may have succeeded" (peers §4.2).
                "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
                    Failure::Unknown
                }
                error => Failure::Final(error.to_owned()),
            },
            _ => Failure::Unknown,
        }
    }

    pub(super) fn connection(error: impl std::fmt::Display) -> Self {
        SlackApiError::Connection(error.to_string())
    }
}
