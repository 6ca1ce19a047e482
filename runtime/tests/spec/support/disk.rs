//! An object's storage in memory. Each turn is one transaction; a crash takes back the open one.

use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Timestamp,
    object::KV,
    platform::{Cell, Key, Row, Store, Table, WriteId},
};
use std::{
    cell::{Cell as StdCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

type Tables = BTreeMap<Table, BTreeMap<Key, Row>>;

#[derive(Clone, Default)]
struct Content {
    tables: Tables,
    alarm: Option<Timestamp>,
}

/// What a transaction wrote: the table, or `alarm`.
pub type Writes = Vec<&'static str>;

#[derive(Default)]
pub struct Disk {
    content: RefCell<Content>,
    /// The content before the open transaction, and what that wrote.
    open: RefCell<Option<(Content, Writes)>>,
    transactions: RefCell<Vec<Writes>>,
    /// Rows that were read, and rows that were written.
    pub read: StdCell<u64>,
    pub written: StdCell<u64>,
    /// How long it takes until a write is durable, for those who ask.
    pub flush_ms: StdCell<u64>,
}

impl Disk {
    pub fn crash(&self) {
        if let Some((before, _)) = self.open.take() {
            *self.content.borrow_mut() = before;
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

    fn write(&self, table: &'static str, change: impl FnOnce(&mut Content)) {
        let mut open = self.open.borrow_mut();
        let mut content = self.content.borrow_mut();
        let (_, writes) = open.get_or_insert_with(|| (content.clone(), Writes::new()));
        writes.push(table);
        change(&mut content);
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
    fn write(&self, table: &'static str, change: impl FnOnce(&mut Content)) {
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

    fn put(&self, table: Table, key: Key, row: Row) {
        // What another incarnation would find: bytes.
        let row: Row = row.iter().map(written).collect();
        self.write(table.0, |content| {
            content.tables.entry(table).or_default().insert(key, row);
        });
    }

    fn delete(&self, table: Table, key: &Key) {
        self.write(table.0, |content| {
            content.tables.entry(table).or_default().remove(key);
        });
    }

    fn clear(&self) {
        self.write("everything", |content| *content = Content::default());
    }

    fn set_alarm(&self, at: Option<Timestamp>) {
        self.write("alarm", |content| content.alarm = at);
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.disk.alarm()
    }

    fn newest(&self) -> WriteId {
        let open = u64::from(self.disk.open.borrow().is_some());
        WriteId(self.disk.transactions.borrow().len() as u64 + open)
    }

    fn commit(&self) {
        if let Some((_, writes)) = self.disk.open.take() {
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
