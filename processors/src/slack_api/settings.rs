//! Where Slack is, and who we are to it. TLS is the platform's business: to us the stream is plain.

pub const HOST: &str = "slack.com";
pub const BOT_TOKEN: &str = "xoxb-test-000";

/// How long one call may take, from dialing to the last byte of the reply.
pub const CALL_DEADLINE_MS: u64 = 10_000;

/// The longest reply that is read.
pub const REPLY_BYTES_MAX: usize = 1 << 20;
