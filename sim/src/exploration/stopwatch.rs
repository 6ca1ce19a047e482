//! Real time, inside of a world. On a world's thread madsim answers every clock with simulated time;
//! another thread, started before the world, reads the real one.

use std::{
    sync::{
        mpsc::{channel, Receiver, Sender},
        Mutex,
    },
    thread,
    time::{Duration, Instant},
};

/// Its readings cost a change of threads, some 10 µs: time what takes milliseconds.
pub struct Stopwatch(Mutex<Readings>);

struct Readings {
    ask: Sender<()>,
    now: Receiver<Instant>,
    last: Instant,
}

impl Stopwatch {
    /// # Panics
    /// No thread can be started: not on the thread of a world.
    pub fn start() -> Self {
        let (ask, asked) = channel();
        let (answer, now) = channel();
        thread::spawn(
            move || {
                while asked.recv().is_ok() && answer.send(Instant::now()).is_ok() {}
            },
        );
        let last = Instant::now();
        Stopwatch(Mutex::new(Readings { ask, now, last }))
    }

    /// The real time since the last reading.
    pub fn lap(&self) -> Duration {
        let mut readings = self.0.lock().expect("one reader at a time");
        readings.ask.send(()).expect("the clock's thread lives");
        let now = readings.now.recv().expect("the clock's thread lives");
        now - std::mem::replace(&mut readings.last, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use madsim::{runtime::Runtime, time::sleep};

    #[test]
    fn an_hour_of_simulation_is_no_time() {
        let stopwatch = Stopwatch::start();
        thread::scope(|scope| {
            scope.spawn(|| {
                Runtime::new().block_on(async {
                    stopwatch.lap();
                    sleep(Duration::from_secs(3_600)).await;
                    assert!(stopwatch.lap() < Duration::from_secs(60));
                });
            });
        });
        thread::sleep(Duration::from_millis(20));
        assert!(stopwatch.lap() >= Duration::from_millis(20));
    }
}
