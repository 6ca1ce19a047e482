//! State that outlives a world: in a static, and outside of the process; and state that is of the
//! process, and not of the world.
//!
//! madsim knows of neither. A static of the thread is none of these, as every world has a thread of its
//! own.

use crate::leak::{found, Leak};
use std::{
    cell::Cell,
    env, fs,
    os::unix::process::parent_id,
    path::PathBuf,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        LazyLock,
    },
};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A slot for each world that can run at the same time. That many are known before the first of them
/// runs: how many do run at a moment is the machine's business, and no test can rely on it.
static SLOTS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let jobs = env::args()
        .skip_while(|argument| argument != "--jobs")
        .nth(1);
    let jobs = jobs.map_or(1, |jobs| jobs.parse().expect("a number of threads"));
    (0..jobs).collect()
});

thread_local! {
    static NEXT_OF_THREAD: Cell<u64> = const { Cell::new(1) };
}

/// One for all processes that one `check` starts.
pub fn file(check: u32) -> PathBuf {
    env::temp_dir().join(format!("leaks-counter-{check}"))
}

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "counter-static",
        about: "numbers from an atomic in a static",
        kind: Some("leftover-state"),
        look: || found([NEXT.fetch_add(1, Relaxed)]),
    },
    Leak {
        name: "counter-file",
        about: "numbers from a file that is kept",
        kind: Some("leftover-state"),
        look: || {
            let path = file(parent_id());
            let last = fs::read_to_string(&path).unwrap_or_default();
            let next = last.parse().unwrap_or(0_u64) + 1;
            fs::write(&path, next.to_string()).expect("the file can be written");
            found([next])
        },
    },
    Leak {
        name: "counter-crowd",
        about: "the size of a static with a slot for each world at the same time",
        kind: Some("leftover-state"),
        look: || found([SLOTS.len()]),
    },
    Leak {
        name: "counter-thread",
        about: "numbers from a static of the thread",
        kind: None,
        look: || found([NEXT_OF_THREAD.replace(NEXT_OF_THREAD.get() + 1)]),
    },
];
