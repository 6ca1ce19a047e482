//! The progress of a sweep, on stderr, where that is a terminal and people are reading.

use super::flags::Format;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::{
    fmt::Write,
    io::{self, IsTerminal},
    time::Duration,
};

pub struct Progress {
    bar: ProgressBar,
    failed: u64,
}

impl Progress {
    /// `worlds` is how many there will be, if that is known.
    pub fn new(worlds: Option<u64>, format: Format) -> Self {
        let bar = match worlds {
            Some(worlds) => ProgressBar::new(worlds).with_style(style(
                "{bar:30} {human_pos} of {human_len} worlds, {rate}/s{msg}, {eta} to go",
            )),
            None => ProgressBar::no_length().with_style(style(
                "{spinner} {human_pos} worlds, {rate}/s{msg}, {elapsed} gone",
            )),
        };
        let shown = format == Format::Text && io::stderr().is_terminal();
        match shown {
            true => bar.enable_steady_tick(Duration::from_millis(100)),
            false => bar.set_draw_target(ProgressDrawTarget::hidden()),
        }
        Progress { bar, failed: 0 }
    }

    /// There will be so many more worlds than was known.
    pub fn expect(&self, worlds: u64) {
        self.bar.inc_length(worlds);
    }

    pub fn world_done(&mut self, failed: bool) {
        if failed {
            self.failed += 1;
            self.bar.set_message(format!(", {} failed", self.failed));
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is right");
    style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
        write!(text, "{:.0}", state.per_sec()).expect("a string");
    })
}
