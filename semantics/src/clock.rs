//! Tasks on one thread, and a clock that stands still while any of them can run.
//!
//! Nothing sleeps: when all wait, the clock goes on to the next timer. Tasks run in the order in which
//! they were woken, so a story is told the same way every time.

use futures_util::{
    future::{AbortHandle, Abortable, LocalBoxFuture},
    stream::{FuturesUnordered, StreamExt},
    task::{waker, ArcWake},
};
use runtime::event::Timestamp;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{pending, poll_fn, Future},
    pin::{pin, Pin},
    rc::Rc,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    task::{Context, Poll, Waker},
};

/// When every clock begins, in Unix milliseconds.
pub const BEGAN_MS: i64 = 1_772_136_258_000;

/// When a timer rings, and which of those that ring then comes first.
type Timer = (u64, u64);

#[derive(Clone, Default)]
pub struct Clock(Rc<Inner>);

#[derive(Default)]
struct Inner {
    elapsed_ms: Cell<u64>,
    timers: RefCell<BTreeMap<Timer, Option<Waker>>>,
    timers_set: Cell<u64>,
    tasks: RefCell<FuturesUnordered<LocalBoxFuture<'static, ()>>>,
    spawned: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

struct Woken(AtomicBool);

impl ArcWake for Woken {
    fn wake_by_ref(woken: &Arc<Self>) {
        woken.0.store(true, Ordering::Relaxed);
    }
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(BEGAN_MS + self.0.elapsed_ms.get() as i64)
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.0.elapsed_ms.get()
    }

    pub fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        let number = self.0.timers_set.get() + 1;
        self.0.timers_set.set(number);
        let timer = (self.elapsed_ms() + duration_ms, number);
        self.0.timers.borrow_mut().insert(timer, None);
        Box::pin(Sleep {
            clock: self.clone(),
            timer,
        })
    }

    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        let work = Abortable::new(work, registration);
        self.0.spawned.borrow_mut().push(Box::pin(async {
            let _ = work.await;
        }));
        handle
    }

    /// Runs what can run now.
    pub fn settle(&self) {
        self.settle_beside(pin!(pending()));
    }

    /// Runs work to its end, and time with it where everything waits for that. `None`: everything
    /// waits, and for no timer.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut outcome = None;
        {
            let mut main = pin!(async { outcome = Some(work.await) });
            while !self.settle_beside(main.as_mut()) && self.ring_next(u64::MAX) {}
        }
        outcome
    }

    /// Runs what can run now, first of all `main`; at its end at once.
    fn settle_beside(&self, mut main: Pin<&mut dyn Future<Output = ()>>) -> bool {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = waker(woken.clone());
        let mut cx = Context::from_waker(&waker);
        while woken.0.swap(false, Ordering::Relaxed) || !self.0.spawned.borrow().is_empty() {
            if main.as_mut().poll(&mut cx).is_ready() {
                return true;
            }
            let mut tasks = self.0.tasks.borrow_mut();
            tasks.extend(self.0.spawned.take());
            while let Poll::Ready(Some(())) = tasks.poll_next_unpin(&mut cx) {}
        }
        false
    }

    /// Lets that much time go by.
    pub fn pass_ms(&self, duration_ms: u64) {
        let end_ms = self.elapsed_ms() + duration_ms;
        self.settle();
        while self.ring_next(end_ms) {
            self.settle();
        }
        self.0.elapsed_ms.set(end_ms);
    }

    /// Drops all tasks: what they hold holds this clock.
    pub fn end(&self) {
        let spawned = self.0.spawned.take();
        let tasks = self.0.tasks.take();
        drop((spawned, tasks));
    }

    /// Goes on to the next timer, if one rings by then.
    fn ring_next(&self, by_ms: u64) -> bool {
        let mut timers = self.0.timers.borrow_mut();
        let Some((&(at_ms, number), _)) = timers.first_key_value() else {
            return false;
        };
        if at_ms > by_ms {
            return false;
        }
        let waker = timers.remove(&(at_ms, number)).flatten();
        drop(timers);
        self.0.elapsed_ms.set(at_ms.max(self.elapsed_ms()));
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

/// Lets the others run first.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

struct Sleep {
    clock: Clock,
    timer: Timer,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.clock.0.timers.borrow_mut().get_mut(&self.timer) {
            None => Poll::Ready(()),
            Some(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.timers.borrow_mut().remove(&self.timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_by_when_all_wait_and_timers_ring_in_their_order() {
        let clock = Clock::default();
        let rung = Rc::new(RefCell::new(Vec::new()));
        for ms in [30, 10, 20, 10] {
            let (rung, clock) = (rung.clone(), clock.clone());
            clock.clone().spawn(async move {
                clock.sleep(ms).await;
                rung.borrow_mut().push((ms, clock.elapsed_ms()));
            });
        }
        clock.pass_ms(20);
        assert_eq!(rung.take(), [(10, 10), (10, 10), (20, 20)]);
        assert_eq!(clock.run(clock.sleep(100)), Some(()));
        assert_eq!(rung.take(), [(30, 30)]);
        assert_eq!(clock.elapsed_ms(), 120);
    }

    #[test]
    fn what_waits_for_nothing_does_not_end() {
        let clock = Clock::default();
        assert_eq!(clock.run(std::future::pending::<()>()), None);
    }

    #[test]
    fn aborted_work_is_gone() {
        let clock = Clock::default();
        let rung = Rc::new(Cell::new(false));
        let (there, sleep) = (rung.clone(), clock.sleep(1));
        let task = clock.spawn(async move {
            sleep.await;
            there.set(true);
        });
        clock.settle();
        task.abort();
        clock.pass_ms(10);
        assert!(!rung.get());
    }
}
