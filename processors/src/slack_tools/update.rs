//! Updating a message: one update under way for each, and the newest wins (peers P5, P7).
//!
//! Of an update that failed without a word it is not known whether it will yet take effect; so whoever
//! is next waits until it cannot any more, and a newer one takes its place. A message that is gone, or
//! too old to be edited, is posted anew in its thread (P8), and later updates of it go to the new one.

use super::{
    call::text,
    journal::{Outcome, Record},
    pieces::{pieces, UPDATE_CHARS_MAX},
    post::Refusal,
    provider::{Open, SlackTools},
    thread::{root_of, SETTLED_MS},
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
    pub(super) fn line_up(&self, number: u64, record: &Record) -> Option<Rc<Line>> {
        let (channel, ts) = handle(&record.arguments)?;
        let moved = self.moved(&channel);
        let first_ts = first(&moved, ts);
        let line = self.lines.of((channel, first_ts));
        line.newest.set(line.newest.get().max(number));
        let progress = &record.progress;
        if progress.in_doubt && !progress.is_anew && progress.done.is_empty() {
            line.in_doubt.set(true);
        }
        Some(line)
    }

    pub(super) async fn update(&self, line: Option<Rc<Line>>, open: &mut Open) -> Outcome {
        let Some(line) = line else {
            let error = format!("slack.{UPDATE} needs a channel and a ts");
            return Outcome::Threw { error };
        };
        let outcome = {
            let _turn = line.turn.lock().await;
            match self.update_first(&line, open).await {
                Ok(()) => self.post(open).await,
                Err(Ended::Superseded) => superseded(&open.record),
                Err(Ended::Refused(error)) => Outcome::Threw { error },
            }
        };
        drop(line);
        self.lines.tidy();
        outcome
    }

    /// The first piece of the text takes the place of the message. Then the rest is to be posted; or
    /// all of it, if the message is gone.
    async fn update_first(&self, line: &Line, open: &mut Open) -> Result<(), Ended> {
        if open.record.progress.is_anew || !open.record.progress.done.is_empty() {
            return Ok(());
        }
        let (channel, ts) = handle(&open.record.arguments).expect("it is in a line");
        let ts = last(&self.moved(&channel), ts);
        let mut pieces = pieces(&open.record.arguments, UPDATE_CHARS_MAX);
        let mut message = pieces.swap_remove(0);
        message.insert("ts".to_owned(), ts.as_str().into());
        loop {
            if line.newest.get() > open.number {
                return Err(Ended::Superseded);
            }
            if line.in_doubt.get() {
                self.context.sleep("an update to be over", SETTLED_MS).await;
                line.in_doubt.set(false);
                continue;
            }
            self.client.admit(UPDATE).await;
            if line.newest.get() > open.number {
                return Err(Ended::Superseded);
            }
            if self.is_overdue(open.record.begun_at) {
                let error = "slack: not known to be updated, and its time is up".to_owned();
                return Err(Ended::Refused(error));
            }
            self.attempt_begins(open).await;
            line.in_doubt.set(true);
            let error = match self.client.call_now(UPDATE, message.clone()).await {
                Ok(reply) => {
                    line.in_doubt.set(false);
                    if !pieces.is_empty() {
                        open.record.progress.thread_ts = self.thread_of(&channel, &ts).await;
                    }
                    self.piece_is_done(open, reply).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            let failure = error.failure();
            line.in_doubt.set(failure == Failure::Unknown);
            match failure {
                Failure::Unknown => self.note_doubt(&open.record, &error),
                Failure::Limited { .. } => self.had_no_effect(open).await,
                Failure::Final(error) if GONE.contains(&error.as_str()) => {
                    return self.begin_anew(open, &channel, &ts, error).await;
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
        open: &mut Open,
        channel: &str,
        ts: &str,
        error: String,
    ) -> Result<(), Ended> {
        let posted = self.post_of(channel, ts);
        let thread_ts = match &posted {
            Some(post) => thread_of_post(post),
            None => self.thread_of(channel, ts).await,
        };
        if posted.is_none() && thread_ts.is_none() {
            return Err(Ended::Refused(format!("slack refused: {error}")));
        }
        let progress = &mut open.record.progress;
        progress.is_anew = true;
        progress.in_doubt = false;
        progress.attempts = 0;
        progress.thread_ts = thread_ts;
        self.keep(open).await;
        Ok(())
    }

    /// The thread in which a message stands, as far as it is known.
    async fn thread_of(&self, channel: &str, ts: &str) -> Option<String> {
        match self.post_of(channel, ts) {
            Some(post) => thread_of_post(&post).or(Some(ts.to_owned())),
            None => root_of(&self.client, channel, ts).await.ok().flatten(),
        }
    }

    /// The call that posted a message.
    fn post_of(&self, channel: &str, ts: &str) -> Option<Record> {
        let records = self.journal.records().into_iter();
        let mut records = records.map(|(_, record)| record);
        records.find(|record| {
            let is_post = record.method != UPDATE || record.progress.is_anew;
            let mut done = record.progress.done.iter();
            is_post
                && text(&record.arguments, "channel") == Some(channel)
                && done.any(|reply| text(reply, "ts") == Some(ts))
        })
    }

    /// The messages of a channel that were posted anew: from which ts to which.
    fn moved(&self, channel: &str) -> Vec<(String, String)> {
        let records = self.journal.records().into_iter();
        let anew = records.filter(|(_, record)| record.progress.is_anew);
        anew.filter_map(|(_, record)| {
            let (of, from) = handle(&record.arguments)?;
            let to = text(record.progress.done.first()?, "ts")?.to_owned();
            (of == channel).then_some((from, to))
        })
        .collect()
    }
}

/// Why an update is not made.
enum Ended {
    /// A newer one is made in its place.
    Superseded,
    Refused(Refusal),
}

fn handle(arguments: &Map<String, Value>) -> Option<Handle> {
    let channel = text(arguments, "channel")?.to_owned();
    Some((channel, text(arguments, "ts")?.to_owned()))
}

fn thread_of_post(post: &Record) -> Option<String> {
    let of_update = post.progress.thread_ts.clone();
    of_update.or_else(|| text(&post.arguments, "thread_ts").map(str::to_owned))
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

/// Follows a message to where it was posted anew last.
fn last(moved: &[(String, String)], ts: String) -> String {
    let mut ts = ts;
    // From the oldest: a later move starts where an earlier one ended.
    for (from, to) in moved {
        if *from == ts {
            ts.clone_from(to);
        }
    }
    ts
}

/// Follows a message back to where it was posted first.
fn first(moved: &[(String, String)], ts: String) -> String {
    let mut ts = ts;
    for (from, to) in moved.iter().rev() {
        if *to == ts {
            ts.clone_from(from);
        }
    }
    ts
}
