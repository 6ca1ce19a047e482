//! Worlds in which simulated time stands still.

use futures_util::future::BoxFuture;
use sim::{
    scenario::Scenario,
    world::{run, run_within, Hang, Plan, World},
};
use std::{
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Arc,
    },
    time::Duration,
};

/// The workload goes round in circles until it is told to stop.
struct Spinning;

static STOPPED: AtomicBool = AtomicBool::new(false);

impl Scenario for Spinning {
    fn name(&self) -> &'static str {
        "spinning"
    }

    fn about(&self) -> &'static str {
        "loops without time passing"
    }

    fn workload(&self, _: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async {
            while !STOPPED.load(Relaxed) {
                std::hint::spin_loop();
            }
        })
    }
}

#[test]
fn a_world_without_time_passing_is_given_up_and_one_that_ends_is_not() {
    let plan = Plan::new(&Spinning, 1);
    let limit = Duration::from_millis(200);
    let hang = run_within(&plan, limit).err();
    assert_eq!(hang, Some(Hang::Busy));
    STOPPED.store(true, Relaxed);
    let watched = run_within(&plan, Duration::from_secs(60)).ok();
    let trace = watched.map(|outcome| outcome.trace);
    assert_eq!(trace, Some(run(&plan).trace));
}
