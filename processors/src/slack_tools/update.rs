//! Updating a message: one update under way for each, and the newest wins (peers P5, P7).
//!
//! Of an update that failed without a word it is not known whether it will yet take effect; so whoever
//! is next waits until it cannot any more, and a newer one takes its place. A message that is gone, or
//! too old to be edited, is posted anew in its thread (P8), and later updates of it go to the new one.

use super::{
    call::text,
    journal::{Message, Outcome, Record},
    pieces::{pieces, UPDATE_CHARS_MAX},
    post::Refusal,
    provider::SlackTools,
    thread::{root_of, Place, SETTLED_MS},
};
use crate::slack_api::Failure;
use serde_json::{Map, Value};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};
use tokio::sync::Mutex;

pub const UPDATE: &str = "chat.update";

/// The message cannot be updated any more.
const GONE: [&str; 2] = ["message_not_found", "edit_window_closed"];

/// The updates of one message.
#[derive(Default)]
pub struct Line {
    turn: Mutex<()>,
    /// The number of the newest call.
    newest: Cell<u64>,
    /// A request may still be under way.
    in_doubt: Cell<bool>,
}

/// A message, by its channel and its first ts.
type Handle = (String, String);

#[derive(Default)]
pub struct Lines(RefCell<BTreeMap<Handle, Rc<Line>>>);

impl Lines {
    fn of(&self, handle: Handle) -> Rc<Line> {
        self.0.borrow_mut().entry(handle).or_default().clone()
    }

    /// Forgets lines on which nobody is.
    fn tidy(&self) {
        let is_idle = |line: &Rc<Line>| Rc::strong_count(line) == 1 && !line.in_doubt.get();
        self.0.borrow_mut().retain(|_, line| !is_idle(line));
    }
}

impl SlackTools {
    /// Takes a call's place in the line of its message; at once, in the order of the calls.
    pub(super) fn line_up(&self, record: &Record) -> Option<Rc<Line>> {
        let (channel, ts) = handle(&record.arguments)?;
        let first_ts = self.journal.message(channel, ts);
        let first_ts = first_ts.and_then(|message| message.first_ts);
        let handle = (channel.to_owned(), first_ts.unwrap_or(ts.to_owned()));
        let line = self.lines.of(handle);
        line.newest.set(line.newest.get().max(record.number));
        let progress = &record.progress;
        if progress.in_doubt && !progress.is_anew && progress.done.is_empty() {
            line.in_doubt.set(true);
        }
        Some(line)
    }

    pub(super) async fn update(&self, line: Option<Rc<Line>>, record: &mut Record) -> Outcome {
        let Some(line) = line else {
            let error = format!("slack.{UPDATE} needs a channel and a ts");
            return Outcome::Threw { error };
        };
        let outcome = {
            let _turn = line.turn.lock().await;
            match self.update_first(&line, record).await {
                Ok(()) => self.post(record).await,
                Err(Ended::Superseded) => superseded(record),
                Err(Ended::Refused(error)) => Outcome::Threw { error },
            }
        };
        drop(line);
        self.lines.tidy();
        outcome
    }

