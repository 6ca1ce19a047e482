//! The key-value side of an object's storage: JSON values under text keys.

use crate::platform::{Cell, Key, Store, Table};
use serde::{de::DeserializeOwned, Serialize};
use std::rc::Rc;

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
        match &row[0] {
            Cell::Text(json) => serde_json::from_str(json)
                .map(Some)
                .map_err(|error| format!("stored value {key:?}: {error}")),
            cell => panic!("the key-value table holds text, found {cell:?} under {key:?}"),
        }
    }

    pub fn put(&self, key: &str, value: &impl Serialize) {
        let json = serde_json::to_string(value).expect("a stored value of ours serializes");
        self.0
            .put(KV, Key::from(key), [Cell::Text(json.into())].into());
    }

    pub fn delete(&self, key: &str) {
        self.0.delete(KV, &Key::from(key));
    }
}
