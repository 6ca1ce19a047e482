//! Durable storage of one object: tables, one alarm, and transactions on their way to the disk.
//!
//! Writes apply at once to what the incarnation reads, with an undo record each. A transaction is
//! durable some time after it was closed, in order. A crash takes back the open transaction and a
//! suffix of those that were not yet durable.
//!
//! A write may be refused. What a turn has written before it stands, unless it is rolled back.
//!
//! A row that only caches what other rows say may come back older than they are. Its last versions are
//! kept for that.

use crate::activity::{Activity, Pending, PendingKind};
use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Timestamp,
    platform::{Cell, Key, Row, Savepoint, StorageError, Store, Table, WriteId},
};
use std::{
    cell::Cell as StdCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

mod listener;

pub use listener::{Listener, Write};

/// How many transactions back the version is that a stale cache has, at most.
const STALE_VERSIONS_MAX: usize = 4;

type Tables = BTreeMap<Table, BTreeMap<Key, Row>>;

/// An object's storage, as it stands.
#[derive(Default)]
pub struct StoredObject {
    tables: Tables,
    alarm: Option<Timestamp>,
    /// The alarm as of the last durable transaction.
    durable_alarm: Option<Timestamp>,
    open: Transaction,
    closed: VecDeque<Transaction>,
    durable: WriteId,
    newest: WriteId,
    cache: Option<Cache>,
    /// The present incarnation found its cache older than its rows.
    found_stale: bool,
    /// The table whose rows are put once, and stay.
    append_only: Option<Table>,
    /// Those that did not.
    rewritten: Vec<Key>,
    /// How often everything was deleted, durably.
    resets: u64,
    /// Nothing written here becomes durable any more.
    is_detached: bool,
    /// Rows of which a listener is told in the end.
    untold: BTreeSet<(Table, Key)>,
}

/// A row that can be computed from others.
struct Cache {
    table: Table,
    key: Key,
    /// Durable versions before the present one, the oldest first.
    before: VecDeque<Row>,
    /// It is older than the rows, and no incarnation has read it yet.
    is_stale: bool,
    /// It is older than the rows, and no newer version is durable yet.
    is_behind: bool,
}

#[derive(Default)]
struct Transaction {
    id: WriteId,
    undo: Vec<Undo>,
    /// The alarm that this transaction leaves, if it touched the alarm.
    alarm_after: Option<Option<Timestamp>>,
    _pending: Option<Pending>,
}

enum Undo {
    Row(Table, Key, Option<Row>),
    Alarm(Option<Timestamp>),
    Everything(Tables),
}

impl StoredObject {
    pub fn rows(&self, table: Table) -> impl Iterator<Item = (&Key, &Row)> {
        self.tables.get(&table).into_iter().flatten()
    }

    /// Says which row is a cache.
    pub fn with_cache(table: Table, key: Key) -> Self {
        StoredObject {
            cache: Some(Cache {
                table,
                key,
                before: VecDeque::new(),
                is_stale: false,
                is_behind: false,
            }),
            ..StoredObject::default()
        }
    }

    /// Says which table only grows.
    pub fn append_only(self, table: Table) -> Self {
        StoredObject {
            append_only: Some(table),
            ..self
        }
    }

    /// The rows of which nobody was told yet, as they are now.
    pub fn take_untold(&mut self) -> Vec<(Table, Key, Option<Row>)> {
        let untold = std::mem::take(&mut self.untold).into_iter();
        let rows = untold.map(|(table, key)| {
            let row = self.tables.get(&table).and_then(|rows| rows.get(&key));
            let row = row.cloned();
            (table, key, row)
        });
        rows.collect()
    }

    /// The rows of the table that only grows which were put again, or deleted one by one.
    pub fn rewritten(&self) -> &[Key] {
        &self.rewritten
    }

    /// How often everything was deleted, durably.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// The present incarnation began with a cache that was older than its rows.
    pub fn found_stale(&self) -> bool {
        self.found_stale
    }

    fn note_rewrite(&mut self, table: Table, key: &Key, before: Option<&Row>) {
        if self.append_only == Some(table) && before.is_some() {
            self.rewritten.push(key.clone());
        }
    }

    /// Whether there is a cache with a version older than the present one.
    pub fn can_be_stale(&self) -> bool {
        let cache = self.cache.as_ref();
        cache.is_some_and(|cache| !cache.before.is_empty())
    }

    /// The cache is as it was some transactions ago; after a crash.
    pub fn make_stale(&mut self) {
        let Some(cache) = &mut self.cache else { return };
        if let Some(before) = cache.before.pop_front() {
            cache.before.clear();
            cache.is_stale = true;
            cache.is_behind = true;
            let rows = self.tables.entry(cache.table).or_default();
            rows.insert(cache.key.clone(), before.iter().map(written).collect());
        }
    }

    /// The cache is older than its rows, and nobody had a chance to bring it up to date.
    pub fn is_stale(&self) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.is_stale)
    }

    /// An incarnation starts: from here on a stale cache is its own.
    pub fn begin(&mut self) {
        if let Some(cache) = &mut self.cache {
            cache.is_stale = false;
            self.found_stale = cache.is_behind;
        }
    }

    pub fn durable_alarm(&self) -> Option<Timestamp> {
        self.durable_alarm
    }

    /// The alarm rings: it is no longer set. One that was set anew meanwhile stays.
    pub fn take_alarm(&mut self) {
        let rung = self.durable_alarm.take();
        if self.alarm == rung {
            self.alarm = None;
        }
    }

    /// Leaves a copy of what it has to the incarnation that goes on beside its successor; what it
    /// gives is the storage itself, for the successor. No write to the copy becomes durable.
    pub fn detach(&mut self) -> StoredObject {
        let copy = StoredObject {
            tables: self.tables.clone(),
            alarm: self.alarm,
            durable_alarm: self.durable_alarm,
            durable: self.durable,
            newest: self.newest,
            is_detached: true,
            ..StoredObject::default()
        };
        std::mem::replace(self, copy)
    }

    fn is_durable(&self, write: WriteId) -> bool {
        !self.is_detached && self.durable >= write
    }

    /// How many closed transactions a crash could still take back.
    pub fn volatile(&self) -> usize {
        self.closed.len()
    }

    /// Ends an incarnation: the open transaction is lost, and so are the `lost` newest closed ones.
    pub fn crash(&mut self, lost: usize) {
        let open = std::mem::take(&mut self.open);
        self.take_back(open);
        for _ in 0..lost {
            let transaction = self.closed.pop_back().expect("not more than were volatile");
            self.take_back(transaction);
        }
        while let Some(transaction) = self.closed.pop_front() {
            self.make_durable(transaction);
        }
        self.alarm = self.durable_alarm;
        self.durable = self.newest;
        self.write_out();
    }

    /// What outlives an incarnation is bytes: the next one parses what this one had in memory.
    fn write_out(&mut self) {
        for row in self.tables.values_mut().flat_map(BTreeMap::values_mut) {
            if row.iter().any(|cell| matches!(cell, Cell::Json(_))) {
                *row = row.iter().map(written).collect();
            }
        }
    }

    fn take_back(&mut self, transaction: Transaction) {
        for undo in transaction.undo.into_iter().rev() {
            match undo {
                Undo::Row(table, key, Some(row)) => {
                    self.tables.entry(table).or_default().insert(key, row);
                }
                Undo::Row(table, key, None) => {
                    self.tables.entry(table).or_default().remove(&key);
                }
                Undo::Alarm(alarm) => self.alarm = alarm,
                Undo::Everything(tables) => self.tables = tables,
            }
        }
    }

    fn make_durable(&mut self, transaction: Transaction) {
        self.durable = transaction.id;
        if let Some(alarm) = transaction.alarm_after {
            self.durable_alarm = alarm;
        }
        let deleted = |undo: &Undo| matches!(undo, Undo::Everything(_));
        self.resets += u64::from(transaction.undo.iter().any(deleted));
        let Some(cache) = &mut self.cache else { return };
        for undo in transaction.undo {
            match undo {
                Undo::Row(table, key, row) if (table, &key) == (cache.table, &cache.key) => {
                    cache.before.extend(row);
                    cache.is_behind = false;
                }
                Undo::Everything(_) => cache.before.clear(),
                _ => {}
            }
        }
        while cache.before.len() > STALE_VERSIONS_MAX {
            cache.before.pop_front();
        }
    }

    fn record(&mut self, undo: Undo) {
        if self.open.undo.is_empty() {
            self.newest = WriteId(self.newest.0 + 1);
            self.open.id = self.newest;
        }
        self.open.undo.push(undo);
    }

    /// Takes back the newest writes of the open transaction.
    fn roll_back(&mut self, to: Savepoint) {
        let undo = self.open.undo.split_off(to.0);
        if self.open.undo.is_empty() && !undo.is_empty() {
            // Nobody may wait for a transaction that there will not be.
            self.newest = WriteId(self.newest.0 - 1);
        }
        self.take_back(Transaction {
            undo,
            ..Transaction::default()
        });
    }
}

