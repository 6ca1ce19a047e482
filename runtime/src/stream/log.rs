//! The event log in storage (spec §1.3): rows are the source of truth, the core state is a cache.
//!
//! `events` holds offset → (type, created_at, idempotency_key); `event_chunks` holds
//! (offset, chunk) → bytes, the event's JSON cut into pieces of 512 KiB; `event_keys` is the unique
//! index on idempotency keys. The newest events are kept parsed, so that live delivery reads no rows.

use super::state::{CoreState, STATE_VERSION};
use crate::{
    event::{Event, IdempotencyKey, Offset, Timestamp},
    object::Storage,
    platform::{Cell, Key, Row, StorageError, Store, Table},
    quirk::{Quirk, Quirks},
};
use std::{any::Any, cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

const EVENTS: Table = Table("events");
/// Where the events' JSON is.
pub const EVENT_CHUNKS: Table = Table("event_chunks");
const EVENT_KEYS: Table = Table("event_keys");

const CHUNK_BYTES: usize = 512 * 1024;
const RECENT_EVENTS_MAX: usize = 512;

/// The key of the core state, a cache of what the rows say.
pub const STATE_KEY: &str = "state";
const STATE_VERSION_KEY: &str = "stateVersion";
/// When the log began that was reset, as a Unix time in milliseconds.
const BEGINS_AFTER_KEY: &str = "logBeginsAfter";

pub struct Log {
    store: Rc<dyn Store>,
    storage: Storage,
    /// A dense tail of the log, parsed.
    recent: RefCell<VecDeque<Arc<Event>>>,
}

impl Log {
    pub fn new(store: Rc<dyn Store>) -> Self {
        Log {
            storage: Storage::new(store.clone()),
            store,
            recent: RefCell::default(),
        }
    }

    /// The core state on wake: the stored one if it is of this version and not ahead of the rows,
    /// else the initial one; then every row above it reduced. Written back if it moved and the storage
    /// takes it: a cache may stay behind. Runs no side effects.
    pub fn recover(&self, quirks: Quirks) -> CoreState {
        let version: Option<u64> = self.storage.get(STATE_VERSION_KEY).unwrap_or_default();
        let stored: Option<CoreState> = match version {
            Some(STATE_VERSION) => self.storage.get(STATE_KEY).unwrap_or_default(),
            _ => None,
        };
        if let Some(trusted) = stored.clone().filter(|_| quirks.has(Quirk::B01)) {
            return trusted;
        }
        let covered = stored
            .clone()
            .filter(|state| state.max_offset <= self.head());
        let mut state = covered.unwrap_or_default();
        loop {
            let events = self.read(state.max_offset, Offset(u64::MAX), 1_000);
            let Some(last) = events.last() else { break };
            let last = last.offset;
            for event in &events {
                if let Err(error) = state.reduce_with(event, quirks) {
                    panic!("a committed event no longer reduces: {error}");
                }
            }
            debug_assert_eq!(state.max_offset, last);
        }
        if stored.as_ref() != Some(&state) && state.event_count > 0 {
            let _ = self.write_state(&Arc::new(state.clone()));
        }
        state
    }

    /// The offset of the highest row.
    fn head(&self) -> Offset {
        match self.store.last(EVENTS) {
            None => Offset::ZERO,
            Some((Key::Integer(offset), _)) => Offset(offset),
            Some((key, _)) => panic!("events are keyed by offset, found {key:?}"),
        }
    }

    /// Inserts the rows of new events and the state after them, in the open transaction.
    ///
    /// # Errors
    /// A write was refused: none of them stands.
    pub fn commit(
        &self,
        events: &[Arc<Event>],
        state: &Arc<CoreState>,
    ) -> Result<(), StorageError> {
        self.store.atomically(|| {
            events.iter().try_for_each(|event| self.insert(event))?;
            self.write_state(state)
        })?;
        let mut recent = self.recent.borrow_mut();
        for event in events {
            if recent.len() == RECENT_EVENTS_MAX {
                recent.pop_front();
            }
            recent.push_back(event.clone());
        }
        Ok(())
    }

    fn insert(&self, event: &Arc<Event>) -> Result<(), StorageError> {
        let offset = event.offset.0;
        let key = match &event.idempotency_key {
            Some(key) => {
                let place = [Cell::Integer(offset as i64)];
                self.store
                    .put(EVENT_KEYS, Key::from(key.as_str()), place.into())?;
                Cell::Text(key.as_str().into())
            }
            None => Cell::Null,
        };
        let row = [
            Cell::Text(event.kind.as_str().into()),
            Cell::Integer(event.created_at.unix_ms),
            key,
        ];
        self.store.put(EVENTS, Key::Integer(offset), row.into())?;
        for (chunk, cell) in chunks(event).into_iter().enumerate() {
            let key = Key::Pair(offset, chunk as u64);
            self.store.put(EVENT_CHUNKS, key, [cell].into())?;
        }
        Ok(())
    }

    fn write_state(&self, state: &Arc<CoreState>) -> Result<(), StorageError> {
        self.storage.put_shared(STATE_KEY, state.clone())?;
        let version: Option<u64> = self.storage.get(STATE_VERSION_KEY).unwrap_or_default();
        if version != Some(STATE_VERSION) {
            self.storage.put(STATE_VERSION_KEY, &STATE_VERSION)?;
        }
        Ok(())
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

    /// When its first event was created; none of an empty log.
    pub fn began_at(&self) -> Option<Timestamp> {
        self.get(Offset(1)).map(|first| first.created_at)
    }

    /// A log is known by the time at which it began: the one that comes after a reset will have begun
    /// later than this one, whatever the clock says then.
    ///
    /// # Errors
    /// The write is refused.
    pub fn begin_after(&self, began_at: Option<Timestamp>) -> Result<(), StorageError> {
        match began_at {
            Some(at) => self.storage.put(BEGINS_AFTER_KEY, &at.unix_ms),
            None => Ok(()),
        }
    }

    /// The time at which the log begins, now that the clock says `now`.
    pub fn may_begin_at(&self, now: Timestamp) -> Timestamp {
        let after: Option<i64> = self.storage.get(BEGINS_AFTER_KEY).unwrap_or_default();
        let earliest = after.map(|after_ms| Timestamp::from_unix_ms(after_ms + 1));
        earliest.map_or(now, |earliest| now.max(earliest))
    }

    /// Events with `after < offset < before`, ascending, at most `limit`.
    pub fn read(&self, after: Offset, before: Offset, limit: usize) -> Vec<Arc<Event>> {
        self.remember_from(after.next());
        let recent = self.recent.borrow();
        match recent.front() {
            Some(oldest) if after.next() >= oldest.offset => {
                let skip = (after.next().0 - oldest.offset.0) as usize;
                recent
                    .iter()
                    .skip(skip)
                    .take_while(|event| event.offset < before)
                    .take(limit)
                    .cloned()
                    .collect()
            }
            _ => self.read_rows(after, before, limit),
        }
    }

    /// Grows the parsed tail down to `from`, if it may be that long: after a wake, several
    /// subscribers replay the same events.
    fn remember_from(&self, from: Offset) {
        let Offset(head) = self.head();
        let mut recent = self.recent.borrow_mut();
        let oldest = recent.front().map_or(head + 1, |event| event.offset.0);
        let from = from.0.max(1);
        if from < oldest && head + 1 - from <= RECENT_EVENTS_MAX as u64 {
            let older = self.read_rows(Offset(from - 1), Offset(oldest), usize::MAX);
            for event in older.into_iter().rev() {
                recent.push_front(event);
            }
        }
    }

    /// One read of the chunks gives as many events as it can: a replay of a long log must not read
    /// each event by itself.
    fn read_rows(&self, after: Offset, before: Offset, limit: usize) -> Vec<Arc<Event>> {
        let mut events = Vec::new();
        let mut from = after.next();
        while from < before && events.len() < limit {
            // With one more than events are wanted, it is seen that the last of them is whole.
            let chunks_max = (limit - events.len()).saturating_add(1);
            let (first, last) = (Key::Pair(from.0, 0), Key::Pair(before.0 - 1, u64::MAX));
            let read = self.store.range(EVENT_CHUNKS, &first, &last, chunks_max);
            let is_full = read.len() == chunks_max;
            let mut events_read = read
                .chunk_by(|one, next| offset_of(one) == offset_of(next))
                .peekable();
            while let Some(chunks) = events_read.next() {
                if events.len() == limit {
                    break;
                }
                let offset = offset_of(&chunks[0]);
                let may_lack_some = is_full && events_read.peek().is_none();
                events.push(match may_lack_some {
                    true => self.read_chunks(offset),
                    false => parse_rows(chunks),
                });
                from = Offset(offset).next();
            }
            if !is_full {
                break;
            }
        }
        events
    }

    fn read_chunks(&self, offset: u64) -> Arc<Event> {
        let (from, to) = (Key::Pair(offset, 0), Key::Pair(offset, u64::MAX));
        parse_rows(&self.store.range(EVENT_CHUNKS, &from, &to, usize::MAX))
    }
}

fn offset_of((key, _): &(Key, Row)) -> u64 {
    match key {
        Key::Pair(offset, _) => *offset,
        key => panic!("chunks are keyed by offset and number, found {key:?}"),
    }
}

fn parse_rows(chunks: &[(Key, Row)]) -> Arc<Event> {
    match chunks {
        [(_, row)] => parse_chunks(&[&row[0]]),
        chunks => {
            let cells: Vec<&Cell> = chunks.iter().map(|(_, row)| &row[0]).collect();
            parse_chunks(&cells)
        }
    }
}

/// The cells of an event: its JSON, in pieces if it may be too long for one cell.
fn chunks(event: &Arc<Event>) -> Vec<Cell> {
    if event.json_bytes_max() <= CHUNK_BYTES {
        return vec![Cell::Json(event.clone())];
    }
    let bytes = serde_json::to_vec(event).expect("an event serializes");
    let pieces = bytes.chunks(CHUNK_BYTES);
    pieces.map(|piece| Cell::Blob(piece.into())).collect()
}

/// The event whose JSON these cells hold, in order.
///
/// # Panics
/// They hold something else.
pub fn parse_chunks(cells: &[&Cell]) -> Arc<Event> {
    let parsed = match cells {
        [Cell::Json(value)] => {
            let value: Arc<dyn Any + Send + Sync> = value.clone();
            return value.downcast().expect("the events' table holds events");
        }
        [Cell::Text(json)] => serde_json::from_str(json),
        pieces => {
            let mut bytes = Vec::new();
            for piece in pieces {
                let Cell::Blob(piece) = piece else {
                    panic!("one of several pieces of an event is a blob");
                };
                bytes.extend_from_slice(piece);
            }
            serde_json::from_slice(&bytes)
        }
    };
    Arc::new(parsed.expect("a stored event parses"))
}
