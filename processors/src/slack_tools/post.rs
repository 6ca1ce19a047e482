//! Posting a message once (peers §5.4, P1 to P4).
//!
//! Before a request the attempt is written down; the post carries the call's mark. Of a request that
//! failed without a word it is not known whether it took effect: then the mark is looked for until it
//! would show, and only if it does not is the message posted again, as long as its time is not up. A
//! refusal is final. Before a message goes into a thread, the thread must be there: people delete (S8).

use super::{
    journal::Outcome,
    limits::POST,
    marker::Marker,
    pieces::{pieces, POST_CHARS_MAX, UPDATE_CHARS_MAX},
    provider::{Open, SlackTools},
    thread::{see_post, see_thread, Place, Seen, Unseen},
    update::UPDATE,
};
use crate::slack_api::Failure;
use serde_json::{Map, Value};

/// Why a call came to nothing, in words for the script.
pub type Refusal = String;

impl SlackTools {
    /// Posts what is left of a call's message.
    pub(super) async fn post(&self, open: &mut Open) -> Outcome {
        let chars_max = match open.record.method == UPDATE {
            true => UPDATE_CHARS_MAX,
            false => POST_CHARS_MAX,
        };
        let messages = pieces(&open.record.arguments, chars_max);
        for message in messages.into_iter().skip(open.record.progress.done.len()) {
            match self.post_piece(open, message).await {
                Ok(reply) => self.piece_is_done(open, reply).await,
                Err(error) => return Outcome::Threw { error },
            }
        }
        open.returned()
    }

    async fn post_piece(
        &self,
        open: &mut Open,
        mut message: Map<String, Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        if let Some(thread_ts) = &open.record.progress.thread_ts {
            message.insert("thread_ts".to_owned(), thread_ts.as_str().into());
        }
        let record = open.record.clone();
        let marker = Marker {
            function_call_id: &record.id,
            piece: record.progress.done.len(),
        };
        marker.put_on(&mut message);
        let target = message.clone();
        let Some(channel) = super::call::text(&target, "channel") else {
            return Err(format!("slack.{} needs a channel", record.method));
        };
        let place = Place {
            channel,
            thread_ts: super::call::text(&target, "thread_ts"),
            since: record.begun_at,
        };
        loop {
            // Waits come before the look, so that nothing but the request follows it.
            self.client.admit_post(channel).await;
            match self.see(open, place, marker).await? {
                Seen::Marked(found) => return Ok(reply_of(channel, found)),
                Seen::NoThread => return Err("slack: the thread is gone".to_owned()),
                Seen::Unmarked if self.is_overdue(record.begun_at) => {
                    return Err("slack: not posted, and its time is up".to_owned())
                }
                Seen::Unmarked => {}
            }
            self.attempt_begins(open).await;
            match self.client.call_now(POST, message.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => match error.failure() {
                    Failure::Limited { .. } => self.had_no_effect(open).await,
                    Failure::Final(error) => return Err(format!("slack refused: {error}")),
                    Failure::Unknown => self.note_doubt(&open.record, &error),
                },
            }
        }
    }

    async fn see(
        &self,
        open: &Open,
        place: Place<'_>,
        marker: Marker<'_>,
    ) -> Result<Seen, Refusal> {
        let in_doubt = open.record.progress.in_doubt;
        let seen = match in_doubt {
            true => see_post(&self.context, &self.client, place, marker).await,
            false => see_thread(&self.context, &self.client, place).await,
        };
        seen.map_err(|unseen| {
            let why = match unseen {
                Unseen::Refused(error) => format!("slack refused: {error}"),
                Unseen::Failed(error) => error.to_string(),
            };
            match in_doubt {
                true => format!("{why}; whether the message was posted is not known"),
                false => why,
            }
        })
    }
}

/// What Slack would have replied.
fn reply_of(channel: &str, found: Value) -> Map<String, Value> {
    let mut reply = Map::new();
    reply.insert("ok".to_owned(), true.into());
    reply.insert("channel".to_owned(), channel.into());
    reply.insert("ts".to_owned(), found["ts"].clone());
    reply.insert("message".to_owned(), found);
    reply
}
