//! An object's storage in memory. Each turn is one transaction; a crash takes back the open one.

use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Timestamp,
    object::KV,
    platform::{Cell, Key, Row, Savepoint, StorageError, Store, Table, WriteId},
};
use std::{
    cell::{Cell as StdCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

type Tables = BTreeMap<Table, BTreeMap<Key, Row>>;

#[derive(Default)]
struct Content {
    tables: Tables,
    alarm: Option<Timestamp>,
}

/// What a transaction wrote: the table, or `alarm`.
pub type Writes = Vec<&'static str>;

/// Whether a write to that table and key is refused.
type Refuse = Box<dyn FnMut(&'static str, &Key) -> bool>;

enum Undo {
    Row(Table, Key, Option<Row>),
    Everything(Content),
    Alarm(Option<Timestamp>),
}

#[derive(Default)]
pub struct Disk {
    content: RefCell<Content>,
    /// What the open transaction wrote, each with the content before it.
    open: RefCell<Vec<(&'static str, Undo)>>,
    refuse: RefCell<Option<Refuse>>,
    transactions: RefCell<Vec<Writes>>,
    /// Rows that were read, and rows that were written.
    pub read: StdCell<u64>,
    pub written: StdCell<u64>,
    /// How long it takes until a write is durable, for those who ask.
    pub flush_ms: StdCell<u64>,
}

impl Disk {
    pub fn crash(&self) {
        self.roll_back(0);
    }

    /// Decides from now on which writes of rows are refused.
    pub fn refuse(&self, decide: impl FnMut(&'static str, &Key) -> bool + 'static) {
        *self.refuse.borrow_mut() = Some(Box::new(decide));
    }

    fn admit(&self, table: Table, key: &Key) -> Result<(), StorageError> {
        let mut refuse = self.refuse.borrow_mut();
        let is_refused = refuse.as_mut().is_some_and(|refuse| refuse(table.0, key));
        match is_refused {
            true => Err(StorageError("full".to_owned())),
            false => Ok(()),
        }
    }

    fn roll_back(&self, to: usize) {
        let mut content = self.content.borrow_mut();
        for (_, undo) in self.open.borrow_mut().drain(to..).rev() {
            match undo {
                Undo::Row(table, key, row) => {
                    let rows = content.tables.entry(table).or_default();
                    match row {
                        Some(row) => rows.insert(key, row),
                        None => rows.remove(&key),
                    };
                }
                Undo::Everything(before) => *content = before,
                Undo::Alarm(before) => content.alarm = before,
            }
        }
    }

    pub fn take_alarm(&self) -> Option<Timestamp> {
        self.content.borrow_mut().alarm.take()
    }

    pub fn alarm(&self) -> Option<Timestamp> {
        self.content.borrow().alarm
    }

    /// The closed transactions, oldest first.
    pub fn transactions(&self) -> Vec<Writes> {
        self.transactions.borrow().clone()
    }

    pub fn rows(&self, table: &'static str) -> Vec<(Key, Row)> {
        let content = self.content.borrow();
        let rows = content.tables.get(&Table(table)).into_iter().flatten();
        rows.map(|(key, row)| (key.clone(), row.clone())).collect()
    }

    /// A value of the key-value table, as its JSON text.
    pub fn kv(&self, key: &str) -> Option<String> {
        let content = self.content.borrow();
        match &content.tables.get(&KV)?.get(&Key::from(key))?[0] {
            Cell::Text(json) => Some(json.to_string()),
            cell => panic!("expected text, found {cell:?}"),
        }
    }

    /// Puts a value into the key-value table, or takes it out, behind the object's back.
    pub fn tamper(&self, key: &str, json: Option<String>) {
        let mut content = self.content.borrow_mut();
        let table = content.tables.entry(KV).or_default();
        match json {
            Some(json) => table.insert(Key::from(key), [Cell::Text(json.into())].into()),
            None => table.remove(&Key::from(key)),
        };
    }

    fn write(&self, table: &'static str, change: impl FnOnce(&mut Content) -> Undo) {
        let undo = change(&mut self.content.borrow_mut());
        self.open.borrow_mut().push((table, undo));
        self.written.set(self.written.get() + 1);
    }

    fn count_read(&self, rows: usize) {
        self.read.set(self.read.get() + rows as u64);
    }
}

/// The storage as one incarnation holds it: dead when that is.
pub struct Handle {
    pub disk: Rc<Disk>,
    pub alive: Rc<StdCell<bool>>,
}

impl Handle {
    fn write(&self, table: &'static str, change: impl FnOnce(&mut Content) -> Undo) {
        if self.alive.get() {
            self.disk.write(table, change);
        }
    }
}

impl Store for Handle {
    fn get(&self, table: Table, key: &Key) -> Option<Row> {
        let content = self.disk.content.borrow();
        self.disk.count_read(1);
        content.tables.get(&table)?.get(key).cloned()
    }

    fn range(&self, table: Table, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Row)> {
        let rows = self.disk.rows(table.0).into_iter();
        let rows = rows.filter(|(key, _)| from <= key && key <= to);
        let rows: Vec<_> = rows.take(limit).collect();
        self.disk.count_read(rows.len());
        rows
    }

    fn last(&self, table: Table) -> Option<(Key, Row)> {
        self.disk.count_read(1);
        self.disk.rows(table.0).pop()
    }

    fn put(&self, table: Table, key: Key, row: Row) -> Result<(), StorageError> {
        self.disk.admit(table, &key)?;
        // What another incarnation would find: bytes.
        let row: Row = row.iter().map(written).collect();
        self.write(table.0, |content| {
            let rows = content.tables.entry(table).or_default();
            let before = rows.insert(key.clone(), row);
            Undo::Row(table, key, before)
        });
        Ok(())
    }

    fn delete(&self, table: Table, key: &Key) -> Result<(), StorageError> {
        self.disk.admit(table, key)?;
        self.write(table.0, |content| {
            let before = content.tables.entry(table).or_default().remove(key);
            Undo::Row(table, key.clone(), before)
        });
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.disk.admit(Table("everything"), &Key::Integer(0))?;
        self.write("everything", |content| {
            Undo::Everything(std::mem::take(content))
        });
        Ok(())
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint(self.disk.open.borrow().len())
    }

    fn roll_back(&self, to: Savepoint) {
        if self.alive.get() {
            self.disk.roll_back(to.0);
        }
    }

    fn set_alarm(&self, at: Option<Timestamp>) {
        self.write("alarm", |content| {
            Undo::Alarm(std::mem::replace(&mut content.alarm, at))
        });
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.disk.alarm()
    }

    fn newest(&self) -> WriteId {
        let open = u64::from(!self.disk.open.borrow().is_empty());
        WriteId(self.disk.transactions.borrow().len() as u64 + open)
    }

    fn commit(&self) {
        let written = self.disk.open.take();
        if !written.is_empty() {
            let writes = written.into_iter().map(|(table, _)| table).collect();
            self.disk.transactions.borrow_mut().push(writes);
        }
    }

    fn durable(&self, _write: WriteId) -> LocalBoxFuture<'static, ()> {
        let flush = Duration::from_millis(self.disk.flush_ms.get());
        Box::pin(async move {
            if !flush.is_zero() {
                tokio::time::sleep(flush).await;
            }
        })
    }
}

fn written(cell: &Cell) -> Cell {
    match cell {
        Cell::Json(value) => Cell::Text(value.to_json().to_string().into()),
        cell => cell.clone(),
    }
}
