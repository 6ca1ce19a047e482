//! What scripts' calls have begun, and what came of it, in the object's storage.
//!
//! A record is written before the first request leaves, again before each further one, and when the
//! outcome is known. So after a crash there is nothing in Slack that no record speaks of, and a record
//! that is in doubt is looked into before anything is repeated. Records are kept for a day after they
//! have ended: a call that is made again gets the same outcome. Nothing here reads more because there
//! was much before.

use super::call::text;
use runtime::{
    event::Timestamp,
    object::Context,
    platform::{Cell, Key, Row, StorageError, Store, Table},
};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{cell::Cell as Counter, rc::Rc, sync::Arc};

/// Id of a call → its record.
const CALLS: Table = Table("slack-tool-calls");
/// Number of a call, from 1 → its id.
const NUMBERS: Table = Table("slack-tool-numbers");
/// The same, of calls that have not ended.
const OPEN: Table = Table("slack-tool-open");
/// `<channel>:<ts>` of a message → what is known of it.
const MESSAGES: Table = Table("slack-tool-messages");

/// How long an outcome is remembered.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1_000;

/// A call that changes something in Slack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub id: Arc<str>,
    /// A later call has a greater one.
    pub number: u64,
    pub method: String,
    pub arguments: Map<String, Value>,
    pub begun_at: Timestamp,
    #[serde(default)]
    pub progress: Progress,
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// How far a call has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// The replies to the pieces that stand in Slack.
    pub done: Vec<Map<String, Value>>,
    /// A request was made for the next piece that may have had its effect, or may have it yet.
    pub in_doubt: bool,
    /// An update whose message is gone, and that is posted anew.
    pub is_anew: bool,
    /// The thread in which an update's further pieces, or all of them, are posted.
    pub thread_ts: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    Returned { value: Map<String, Value> },
    Threw { error: String },
}

/// A message that was posted here, or whose place another one took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// The thread that it is a reply in.
    pub thread_ts: Option<String>,
    /// The first of the messages of which this is the latest; itself, if none.
    pub first_ts: Option<String>,
    /// It was posted anew as that one.
    pub moved_to: Option<String>,
}

pub struct Journal {
    context: Context,
    store: Rc<dyn Store>,
    last_number: Counter<Option<u64>>,
}

impl Journal {
    pub fn new(context: Context) -> Self {
        Journal {
            store: context.store(),
            context,
            last_number: Counter::default(),
        }
    }

    pub fn find(&self, id: &str) -> Option<Record> {
        self.get(CALLS, &Key::from(id))
    }

    /// The records of calls that have not ended, from the oldest.
    pub fn open(&self) -> Vec<Record> {
        let (from, to) = (Key::Integer(0), Key::Integer(u64::MAX));
        let open = self.store.range(OPEN, &from, &to, usize::MAX);
        let ids = open.iter().filter_map(|(_, row)| read::<Arc<str>>(row));
        ids.filter_map(|id| self.find(&id)).collect()
    }

    /// Writes down a call that is about to begin.
    ///
    /// # Errors
    /// The storage refuses; nothing has begun.
    pub fn begin(
        &self,
        id: Arc<str>,
        method: String,
        arguments: Map<String, Value>,
    ) -> Result<Record, StorageError> {
        self.forget_old()?;
        let record = Record {
            number: self.last_number() + 1,
            id,
            method,
            arguments,
            begun_at: self.context.now(),
            progress: Progress::default(),
            outcome: None,
        };
        let number = Key::Integer(record.number);
        self.store.atomically(|| {
            self.put(NUMBERS, number.clone(), &record.id)?;
            self.put(OPEN, number, &record.id)?;
            self.put(CALLS, Key::from(&*record.id), &record)
        })?;
        self.last_number.set(Some(record.number));
        Ok(record)
    }

    /// Writes a record as it is now; it is open until it has an outcome.
    ///
    /// # Errors
    /// The storage refuses; the record is as it was.
    pub fn write(&self, record: &Record) -> Result<(), StorageError> {
        self.store.atomically(|| {
            if record.outcome.is_some() {
                self.store.delete(OPEN, &Key::Integer(record.number))?;
            }
            self.put(CALLS, Key::from(&*record.id), record)
        })
    }

    /// Writes a record, and what it says of messages.
    ///
    /// # Errors
    /// As [`Journal::write`].
    pub fn write_with(
        &self,
        record: &Record,
        channel: &str,
        messages: &[(&str, Message)],
    ) -> Result<(), StorageError> {
        self.store.atomically(|| {
            for (ts, message) in messages {
                self.put(MESSAGES, message_key(channel, ts), message)?;
            }
            self.put(CALLS, Key::from(&*record.id), record)
        })
    }

    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.get(MESSAGES, &message_key(channel, ts))
    }

    fn last_number(&self) -> u64 {
        let stored = || {
            let last = self.store.last(NUMBERS);
            last.map_or(0, |(key, _)| match key {
                Key::Integer(number) => number,
                key => panic!("calls are numbered, and one is {key:?}"),
            })
        };
        self.last_number.get().unwrap_or_else(stored)
    }

    /// The oldest calls, as far as they ended long ago, and their messages.
    fn forget_old(&self) -> Result<(), StorageError> {
        let now_ms = self.context.now().unix_ms;
        loop {
            let (from, to) = (Key::Integer(0), Key::Integer(u64::MAX));
            let oldest = self.store.range(NUMBERS, &from, &to, 1);
            let Some((number, row)) = oldest.first() else {
                return Ok(());
            };
            let id: Option<Arc<str>> = read(row);
            let record = id.as_deref().and_then(|id| self.find(id));
            let is_old = record.as_ref().is_none_or(|record| {
                record.outcome.is_some() && now_ms - record.begun_at.unix_ms > REMEMBERED_MS
            });
            if !is_old {
                return Ok(());
            }
            self.store.atomically(|| {
                if let Some(record) = &record {
                    self.forget_messages(record)?;
                    self.store.delete(CALLS, &Key::from(&*record.id))?;
                }
                self.store.delete(NUMBERS, number)
            })?;
        }
    }

    fn forget_messages(&self, record: &Record) -> Result<(), StorageError> {
        let Some(channel) = text(&record.arguments, "channel") else {
            return Ok(());
        };
        let replaced = text(&record.arguments, "ts").into_iter();
        let posted = record.progress.done.iter();
        for ts in posted.filter_map(|reply| text(reply, "ts")).chain(replaced) {
            self.store.delete(MESSAGES, &message_key(channel, ts))?;
        }
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, table: Table, key: &Key) -> Option<T> {
        read(&self.store.get(table, key)?)
    }

    fn put(&self, table: Table, key: Key, value: &impl Serialize) -> Result<(), StorageError> {
        let json = serde_json::to_string(value).expect("a stored value of ours serializes");
        self.store.put(table, key, [Cell::Text(json.into())].into())
    }
}

fn message_key(channel: &str, ts: &str) -> Key {
    Key::Text(format!("{channel}:{ts}").into())
}

/// What an older revision wrote, and nobody can read, counts as absent.
fn read<T: DeserializeOwned>(row: &Row) -> Option<T> {
    match &row[0] {
        Cell::Text(json) => serde_json::from_str(json).ok(),
        cell => panic!("the journal is stored as text, and here is {cell:?}"),
    }
}
