//! A world that is watched from outside: one that loops without simulated time passing, or waits in a
//! lock for ever, cannot notice it itself.
//!
//! What counts is the CPU time of its thread. Wall time would blame a world for whatever else its
//! machine does: a starved one takes minutes for what needs seconds.

use super::{
    run::{join, start},
    Outcome, Plan,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

/// The wall time between two looks at a world. The system may count no finer.
const LOOK: Duration = Duration::from_millis(10);
/// The least wall time that a world may do nothing: a thread of a busy machine can wait for its turn.
const IDLE_MIN: Duration = Duration::from_secs(10);

/// A world that was given up. Its thread goes on until the process ends: no thread can be stopped from
/// outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// It used up its limit of CPU time; of wall time, where the system does not tell.
    Busy,
    /// It used no CPU time at all for as long as its limit, and for ten seconds at least.
    Idle,
}

/// As [`run`], but gives the world no more than `limit` of CPU time. How it is watched changes nothing
/// in it.
///
/// # Errors
/// The world did not end in time.
///
/// [`run`]: super::run()
pub fn run_within(plan: &Plan, limit: Duration) -> Result<Outcome, Hang> {
    let (running, world) = start(plan);
    if let Ok(cpu_time) = running.recv() {
        Patience::of(limit).watch(&running, || cpu_time.used())?;
    }
    Ok(join(world))
}

struct Patience {
    look: Duration,
    busy: Duration,
    idle: Duration,
}

impl Patience {
    fn of(limit: Duration) -> Self {
        Patience {
            look: LOOK,
            busy: limit,
            idle: limit.max(IDLE_MIN),
        }
    }

    /// Until the other side of `running` is dropped. Looks are counted, and no clock is read: a process
    /// that was stopped for an hour has missed one look.
    fn watch<T>(
        &self,
        running: &Receiver<T>,
        cpu_time: impl Fn() -> Option<Duration>,
    ) -> Result<(), Hang> {
        let (mut looks, mut idle, mut last) = (0, 0, Duration::ZERO);
        while matches!(
            running.recv_timeout(self.look),
            Err(RecvTimeoutError::Timeout)
        ) {
            looks += 1;
            let used = cpu_time();
            if used.unwrap_or(self.look * looks) >= self.busy {
                return Err(Hang::Busy);
            }
            idle = if used == Some(last) { idle + 1 } else { 0 };
            if self.look * idle >= self.idle {
                return Err(Hang::Idle);
            }
            last = used.unwrap_or_default();
        }
        Ok(())
    }
}

/// Tells how much CPU time a thread has used.
pub struct CpuTime(Option<PathBuf>);

impl CpuTime {
    pub fn of_this_thread() -> Self {
        let thread = fs::read_link("/proc/thread-self").ok();
        CpuTime(thread.map(|thread| Path::new("/proc").join(thread).join("schedstat")))
    }

    /// None where the system does not tell; Linux does.
    fn used(&self) -> Option<Duration> {
        let told = fs::read_to_string(self.0.as_ref()?).ok()?;
        let used_ns = told.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(used_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, sync::mpsc};

    const PATIENCE: Patience = Patience {
        look: Duration::from_micros(100),
        busy: Duration::from_micros(2_000),
        idle: Duration::from_micros(800),
    };

    /// What becomes of a world that has used so many microseconds at each look, and ends at the
    /// hundredth; and how often it was looked at.
    fn watched(used_us: impl Fn(u64) -> Option<u64>) -> (Result<(), Hang>, u64) {
        let (world, running) = mpsc::channel::<()>();
        let (world, looks) = (Cell::new(Some(world)), Cell::new(0));
        let cpu_time = || {
            looks.set(looks.get() + 1);
            if looks.get() == 100 {
                world.take();
            }
            used_us(looks.get()).map(Duration::from_micros)
        };
        let watched = PATIENCE.watch(&running, cpu_time);
        (watched, looks.get())
    }

    #[test]
    fn a_starved_world_is_waited_for() {
        assert_eq!(watched(Some), (Ok(()), 100));
    }

    #[test]
    fn a_world_may_do_nothing_for_a_while() {
        assert_eq!(watched(|look| Some(look / 8)), (Ok(()), 100));
    }

    #[test]
    fn a_world_that_uses_up_its_time_is_given_up() {
        assert_eq!(watched(|look| Some(100 * look)), (Err(Hang::Busy), 20));
    }

    #[test]
    fn a_world_that_does_nothing_is_given_up() {
        assert_eq!(watched(|look| Some(look.min(3))), (Err(Hang::Idle), 11));
    }

    #[test]
    fn where_the_system_does_not_tell_wall_time_counts() {
        assert_eq!(watched(|_| None), (Err(Hang::Busy), 20));
    }

    #[test]
    fn a_thread_that_works_uses_time() {
        let cpu_time = CpuTime::of_this_thread();
        assert_eq!(cpu_time.used().is_some(), cfg!(target_os = "linux"));
        let goal = Duration::from_millis(20);
        while cpu_time.used().is_some_and(|used| used < goal) {
            std::hint::spin_loop();
        }
    }
}
