//! An object's durable storage in memory: everything is durable at once, and nothing is refused.

use futures_util::future::LocalBoxFuture;
use runtime::{
    event::Timestamp,
    platform::{Key, Row, Savepoint, StorageError, Store, Table, WriteId},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

#[derive(Default)]
pub struct Memory {
    rows: RefCell<BTreeMap<(Table, Key), Row>>,
    alarm: Cell<Option<Timestamp>>,
}

impl Store for Memory {
    fn get(&self, table: Table, key: &Key) -> Option<Row> {
        self.rows.borrow().get(&(table, key.clone())).cloned()
    }

    fn range(&self, table: Table, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Row)> {
        let rows = self.rows.borrow();
        let range = rows.range((table, from.clone())..=(table, to.clone()));
        let found = range.map(|((_, key), row)| (key.clone(), row.clone()));
        found.take(limit).collect()
    }

    fn last(&self, table: Table) -> Option<(Key, Row)> {
        let rows = self.rows.borrow();
        let mut of_table = rows.iter().rev().filter(|((of, _), _)| *of == table);
        of_table
            .next()
            .map(|((_, key), row)| (key.clone(), row.clone()))
    }

    fn put(&self, table: Table, key: Key, row: Row) -> Result<(), StorageError> {
        self.rows.borrow_mut().insert((table, key), row);
        Ok(())
    }

    fn delete(&self, table: Table, key: &Key) -> Result<(), StorageError> {
        self.rows.borrow_mut().remove(&(table, key.clone()));
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.rows.borrow_mut().clear();
        self.alarm.set(None);
        Ok(())
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint(0)
    }

    fn roll_back(&self, _to: Savepoint) {
        unreachable!("nothing is refused here, so nothing is taken back")
    }

    fn set_alarm(&self, at: Option<Timestamp>) {
        self.alarm.set(at);
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.alarm.get()
    }

    fn newest(&self) -> WriteId {
        WriteId::default()
    }

    fn commit(&self) {}

    fn durable(&self, _write: WriteId) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
