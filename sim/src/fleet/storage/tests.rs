//! One object's storage by itself: what is durable, what is taken back, what is refused.

use super::*;

const AT: Timestamp = Timestamp::from_unix_ms(1_000);
const LATER: Timestamp = Timestamp::from_unix_ms(2_000);

fn store() -> (Arc<Mutex<StoredObject>>, SimStore) {
    let stored: Arc<Mutex<StoredObject>> = Arc::default();
    let store = opened(&stored);
    (stored, store)
}

/// A storage that refuses nothing.
fn opened(stored: &Arc<Mutex<StoredObject>>) -> SimStore {
    refusing(stored, || 0)
}

fn refusing(stored: &Arc<Mutex<StoredObject>>, draw: impl Fn() -> u64 + 'static) -> SimStore {
    let refusals = Refusals {
        draw: Box::new(draw),
        refused: Box::new(|_| {}),
    };
    SimStore::new(stored.clone(), Arc::default(), Rc::new(|| true), refusals)
}

fn put(store: &dyn Store, key: &str, cell: Cell) -> Result<(), StorageError> {
    store.put(Table("kv"), Key::from(key), [cell].into())
}

fn write(store: &SimStore) {
    put(store, "key", Cell::Null).unwrap();
    store.commit();
}

/// Two writes in one turn, together; the second is refused.
#[test]
fn writes_that_stand_together_are_taken_back_when_one_is_refused() {
    let (stored, _) = store();
    // Nothing in the first turn; in the next one, the second write.
    let draws = StdCell::new(0);
    let store = refusing(&stored, move || 2 * draws.replace(draws.get() + 1));
    let together = || {
        let store: &dyn Store = &store;
        store.atomically(|| {
            put(store, "one", Cell::Integer(1))?;
            put(store, "other", Cell::Integer(2))
        })
    };
    write(&store);
    let before = store.newest();
    assert!(together().is_err());
    assert_eq!(store.get(Table("kv"), &Key::from("one")).map(drop), None);
    assert_eq!(store.newest(), before);
    // The rest of the turn is none the worse for it.
    assert_eq!(together(), Ok(()));
    store.commit();
    assert_eq!(stored.lock().unwrap().volatile(), 2);
    store.flush_one();
    store.flush_one();
    assert!(store.is_durable(store.newest()));
    assert!(store.get(Table("kv"), &Key::from("other")).is_some());
}

#[test]
fn a_write_that_becomes_durable_after_a_ring_does_not_bring_the_alarm_back() {
    let (stored, store) = store();
    store.set_alarm(Some(AT));
    store.commit();
    store.flush_one();
    write(&store);
    stored.lock().unwrap().take_alarm();
    store.flush_one();
    assert_eq!(stored.lock().unwrap().durable_alarm(), None);
}

#[test]
fn a_stale_cache_is_an_older_durable_version_of_that_row_alone() {
    let mut object = StoredObject::with_cache(Table("kv"), Key::from("state"));
    assert!(!object.can_be_stale());
    let stored = Arc::new(Mutex::new(std::mem::take(&mut object)));
    let store = opened(&stored);
    for version in 0..10 {
        put(&store, "state", Cell::Integer(version)).unwrap();
        put(&store, "other", Cell::Integer(version)).unwrap();
        store.commit();
        store.flush_one();
    }
    let mut stored = stored.lock().unwrap();
    stored.crash(0);
    assert!(stored.can_be_stale());
    stored.make_stale();
    let version = |key: &str| match stored.tables[&Table("kv")][&Key::from(key)][0] {
        Cell::Integer(version) => version,
        _ => panic!("an integer was put"),
    };
    assert_eq!((version("state"), version("other")), (5, 9));
    assert!(stored.is_stale());
    stored.begin();
    assert!(!stored.is_stale());
}

#[test]
fn a_detached_copy_reads_its_own_writes_and_makes_none_durable() {
    let (stored, store) = store();
    write(&store);
    let mut real = stored.lock().unwrap().detach();
    assert_eq!((real.volatile(), stored.lock().unwrap().volatile()), (1, 0));
    let before = store.newest();
    put(&store, "other", Cell::Null).unwrap();
    store.commit();
    assert!(store.get(Table("kv"), &Key::from("key")).is_some());
    assert!(store.get(Table("kv"), &Key::from("other")).is_some());
    assert!(!store.flush_one());
    assert!(!store.is_durable(before) && !store.is_durable(store.newest()));
    real.crash(0);
    assert_eq!(real.rows(Table("kv")).count(), 1);
}

#[test]
fn a_ring_leaves_an_alarm_that_was_set_anew() {
    let (stored, store) = store();
    store.set_alarm(Some(AT));
    store.commit();
    store.flush_one();
    store.set_alarm(Some(LATER));
    store.commit();
    stored.lock().unwrap().take_alarm();
    write(&store);
    store.flush_one();
    store.flush_one();
    assert_eq!(store.alarm(), Some(LATER));
    assert_eq!(stored.lock().unwrap().durable_alarm(), Some(LATER));
}
