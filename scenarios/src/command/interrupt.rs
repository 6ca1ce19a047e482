//! Ctrl-C: the first one ends what can be ended in good order (a sweep, a shrinking), and what was
//! found so far is told and kept; the second one ends the process.

use std::{
    process,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Once,
    },
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a shell takes for a process that an interrupt ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Is set by the first Ctrl-C from now on.
pub fn listen() -> &'static AtomicBool {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| {
        let listening = ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Relaxed) {
                process::exit(EXIT_INTERRUPTED);
            }
            eprintln!("\nstreamsim: interrupted; once more to end at once");
        });
        // Without a handler, Ctrl-C ends the process as ever.
        drop(listening);
    });
    &INTERRUPTED
}

pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Relaxed)
}
