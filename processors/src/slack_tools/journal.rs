//! What scripts' calls have begun, and what came of it, in the object's storage.
//!
//! A record is written before the first request leaves, again before each further one, and when the
//! outcome is known. So after a crash there is nothing in Slack that no record speaks of, and a record
//! that is in doubt is looked into before anything is repeated. Ended records are kept for a day: a
//! call that is made again gets the same outcome.

use runtime::{
    event::Timestamp,
    object::Context,
    platform::{Cell, Key, Row, StorageError, Store, Table},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

/// Number of a call, from 1 → its record.
const CALLS: Table = Table("slack-tool-calls");

/// How long an outcome is remembered.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1_000;

/// A call that changes something in Slack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub id: Arc<str>,
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
    /// How many requests were made for the next piece.
    pub attempts: u32,
    /// The last of them may have had its effect, or may have it yet.
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

pub struct Journal {
    context: Context,
    store: Rc<dyn Store>,
    /// The numbers of all records, by the id of the call; read when first asked for.
    numbers: RefCell<Option<BTreeMap<Arc<str>, u64>>>,
}

impl Journal {
    pub fn new(context: Context) -> Self {
        Journal {
            store: context.store(),
            context,
            numbers: RefCell::default(),
        }
    }

    /// The record of a call, with its number. A later call has a greater one.
    pub fn find(&self, id: &str) -> Option<(u64, Record)> {
        let number = self.with_numbers(|numbers| numbers.get(id).copied())?;
        Some((number, self.read(number)?))
    }

    /// Writes down a call that is about to begin.
    ///
    /// # Errors
    /// The storage refuses; nothing has begun.
    pub fn begin(&self, record: &Record) -> Result<u64, StorageError> {
        let last = self.store.last(CALLS);
        let number = last.map_or(1, |(key, _)| number_of(&key) + 1);
        self.forget_old()?;
        self.write(number, record)?;
        self.with_numbers(|numbers| numbers.insert(record.id.clone(), number));
        Ok(number)
    }

    /// # Errors
    /// The storage refuses; the record is as it was.
    pub fn write(&self, number: u64, record: &Record) -> Result<(), StorageError> {
        let json = serde_json::to_string(record).expect("a record serializes");
        let row: Row = [Cell::Text(json.into())].into();
        self.store.put(CALLS, Key::Integer(number), row)
    }

    /// All records, from the oldest.
    pub fn records(&self) -> Vec<(u64, Record)> {
        let (from, to) = (Key::Integer(0), Key::Integer(u64::MAX));
        let rows = self.store.range(CALLS, &from, &to, usize::MAX);
        let records = rows.iter();
        records
            .filter_map(|(key, row)| Some((number_of(key), parse(row)?)))
            .collect()
    }

    /// The oldest rows, as far as they have ended long ago.
    fn forget_old(&self) -> Result<(), StorageError> {
        let now_ms = self.context.now().unix_ms;
        let is_old = |record: &Record| {
            record.outcome.is_some() && now_ms - record.begun_at.unix_ms > REMEMBERED_MS
        };
        loop {
            let (from, to) = (Key::Integer(0), Key::Integer(u64::MAX));
            let oldest = self.store.range(CALLS, &from, &to, 1);
            let Some((key, row)) = oldest.first() else {
                return Ok(());
            };
            let Some(record) = parse(row).filter(is_old) else {
                return Ok(());
            };
            self.store.delete(CALLS, key)?;
            self.with_numbers(|numbers| numbers.remove(&record.id));
        }
    }

    fn read(&self, number: u64) -> Option<Record> {
        parse(&self.store.get(CALLS, &Key::Integer(number))?)
    }

    fn with_numbers<T>(&self, act: impl FnOnce(&mut BTreeMap<Arc<str>, u64>) -> T) -> T {
        let mut numbers = self.numbers.borrow_mut();
        let read = || {
            let records = self.records().into_iter();
            records
                .map(|(number, record)| (record.id, number))
                .collect()
        };
        act(numbers.get_or_insert_with(read))
    }
}

fn number_of(key: &Key) -> u64 {
    match key {
        Key::Integer(number) => *number,
        key => panic!("calls are numbered, and one is {key:?}"),
    }
}

fn parse(row: &Row) -> Option<Record> {
    match &row[0] {
        Cell::Text(json) => serde_json::from_str(json).ok(),
        cell => panic!("a call is stored as text, and one is {cell:?}"),
    }
}
