//! The order of std's hash maps.
//!
//! Each thread draws the keys of its maps once, and counts on from there with every map. madsim draws
//! them from the seed of the first runtime of a thread, and a world has a thread of its own: a map that
//! is made inside of a world has the same order each time. It leaks where the map is older than the
//! world: made by `main`, whose keys are random; or in a static, by whichever world came first.

use crate::leak::{found, Leak};
use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

/// Settings that `main` reads, and hands to everybody.
static SETTINGS: OnceLock<HashMap<u64, &str>> = OnceLock::new();

/// A table that is made when it is first used.
static TABLE: LazyLock<HashMap<u64, &str>> = LazyLock::new(table);

/// With so many keys two maps have the same order once in millions of times.
fn table() -> HashMap<u64, &'static str> {
    (1..=12).map(|number| (number, "a value")).collect()
}

/// As `main` does, outside of any world.
pub fn read_settings() {
    SETTINGS.set(table()).expect("they are read once");
}

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "hash-settings",
        about: "settings in a hash map that main has made",
        kind: Some("hash-order"),
        look: || found(SETTINGS.get().into_iter().flat_map(HashMap::keys)),
    },
    Leak {
        name: "hash-static",
        about: "a hash map in a static, made by the first world that looks",
        kind: Some("hash-order"),
        look: || found(TABLE.keys()),
    },
    Leak {
        name: "hash-own",
        about: "a hash map that the world itself has made",
        kind: None,
        look: || found(table().into_keys()),
    },
];
