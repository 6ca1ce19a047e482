//! The event log in storage (spec §1.3): rows are the source of truth, the core state is a cache.
//!
//! `events` holds offset → (type, created_at, idempotency_key); `event_chunks` holds
//! (offset, chunk) → bytes, the event's JSON cut into pieces of 512 KiB; `event_keys` is the unique
//! index on idempotency keys. The newest events are kept parsed, so that live delivery reads no rows.

use super::state::{CoreState, STATE_VERSION};
use crate::{
    event::{Event, IdempotencyKey, Offset},
    object::Storage,
    platform::{Cell, Key, Store, Table},
};
use std::{collections::VecDeque, rc::Rc, sync::Arc};

const EVENTS: Table = Table("events");
const EVENT_CHUNKS: Table = Table("event_chunks");
const EVENT_KEYS: Table = Table("event_keys");

const CHUNK_BYTES: usize = 512 * 1024;
const RECENT_EVENTS_MAX: usize = 512;

const STATE_KEY: &str = "state";
const STATE_VERSION_KEY: &str = "stateVersion";

pub struct Log {
    store: Rc<dyn Store>,
    storage: Storage,
    recent: VecDeque<Arc<Event>>,
}

impl Log {
    pub fn new(store: Rc<dyn Store>) -> Self {
        Log {
            storage: Storage::new(store.clone()),
            store,
            recent: VecDeque::new(),
        }
    }

    /// The core state on wake: the stored one if it is of this version, else the initial one;
    /// then every row above it reduced. Written back if it moved. Runs no side effects.
    pub fn recover(&mut self) -> CoreState {
        let version: Option<u64> = self.storage.get(STATE_VERSION_KEY).unwrap_or_default();
        let stored: Option<CoreState> = match version {
            Some(STATE_VERSION) => self.storage.get(STATE_KEY).unwrap_or_default(),
            _ => None,
        };
        let mut state = stored.clone().unwrap_or_default();
        loop {
            let events = self.read(state.max_offset, Offset(u64::MAX), 1_000);
            let Some(last) = events.last() else { break };
            let last = last.offset;
            for event in &events {
                if let Err(error) = state.reduce(event) {
                    panic!("a committed event no longer reduces: {error}");
                }
            }
            debug_assert_eq!(state.max_offset, last);
        }
        if stored.as_ref() != Some(&state) && state.event_count > 0 {
            self.write_state(&state);
        }
        state
    }

    /// Inserts the rows of new events and the state after them, in the open transaction.
    pub fn commit(&mut self, events: &[Arc<Event>], state: &CoreState) {
        for event in events {
            self.insert(event);
        }
        self.write_state(state);
    }

    fn insert(&mut self, event: &Arc<Event>) {
        let offset = event.offset.0;
        let key = match &event.idempotency_key {
            Some(key) => {
                let place = [Cell::Integer(offset as i64)];
                self.store
                    .put(EVENT_KEYS, Key::from(key.as_str()), place.into());
                Cell::Text(key.as_str().into())
            }
            None => Cell::Null,
        };
        let row = [
            Cell::Text(event.kind.as_str().into()),
            Cell::Integer(event.created_at.unix_ms),
            key,
        ];
        self.store.put(EVENTS, Key::Integer(offset), row.into());
        let bytes = serde_json::to_vec(event).expect("an event serializes");
        for (chunk, piece) in bytes.chunks(CHUNK_BYTES).enumerate() {
            let key = Key::Pair(offset, chunk as u64);
            self.store
                .put(EVENT_CHUNKS, key, [Cell::Blob(piece.into())].into());
        }
        if self.recent.len() == RECENT_EVENTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(event.clone());
    }

    fn write_state(&self, state: &CoreState) {
        self.storage.put(STATE_KEY, state);
        let version: Option<u64> = self.storage.get(STATE_VERSION_KEY).unwrap_or_default();
        if version != Some(STATE_VERSION) {
            self.storage.put(STATE_VERSION_KEY, &STATE_VERSION);
        }
    }

    /// The event that carries this idempotency key.
    pub fn find(&self, key: &IdempotencyKey) -> Option<Arc<Event>> {
        let row = self.store.get(EVENT_KEYS, &Key::from(key.as_str()))?;
        let Cell::Integer(offset) = row[0] else {
            panic!("the key index holds offsets");
        };
        self.get(Offset(offset as u64))
    }

    pub fn get(&self, offset: Offset) -> Option<Arc<Event>> {
        if offset == Offset::ZERO {
            return None;
        }
        self.read(Offset(offset.0 - 1), offset.next(), 1).pop()
    }

    /// Events with `after < offset < before`, ascending, at most `limit`.
    pub fn read(&self, after: Offset, before: Offset, limit: usize) -> Vec<Arc<Event>> {
        if let Some(oldest) = self.recent.front() {
            if after.next() >= oldest.offset {
                let skip = (after.next().0 - oldest.offset.0) as usize;
                return self
                    .recent
                    .iter()
                    .skip(skip)
                    .take_while(|event| event.offset < before)
                    .take(limit)
                    .cloned()
                    .collect();
            }
        }
        self.read_rows(after, before, limit)
    }

    fn read_rows(&self, after: Offset, before: Offset, limit: usize) -> Vec<Arc<Event>> {
        if before <= after.next() {
            return Vec::new();
        }
        let (from, to) = (Key::Integer(after.next().0), Key::Integer(before.0 - 1));
        let rows = self.store.range(EVENTS, &from, &to, limit);
        rows.into_iter()
            .map(|(key, _)| match key {
                Key::Integer(offset) => self.read_chunks(offset),
                key => panic!("events are keyed by offset, found {key:?}"),
            })
            .collect()
    }

    fn read_chunks(&self, offset: u64) -> Arc<Event> {
        let (from, to) = (Key::Pair(offset, 0), Key::Pair(offset, u64::MAX));
        let chunks = self.store.range(EVENT_CHUNKS, &from, &to, usize::MAX);
        let mut bytes = Vec::new();
        for (_, row) in &chunks {
            let Cell::Blob(piece) = &row[0] else {
                panic!("a chunk is a blob");
            };
            bytes.extend_from_slice(piece);
        }
        Arc::new(serde_json::from_slice(&bytes).expect("a stored event parses"))
    }
}
