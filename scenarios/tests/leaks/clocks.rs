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

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "clock-of-files",
        about: "the time at which a file was written",
        kind: Some("clock"),
        look: || {
            let own = format!("leaks-clock-{}-{:?}", process::id(), thread::current().id());
            let path = env::temp_dir().join(own);
            let written = fs::write(&path, "now").and_then(|()| fs::metadata(&path));
            let at = written.and_then(|file| file.modified());
            fs::remove_file(&path).expect("it was written");
            let since = at.expect("it has a time").duration_since(UNIX_EPOCH);
            found([since.expect("it is later than 1970").as_millis()])
        },
    },
    Leak {
        name: "clock-of-the-system",
        about: "for how long the system has been running, from /proc/uptime",
        kind: Some("clock"),
        look: || {
            let uptime = fs::read_to_string("/proc/uptime").expect("the system tells");
            found(uptime.split(' ').next())
        },
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
