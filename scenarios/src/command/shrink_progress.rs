//! How shrinking gets on, on stderr, where that is a terminal and people are reading.

use super::plural::plural;
use indicatif::{ProgressBar, ProgressDrawTarget};
use sim::exploration::{engine::World, shrink::Watcher};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};

pub struct ShrinkProgress {
    bar: ProgressBar,
    key: String,
}

impl ShrinkProgress {
    pub fn new(world: &World, is_shown: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        match is_shown && io::stderr().is_terminal() {
            true => bar.enable_steady_tick(Duration::from_millis(100)),
            false => bar.set_draw_target(ProgressDrawTarget::hidden()),
        }
        let failure = world.outcome.failure.as_ref();
        let key = failure.map_or_else(String::new, |failure| failure.key.clone());
        let mut progress = ShrinkProgress { bar, key };
        progress.smaller(world, 0);
        progress
    }
}

impl Watcher for ShrinkProgress {
    fn smaller(&mut self, world: &World, worlds: u64) {
        let operations = plural(world.outcome.operation_count as u64, "operation");
        let decisions = plural(world.outcome.decision_count as u64, "decision");
        let (key, worlds) = (&self.key, plural(worlds, "world"));
        self.bar.set_message(format!(
            "shrinking {key}: {operations}, {decisions} after {worlds}"
        ));
    }
}

impl Drop for ShrinkProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