/// The writes of the turn under way.
#[derive(Clone, Copy)]
enum Turn {
    Unwritten,
    Writing {
        /// The next one if this is 1; none any more if it is 0.
        refused_in: u64,
    },
}

fn written(cell: &Cell) -> Cell {
    match cell {
        Cell::Json(value) => Cell::Text(value.to_json_text().into()),
        cell => cell.clone(),
    }
}

/// Which writes are refused.
pub struct Refusals {
    /// Draws for a turn that writes: the number of the write that is refused, from 1, or 0.
    pub draw: Box<dyn Fn() -> u64>,
    /// Told when a write is refused.
    pub refused: Box<dyn Fn(Table)>,
}

/// One incarnation's handle to its storage; dead when the incarnation is.
pub struct SimStore {
    stored: Arc<Mutex<StoredObject>>,
    refusals: Refusals,
    /// Who is told of what is written, if anybody is.
    listener: Option<Listener>,
    turn: StdCell<Turn>,
    activity: Arc<Activity>,
    is_alive: Rc<dyn Fn() -> bool>,
    rows_read: StdCell<u64>,
    rows_written: StdCell<u64>,
    /// Told when a transaction was closed.
    closed: Rc<Notify>,
    /// Told when a transaction became durable.
    flushed: Rc<Notify>,
}

