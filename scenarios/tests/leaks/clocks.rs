//! Clocks of the real world.
//!
//! madsim answers the C library's `clock_gettime` and `gettimeofday`, which is what `SystemTime` and
//! `Instant` call: inside of a world they tell simulated time. It does not answer for the times that the
//! system writes down, or that it tells in files.

use crate::leak::{found, Leak};
use std::{
    env, fs, process, thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// What a clock tells when it has gone on. Those of the system count milliseconds at best, and two
/// processes may begin within one tick.
fn after_a_tick<T: PartialEq>(clock: impl Fn() -> T) -> T {
    let first = clock();
    loop {
        let now = clock();
        if now != first {
            return now;
        }
    }
}

/// In milliseconds since 1970.
fn time_of_a_file() -> u128 {
    let own = format!("leaks-clock-{}-{:?}", process::id(), thread::current().id());
    let path = env::temp_dir().join(own);
    let written = fs::write(&path, "now").and_then(|()| fs::metadata(&path));
    let at = written.and_then(|file| file.modified());
    fs::remove_file(&path).expect("it was written");
    let since = at.expect("it has a time").duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_millis()
}

fn uptime() -> String {
    let uptime = fs::read_to_string("/proc/uptime").expect("the system tells");
    uptime.split(' ').next().unwrap_or_default().to_owned()
}

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "clock-of-files",
        about: "the time at which a file was written",
        kind: Some("clock"),
        look: || found([after_a_tick(time_of_a_file)]),
    },
    Leak {
        name: "clock-of-the-system",
        about: "for how long the system has been running, from /proc/uptime",
        kind: Some("clock"),
        look: || found([after_a_tick(uptime)]),
    },
    Leak {
        name: "clock-of-std",
        about: "SystemTime and Instant",
        kind: None,
        look: || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = since.expect("it is later than 1970").as_micros();
            found([now.to_string(), format!("{:?}", Instant::now())])
        },
    },
];
