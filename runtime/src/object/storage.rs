//! The key-value side of an object's storage: JSON values under text keys.

use crate::{
    call::Wire,
    platform::{Cell, Key, Store, Table},
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

    pub fn put(&self, key: &str, value: &impl Serialize) {
        self.put_json(
            key,
            serde_json::to_string(value).expect("a stored value of ours serializes"),
        );
    }

    /// Stores JSON text as it is.
    pub fn put_json(&self, key: &str, json: String) {
        self.0
            .put(KV, Key::from(key), [Cell::Text(json.into())].into());
    }

    /// Stores a shared value, without writing its JSON now.
    pub fn put_shared<T: Wire>(&self, key: &str, value: Arc<T>) {
        self.0.put(KV, Key::from(key), [Cell::Json(value)].into());
    }

    pub fn delete(&self, key: &str) {
        self.0.delete(KV, &Key::from(key));
    }
}