impl SimStore {
    pub fn new(
        stored: Arc<Mutex<StoredObject>>,
        activity: Arc<Activity>,
        is_alive: Rc<dyn Fn() -> bool>,
        refusals: Refusals,
    ) -> Self {
        SimStore {
            stored,
            refusals,
            listener: None,
            turn: StdCell::new(Turn::Unwritten),
            activity,
            is_alive,
            rows_read: StdCell::new(0),
            rows_written: StdCell::new(0),
            closed: Rc::default(),
            flushed: Rc::default(),
        }
    }

    pub fn heard_by(self, listener: Option<Listener>) -> Self {
        SimStore { listener, ..self }
    }

    fn tell(&self, write: Write) {
        if let Some(listener) = &self.listener {
            listener.tell(write);
        }
    }

    /// How many rows were read so far, and how many written or deleted.
    pub fn rows(&self) -> (u64, u64) {
        (self.rows_read.get(), self.rows_written.get())
    }

    fn count_read(&self, rows: usize) {
        self.rows_read.set(self.rows_read.get() + rows as u64);
    }

    fn count_write(&self) {
        self.rows_written.set(self.rows_written.get() + 1);
    }

    fn lock(&self) -> MutexGuard<'_, StoredObject> {
        self.stored.lock().expect("one thread")
    }

    /// Whether to go on with a write.
    ///
    /// # Errors
    /// It is the one that is refused in this turn.
    fn admit(&self, table: Table) -> Result<(), StorageError> {
        let refused_in = match self.turn.get() {
            Turn::Unwritten => (self.refusals.draw)(),
            Turn::Writing { refused_in } => refused_in,
        };
        self.turn.set(Turn::Writing {
            refused_in: refused_in.saturating_sub(1),
        });
        if refused_in != 1 {
            return Ok(());
        }
        (self.refusals.refused)(table);
        Err(StorageError("the write was refused".to_owned()))
    }

    /// Waits until a closed transaction awaits its flush; gives its number and writes.
    pub async fn next_closed(&self) -> (WriteId, usize) {
        loop {
            if let Some(first) = self.lock().closed.front() {
                return (first.id, first.undo.len());
            }
            self.closed.notified().await;
        }
    }

    /// Makes the oldest closed transaction durable; tells whether the durable alarm changed.
    pub fn flush_one(&self) -> bool {
        let changed = {
            let mut stored = self.lock();
            let Some(transaction) = stored.closed.pop_front() else {
                return false;
            };
            let before = stored.durable_alarm;
            stored.make_durable(transaction);
            stored.durable_alarm != before
        };
        self.flushed.notify_waiters();
        changed
    }

    pub fn is_durable(&self, write: WriteId) -> bool {
        self.lock().is_durable(write)
    }
}

