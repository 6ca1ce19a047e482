//! Trying again while the way to a stream fails.

use runtime::{object::Context, processor::ProcessorError};
use std::future::Future;

/// How often, and how far apart. After that the debt is left to the alarm.
const STREAM_ATTEMPTS_MAX: u32 = 5;
const STREAM_RETRY_MS: u64 = 1_000;

/// Tries again, a few times, while the way to the stream fails. What is tried is idempotent.
///
/// # Errors
/// The last one; at once, if it is not of the way.
pub async fn patiently<T, F>(
    context: &Context,
    attempt: impl Fn() -> F,
) -> Result<T, ProcessorError>
where
    F: Future<Output = Result<T, ProcessorError>>,
{
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_transient() && attempts < STREAM_ATTEMPTS_MAX => {
                attempts += 1;
                context.sleep("stream retry", STREAM_RETRY_MS).await;
            }
            outcome => return outcome,
        }
    }
}
