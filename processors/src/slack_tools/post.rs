//! Posting a message once (peers §5.4, P1 to P4).
//!
//! Before a request the attempt is written down; the post carries the call's mark. Of a request that
//! failed without a word it is not known whether it took effect: then the mark is looked for until it
//! would show, and only if it does not is the message posted again, as long as its time is not up. A
//! refusal is final. Before a message goes into a thread, the thread must be there: people delete (S8).

use super::{
    call::text,
    journal::{Message, Outcome, Record},
    limits::POST,
    marker::Marker,
    pieces::{pieces, POST_CHARS_MAX, UPDATE_CHARS_MAX},
    provider::SlackTools,
    thread::{see_post, see_thread, Place, Seen, Unseen},
    update::UPDATE,
};
use crate::slack_api::Failure;
use serde_json::{Map, Value};

/// Why a call came to nothing, in words for the script.
pub type Refusal = String;

impl SlackTools {
    /// Posts what is left of a call's message.
    pub(super) async fn post(&self, record: &mut Record) -> Outcome {
        let chars_max = match record.method == UPDATE {
            true => UPDATE_CHARS_MAX,
            false => POST_CHARS_MAX,
        };
        let messages = pieces(&record.arguments, chars_max);
        for message in messages.into_iter().skip(record.progress.done.len()) {
            if let Err(error) = self.post_piece(record, message).await {
                return Outcome::Threw { error };
            }
        }
        record.returned()
    }

    async fn post_piece(
        &self,
        record: &mut Record,
        mut message: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let replaced = message.remove("ts");
        if let Some(thread_ts) = &record.progress.thread_ts {
            message.insert("thread_ts".to_owned(), thread_ts.as_str().into());
        }
        let id = record.id.clone();
        let marker = Marker {
            function_call_id: &id,
            piece: record.progress.done.len(),
        };
        marker.put_on(&mut message);
        let Some(channel) = text(&message, "channel") else {
            return Err(format!("slack.{} needs a channel", record.method));
        };
        let place = Place {
            channel,
            thread_ts: text(&message, "thread_ts"),
            since: record.begun_at,
        };
        let reply = loop {
            // Waits come before the look, so that nothing but the request follows it.
            self.client.admit_post(channel).await;
            match self.see(record, place, marker).await? {
                Seen::Marked(found) => break reply_of(channel, found),
                Seen::NoThread => return Err("slack: the thread is gone".to_owned()),
                Seen::Unmarked if self.is_overdue(record.begun_at) => {
                    return Err("slack: not posted, and its time is up".to_owned())
                }
                Seen::Unmarked => {}
            }
            self.attempt_begins(record).await;
            match self.client.call_now(POST, message.clone()).await {
                Ok(reply) => break reply,
                Err(error) => match error.failure() {
                    Failure::Limited { .. } => self.had_no_effect(record).await,
                    Failure::Final(error) => return Err(format!("slack refused: {error}")),
                    Failure::Unknown => self.note_doubt(record, &error),
                },
            }
        };
        // The first piece of a message that is posted anew takes the place of that one.
        let is_anew = record.progress.is_anew && record.progress.done.is_empty();
        let replaced = replaced
            .as_ref()
            .and_then(Value::as_str)
            .filter(|_| is_anew);
        let messages = self.posted(place, replaced, text(&reply, "ts").unwrap_or_default());
        let messages: Vec<(&str, Message)> = messages
            .iter()
            .map(|(ts, message)| (ts.as_str(), message.clone()))
            .collect();
        self.piece_is_done(record, reply.clone(), &messages).await;
        Ok(())
    }

    async fn see(
        &self,
        record: &Record,
        place: Place<'_>,
        marker: Marker<'_>,
    ) -> Result<Seen, Refusal> {
        let in_doubt = record.progress.in_doubt;
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