impl Store for SimStore {
    fn get(&self, table: Table, key: &Key) -> Option<Row> {
        let row = self.lock().tables.get(&table)?.get(key).cloned()?;
        self.count_read(1);
        Some(row)
    }

    fn range(&self, table: Table, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Row)> {
        let stored = self.lock();
        let Some(rows) = stored.tables.get(&table) else {
            return Vec::new();
        };
        let rows: Vec<(Key, Row)> = rows
            .range(from..=to)
            .take(limit)
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect();
        self.count_read(rows.len());
        rows
    }

    fn last(&self, table: Table) -> Option<(Key, Row)> {
        let stored = self.lock();
        let (key, row) = stored.tables.get(&table)?.last_key_value()?;
        self.count_read(1);
        Some((key.clone(), row.clone()))
    }

    fn put(&self, table: Table, key: Key, row: Row) -> Result<(), StorageError> {
        if !(self.is_alive)() {
            return Ok(());
        }
        self.admit(table)?;
        let mut stored = self.lock();
        let rows = stored.tables.entry(table).or_default();
        let before = rows.insert(key.clone(), row.clone());
        self.count_write();
        match &self.listener {
            Some(listener) if before.is_some() && listener.waits_for_the_end(&row) => {
                stored.untold.insert((table, key.clone()));
            }
            _ => self.tell(Write::Put(table, &key, &row)),
        }
        stored.note_rewrite(table, &key, before.as_ref());
        stored.record(Undo::Row(table, key, before));
        Ok(())
    }

    fn delete(&self, table: Table, key: &Key) -> Result<(), StorageError> {
        if !(self.is_alive)() {
            return Ok(());
        }
        self.admit(table)?;
        self.tell(Write::Delete(table, key));
        let mut stored = self.lock();
        let before = stored.tables.entry(table).or_default().remove(key);
        if before.is_some() {
            self.count_write();
            stored.note_rewrite(table, key, before.as_ref());
            stored.record(Undo::Row(table, key.clone(), before));
        }
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        if !(self.is_alive)() {
            return Ok(());
        }
        self.admit(Table("everything"))?;
        self.tell(Write::Clear);
        let mut stored = self.lock();
        let alarm = stored.alarm.take();
        stored.record(Undo::Alarm(alarm));
        let tables = std::mem::take(&mut stored.tables);
        stored.record(Undo::Everything(tables));
        Ok(())
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint(self.lock().open.undo.len())
    }

    fn roll_back(&self, to: Savepoint) {
        if (self.is_alive)() {
            self.lock().roll_back(to);
        }
    }

    fn set_alarm(&self, at: Option<Timestamp>) {
        if !(self.is_alive)() {
            return;
        }
        self.tell(Write::Alarm(at));
        let mut stored = self.lock();
        let before = std::mem::replace(&mut stored.alarm, at);
        stored.record(Undo::Alarm(before));
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.lock().alarm
    }

    fn newest(&self) -> WriteId {
        self.lock().newest
    }

    fn commit(&self) {
        self.turn.set(Turn::Unwritten);
        let mut stored = self.lock();
        if stored.open.undo.is_empty() {
            return;
        }
        let mut transaction = std::mem::take(&mut stored.open);
        if stored.is_detached {
            return;
        }
        let touched = |undo: &Undo| matches!(undo, Undo::Alarm(_));
        if transaction.undo.iter().any(touched) {
            transaction.alarm_after = Some(stored.alarm);
        }
        transaction._pending = Some(self.activity.begin(PendingKind::Write));
        stored.closed.push_back(transaction);
        drop(stored);
        self.closed.notify_one();
    }

    fn durable(&self, write: WriteId) -> LocalBoxFuture<'static, ()> {
        let (stored, flushed) = (self.stored.clone(), self.flushed.clone());
        Box::pin(async move {
            loop {
                let notified = flushed.notified();
                if stored.lock().expect("one thread").is_durable(write) {
                    return;
                }
                notified.await;
            }
        })
    }
}

#[cfg(test)]
mod tests;