    /// The first piece of the text takes the place of the message. Then the rest is to be posted; or
    /// all of it, if the message is gone.
    async fn update_first(&self, line: &Line, record: &mut Record) -> Result<(), Ended> {
        if record.progress.is_anew || !record.progress.done.is_empty() {
            return Ok(());
        }
        let arguments = record.arguments.clone();
        let (channel, ts) = handle(&arguments).expect("it is in a line");
        let ts = self.latest(channel, ts);
        let mut pieces = pieces(&arguments, UPDATE_CHARS_MAX);
        let mut message = pieces.swap_remove(0);
        message.insert("ts".to_owned(), ts.as_str().into());
        loop {
            if line.newest.get() > record.number {
                return Err(Ended::Superseded);
            }
            if line.in_doubt.get() {
                self.context.sleep("an update to be over", SETTLED_MS).await;
                line.in_doubt.set(false);
                continue;
            }
            self.client.admit(UPDATE).await;
            if line.newest.get() > record.number {
                return Err(Ended::Superseded);
            }
            if self.is_overdue(record.begun_at) {
                let error = "slack: not known to be updated, and its time is up".to_owned();
                return Err(Ended::Refused(error));
            }
            self.attempt_begins(record).await;
            line.in_doubt.set(true);
            let error = match self.client.call_now(UPDATE, message.clone()).await {
                Ok(reply) => {
                    line.in_doubt.set(false);
                    if !pieces.is_empty() {
                        record.progress.thread_ts = self.thread_of(channel, &ts).await;
                    }
                    self.piece_is_done(record, reply, &[]).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            let failure = error.failure();
            line.in_doubt.set(failure == Failure::Unknown);
            match failure {
                Failure::Unknown => self.note_doubt(record, &error),
                Failure::Limited { .. } => self.had_no_effect(record).await,
                Failure::Final(error) if GONE.contains(&error.as_str()) => {
                    return self.begin_anew(record, channel, &ts, error).await;
                }
                Failure::Final(error) => {
                    return Err(Ended::Refused(format!("slack refused: {error}")));
                }
            }
        }
    }

    /// The message is posted anew where it stood, if that is known.
    async fn begin_anew(
        &self,
        record: &mut Record,
        channel: &str,
        ts: &str,
        error: String,
    ) -> Result<(), Ended> {
        let thread_ts = match self.journal.message(channel, ts) {
            Some(message) => message.thread_ts,
            None => match root_of(&self.client, channel, ts).await {
                Ok(Some(root)) => Some(root),
                _ => return Err(Ended::Refused(format!("slack refused: {error}"))),
            },
        };
        record.progress.is_anew = true;
        record.progress.in_doubt = false;
        record.progress.thread_ts = thread_ts;
        self.keep(record).await;
        Ok(())
    }

    /// The thread in which a message stands, or which it begins, as far as that is known.
    async fn thread_of(&self, channel: &str, ts: &str) -> Option<String> {
        match self.journal.message(channel, ts) {
            Some(message) => message.thread_ts.or(Some(ts.to_owned())),
            None => root_of(&self.client, channel, ts).await.ok().flatten(),
        }
    }

    /// Follows a message to where it was posted anew last.
    fn latest(&self, channel: &str, ts: &str) -> String {
        let mut ts = ts.to_owned();
        let moved_to = |ts: &str| self.journal.message(channel, ts)?.moved_to;
        while let Some(next) = moved_to(&ts) {
            ts = next;
        }
        ts
    }

    /// What is known of a message that was posted just now as `ts`, and of the one that it replaces.
    pub(super) fn posted(
        &self,
        place: Place<'_>,
        replaced: Option<&str>,
        ts: &str,
    ) -> Vec<(String, Message)> {
        let thread_ts = place.thread_ts.map(str::to_owned);
        let replaced = replaced.map(|of| {
            let of = self.latest(place.channel, of);
            let message = self.journal.message(place.channel, &of);
            (of, message.unwrap_or_default())
        });
        let first_ts = replaced.as_ref().map(|(of, message)| {
            let first_ts = message.first_ts.as_ref();
            first_ts.unwrap_or(of).clone()
        });
        let new = Message {
            thread_ts: thread_ts.clone(),
            first_ts,
            moved_to: None,
        };
        let old = replaced.map(|(of, message)| {
            let old = Message {
                thread_ts,
                moved_to: Some(ts.to_owned()),
                ..message
            };
            (of, old)
        });
        old.into_iter().chain([(ts.to_owned(), new)]).collect()
    }
}

/// Why an update is not made.
enum Ended {
    /// A newer one is made in its place.
    Superseded,
    Refused(Refusal),
}

fn handle(arguments: &Map<String, Value>) -> Option<(&str, &str)> {
    Some((text(arguments, "channel")?, text(arguments, "ts")?))
}

fn superseded(record: &Record) -> Outcome {
    let mut value = Map::new();
    value.insert("ok".to_owned(), true.into());
    for name in ["channel", "ts"] {
        let given = record.arguments.get(name).cloned();
        value.insert(name.to_owned(), given.unwrap_or_default());
    }
    value.insert("superseded".to_owned(), true.into());
    Outcome::Returned { value }
}
