//! The key-value side of an object's storage: JSON values under text keys.

use crate::{
    call::Wire,
    platform::{Cell, Key, StorageError, Store, Table},
};
use serde::{de::DeserializeOwned, Serialize};
use std::{rc::Rc, sync::Arc};

/// The table that holds the key-value pairs.
pub const KV: Table = Table("kv");

#[derive(Clone)]
pub struct Storage(Rc<dyn Store>);

impl Storage {
    pub fn new(store: Rc<dyn Store>) -> Self {
        Storage(store)
    }

    /// # Errors
    /// The stored value is not of that shape; the message names the key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, String> {
        let Some(row) = self.0.get(KV, &Key::from(key)) else {
            return Ok(None);
        };
        let parsed = match &row[0] {
            Cell::Text(json) => serde_json::from_str(json),
            Cell::Json(value) => serde_json::from_value(value.to_json()),
            _ => panic!("the key-value table holds JSON, and something else under {key:?}"),
        };
        parsed
            .map(Some)
            .map_err(|error| format!("stored value {key:?}: {error}"))
    }

    /// The stored JSON text.
    pub fn get_json(&self, key: &str) -> Option<String> {
        let row = self.0.get(KV, &Key::from(key))?;
        match &row[0] {
            Cell::Text(json) => Some(json.to_string()),
            Cell::Json(value) => Some(value.to_json_text()),
            _ => panic!("the key-value table holds JSON, and something else under {key:?}"),
        }
    }

    /// # Errors
    /// The write is refused.
    pub fn put(&self, key: &str, value: &impl Serialize) -> Result<(), StorageError> {
        let json = serde_json::to_string(value).expect("a stored value of ours serializes");
        self.put_json(key, json)
    }

    /// Stores JSON text as it is.
    ///
    /// # Errors
    /// The write is refused.
    pub fn put_json(&self, key: &str, json: String) -> Result<(), StorageError> {
        let row = [Cell::Text(json.into())];
        self.0.put(KV, Key::from(key), row.into())
    }

    /// Stores a shared value, without writing its JSON now.
    ///
    /// # Errors
    /// The write is refused.
    pub fn put_shared<T: Wire>(&self, key: &str, value: Arc<T>) -> Result<(), StorageError> {
        self.0.put(KV, Key::from(key), [Cell::Json(value)].into())
    }

    /// # Errors
    /// The write is refused.
    pub fn delete(&self, key: &str) -> Result<(), StorageError> {
        self.0.delete(KV, &Key::from(key))
    }
}
