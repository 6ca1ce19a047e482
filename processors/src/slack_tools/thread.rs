//! Looking whether a post stands. Slack shows a new message late (peers P11), in pages that may be
//! short or empty, under cursors that expire (P12); so a look is repeated until the mark is seen, or
//! until a post that was made could no longer be hidden.

use super::{limits::LimitedClient, marker::Marker};
use crate::slack_api::{Failure, SlackApiError};
use runtime::{event::Timestamp, object::Context};
use serde_json::{json, Map, Value};

/// After so long a request that was given up is over, and Slack shows what it did.
pub const SETTLED_MS: u64 = 15_000;

/// From one look to the next, at most.
const LOOK_AGAIN_MS_MAX: u64 = 8_000;
/// How many looks may fail.
const FAILURES_MAX: u32 = 10;
const PAGES_MAX: u32 = 40;
const PAGE_LIMIT: u32 = 200;
/// How far our clock may be from Slack's.
const CLOCK_MS: i64 = 10 * 60 * 1_000;

/// Where a post goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub channel: &'a str,
    /// None for a message of its own in the channel.
    pub thread_ts: Option<&'a str>,
    /// No post that is looked for is older.
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// The message with the mark.
    Marked(Value),
    Unmarked,
    /// The first message of the thread is gone, or never was there.
    NoThread,
}

/// Why nothing was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// Slack refuses to show the place.
    Refused(String),
    /// Too many looks failed; the last one like this.
    Failed(SlackApiError),
}

/// Sees whether the thread is there; a channel always is.
///
/// # Errors
/// It cannot be seen.
pub async fn see_thread(
    context: &Context,
    client: &LimitedClient,
    place: Place<'_>,
) -> Result<Seen, Unseen> {
    if place.thread_ts.is_none() {
        return Ok(Seen::Unmarked);
    }
    let (mut failures, mut waited_ms, mut wait_ms) = (0, 0, 1_000);
    loop {
        match look(client, place, None).await {
            // A thread that we began ourselves may not show yet.
            Ok(Seen::NoThread) if waited_ms < SETTLED_MS => {}
            Ok(seen) => return Ok(seen),
            Err(error) => match error.failure() {
                Failure::Final(error) => return Err(Unseen::Refused(error)),
                _ if failures == FAILURES_MAX => return Err(Unseen::Failed(error)),
                _ => failures += 1,
            },
        }
        context.sleep("a look at a thread", wait_ms).await;
        waited_ms += wait_ms;
        wait_ms = (2 * wait_ms).min(LOOK_AGAIN_MS_MAX);
    }
}

/// Looks for a post that may have been made a moment ago.
///
/// # Errors
/// Too many looks failed, or were refused: what became of the post is not known.
pub async fn see_post(
    context: &Context,
    client: &LimitedClient,
    place: Place<'_>,
    marker: Marker<'_>,
) -> Result<Seen, Unseen> {
    let (mut failures, mut waited_ms, mut wait_ms) = (0, 0, 1_000);
    loop {
        context.sleep("a post to show", wait_ms).await;
        waited_ms += wait_ms;
        match look(client, place, Some(marker)).await {
            Ok(seen @ Seen::Marked(_)) => return Ok(seen),
            Ok(seen) if waited_ms >= SETTLED_MS => return Ok(seen),
            Ok(_) => {}
            Err(error) if failures == FAILURES_MAX => return Err(Unseen::Failed(error)),
            Err(_) => failures += 1,
        }
        wait_ms = (2 * wait_ms).min(LOOK_AGAIN_MS_MAX);
    }
}

/// The ts of the first message of the thread that a message belongs to, which may be itself.
///
/// # Errors
/// Slack refuses, or does not answer.
pub async fn root_of(
    client: &LimitedClient,
    channel: &str,
    ts: &str,
) -> Result<Option<String>, SlackApiError> {
    let mut arguments = Map::new();
    arguments.insert("channel".to_owned(), channel.into());
    arguments.insert("ts".to_owned(), ts.into());
    let page = client.call("conversations.replies", arguments).await?;
    let message = messages(&page).first();
    let root = message.and_then(|message| message.get("thread_ts").or(message.get("ts")));
    Ok(root.and_then(Value::as_str).map(str::to_owned))
}

/// Reads page by page: until the mark is found, or the thread's first message if there is none to
/// look for.
async fn look(
    client: &LimitedClient,
    place: Place<'_>,
    marker: Option<Marker<'_>>,
) -> Result<Seen, SlackApiError> {
    let (mut cursor, mut is_there) = (None, place.thread_ts.is_none());
    for _ in 0..PAGES_MAX {
        let (method, arguments) = request(place, cursor.take());
        let page = match client.call(method, arguments).await {
            Err(SlackApiError::Refused { error }) if error == "thread_not_found" => {
                return Ok(Seen::NoThread)
            }
            // It has expired: from the beginning.
            Err(SlackApiError::Refused { error }) if error == "invalid_cursor" => continue,
            page => page?,
        };
        for message in messages(&page) {
            is_there |= message["ts"].as_str() == place.thread_ts;
            if marker.is_some_and(|marker| marker.is_on(message)) {
                return Ok(Seen::Marked(message.clone()));
            }
        }
        cursor = next_cursor(&page);
        if cursor.is_none() || is_there && marker.is_none() {
            return Ok(match is_there {
                true => Seen::Unmarked,
                false => Seen::NoThread,
            });
        }
    }
    Err(SlackApiError::Unreadable(
        "a thread without an end".to_owned(),
    ))
}

fn request(place: Place<'_>, cursor: Option<String>) -> (&'static str, Map<String, Value>) {
    let (method, wanted) = match place.thread_ts {
        Some(thread_ts) => ("conversations.replies", json!({ "ts": thread_ts })),
        None => {
            let oldest_s = (place.since.unix_ms - CLOCK_MS).div_euclid(1_000);
            let oldest = format!("{oldest_s}.000000");
            ("conversations.history", json!({ "oldest": oldest }))
        }
    };
    let mut arguments = match wanted {
        Value::Object(arguments) => arguments,
        _ => unreachable!("an object was just built"),
    };
    arguments.insert("channel".to_owned(), place.channel.into());
    arguments.insert("limit".to_owned(), PAGE_LIMIT.into());
    arguments.insert("include_all_metadata".to_owned(), true.into());
    if let Some(cursor) = cursor {
        arguments.insert("cursor".to_owned(), cursor.into());
    }
    (method, arguments)
}

fn messages(page: &Map<String, Value>) -> &[Value] {
    let messages = page.get("messages").and_then(Value::as_array);
    messages.map(Vec::as_slice).unwrap_or_default()
}

fn next_cursor(page: &Map<String, Value>) -> Option<String> {
    let metadata = page.get("response_metadata")?;
    let cursor = metadata.get("next_cursor")?.as_str()?;
    (!cursor.is_empty()).then(|| cursor.to_owned())
}
