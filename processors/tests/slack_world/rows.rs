//! A store in memory that outlives incarnations; it can refuse writes.

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
pub struct Rows {
    rows: RefCell<BTreeMap<(Table, Key), Row>>,
    alarm: Cell<Option<Timestamp>>,
    /// So many of the next writes are refused.
    pub refuses: Cell<u32>,
}

impl Rows {
    fn take(&self) -> Result<(), StorageError> {
        let left = self.refuses.get();
        self.refuses.set(left.saturating_sub(1));
        match left {
            0 => Ok(()),
            _ => Err(StorageError("refused".to_owned())),
        }
    }
}

impl Store for Rows {
    fn get(&self, table: Table, key: &Key) -> Option<Row> {
        self.rows.borrow().get(&(table, key.clone())).cloned()
    }

    fn range(&self, table: Table, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Row)> {
        let rows = self.rows.borrow();
        let found = rows.range((table, from.clone())..=(table, to.clone()));
        let found = found.map(|((_, key), row)| (key.clone(), row.clone()));
        found.take(limit).collect()
    }

    fn last(&self, table: Table) -> Option<(Key, Row)> {
        let rows = self.rows.borrow();
        let mut found = rows.iter().rev().filter(|((of, _), _)| *of == table);
        found
            .next()
            .map(|((_, key), row)| (key.clone(), row.clone()))
    }

    fn put(&self, table: Table, key: Key, row: Row) -> Result<(), StorageError> {
        self.take()?;
        self.rows.borrow_mut().insert((table, key), row);
        Ok(())
    }

    fn delete(&self, table: Table, key: &Key) -> Result<(), StorageError> {
        self.take()?;
        self.rows.borrow_mut().remove(&(table, key.clone()));
        Ok(())
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.take()?;
        self.rows.borrow_mut().clear();
        Ok(())
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint(0)
    }

    fn roll_back(&self, _: Savepoint) {}

    fn set_alarm(&self, at: Option<Timestamp>) {
        self.alarm.set(at);
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.alarm.get()
    }

    fn newest(&self) -> WriteId {
        WriteId(0)
    }

    fn commit(&self) {}

    fn durable(&self, _: WriteId) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
