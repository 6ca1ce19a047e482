//! The client, within limits: no call of a method before a limit that Slack stated has passed (peers
//! P5, P6), and posts no faster than about one a second in each channel, which is what Slack allows
//! (peers §4.4, P15). Kept in memory: after a crash Slack says it again.

use crate::slack_api::{Failure, Method, SlackApiError, WebClient};
use runtime::{event::Timestamp, object::Context};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap};

pub const POST: &str = "chat.postMessage";

/// What a limit that says nothing is taken for.
const LIMIT_S: u64 = 10;
/// No wait is longer: a clock may jump.
const WAIT_MS_MAX: u64 = 300_000;
/// Between two posts in a channel.
const PACE_MS: u64 = 1_000;

pub struct LimitedClient {
    context: Context,
    client: WebClient,
    /// Methods, and channels that are posted in, with the moment from which they are free.
    free_from: RefCell<BTreeMap<String, Timestamp>>,
}

impl LimitedClient {
    pub fn new(context: Context) -> Self {
        LimitedClient {
            client: WebClient::new(context.clone()),
            context,
            free_from: RefCell::default(),
        }
    }

    /// Calls a method as soon as it may be called.
    ///
    /// # Errors
    /// As the client; a limit among them, which the next call of the method will wait for.
    pub async fn call(
        &self,
        method: &str,
        arguments: Map<String, Value>,
    ) -> Result<Map<String, Value>, SlackApiError> {
        self.admit(method).await;
        self.call_now(method, arguments).await
    }

    /// Calls a method for which [`LimitedClient::admit`] was waited for.
    ///
    /// # Errors
    /// As [`LimitedClient::call`].
    pub async fn call_now(
        &self,
        method: &str,
        arguments: Map<String, Value>,
    ) -> Result<Map<String, Value>, SlackApiError> {
        let call = Method::Named {
            name: method.to_owned(),
            arguments,
        };
        let outcome = self.client.call(&call).await;
        if let Err(Failure::Limited { retry_after_s }) = outcome.as_ref().map_err(|e| e.failure()) {
            self.hold(
                method,
                retry_after_s.unwrap_or(LIMIT_S).saturating_mul(1_000),
            );
        }
        outcome
    }

    /// Waits until a method may be called.
    pub async fn admit(&self, method: &str) {
        while let Some(wait_ms) = self.wait_ms(method) {
            self.context.sleep("a limit of slack", wait_ms).await;
        }
    }

    /// Waits until a post may be made in a channel, and takes that place.
    pub async fn admit_post(&self, channel: &str) {
        self.admit(POST).await;
        let wait_ms = self.wait_ms(channel).unwrap_or(0);
        self.hold(channel, wait_ms + PACE_MS);
        if wait_ms > 0 {
            self.context.sleep("pace of posts", wait_ms).await;
            self.admit(POST).await;
        }
    }

    fn hold(&self, what: &str, for_ms: u64) {
        let until = self.context.now().plus_ms(for_ms.min(WAIT_MS_MAX));
        let mut free_from = self.free_from.borrow_mut();
        let from = free_from.entry(what.to_owned()).or_insert(until);
        *from = until.max(*from);
    }

    fn wait_ms(&self, what: &str) -> Option<u64> {
        let mut free_from = self.free_from.borrow_mut();
        let from = free_from.get(what)?;
        let wait_ms = from.unix_ms - self.context.now().unix_ms;
        if wait_ms <= 0 {
            free_from.remove(what);
            return None;
        }
        Some(wait_ms.unsigned_abs().min(WAIT_MS_MAX))
    }
}
