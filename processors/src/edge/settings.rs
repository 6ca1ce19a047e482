//! Whose webhooks the worker takes, and its limits.

/// The project that the Slack app is connected to.
pub const PROJECT: &str = "p1";

/// The secret that Slack signs with: the sample of Slack's own documentation.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// How far a signature's timestamp may be from now, either way (S11, S17).
pub const TIMESTAMP_TOLERANCE_S: u64 = 300;

/// The longest webhook body.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Slack gives up after 3 s and delivers again; the worker says sooner that it could not.
pub const ANSWER_DEADLINE_MS: u64 = 2_500;
