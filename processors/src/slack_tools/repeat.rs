//! Calls that may be repeated freely, and those that may not be repeated at all.

use super::{
    call::ToolCall,
    journal::{Outcome, Record},
    provider::SlackTools,
};
use crate::slack_api::{Failure, SlackApiError};
use serde_json::{Map, Value};

impl SlackTools {
    /// Calls until Slack answers. `met` is how it refuses what is so already.
    pub(super) async fn repeat(
        &self,
        call: &ToolCall,
        met: Option<&str>,
    ) -> Result<Map<String, Value>, SlackApiError> {
        let (began, mut wait_ms) = (self.context.now(), 1_000);
        loop {
            let outcome = self.client.call(&call.method, call.arguments.clone());
            let error = match outcome.await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            match error.failure() {
                Failure::Final(refused) if Some(refused.as_str()) == met => {
                    return Ok(Map::from_iter([("ok".to_owned(), true.into())]))
                }
                Failure::Final(_) => return Err(error),
                _ if self.is_overdue(began) => return Err(error),
                // The next call waits for the limit by itself.
                Failure::Limited { .. } => {}
                Failure::Unknown => {
                    self.context.sleep("a call to be repeated", wait_ms).await;
                    wait_ms *= 2;
                }
            }
        }
    }

    /// Calls once. If that was begun before, nobody knows what became of it.
    pub(super) async fn once(&self, record: &mut Record) -> Outcome {
        let unknown = |why: String| Outcome::Threw {
            error: format!("{why}; whether the call took effect is not known"),
        };
        if record.progress.in_doubt {
            return unknown("slack: the call was interrupted".to_owned());
        }
        loop {
            let method = record.method.clone();
            self.client.admit(&method).await;
            self.attempt_begins(record).await;
            let arguments = record.arguments.clone();
            match self.client.call_now(&method, arguments).await {
                Ok(value) => return Outcome::Returned { value },
                Err(error) => match error.failure() {
                    Failure::Limited { .. } if !self.is_overdue(record.begun_at) => {
                        self.had_no_effect(record).await;
                    }
                    Failure::Unknown => return unknown(error.to_string()),
                    _ => {
                        let error = error.to_string();
                        return Outcome::Threw { error };
                    }
                },
            }
        }
    }
}
