//! A guard against worlds that never end: one that loops without simulated time passing, or waits in a
//! lock, would hang the process, and say nothing.

use super::{command_line::shows_again, values};
use sim::world::{run_within, Hang, Outcome, Plan};
use std::{panic::resume_unwind, time::Duration};

/// How long a world may take.
#[derive(clap::Args)]
pub struct GuardFlag {
    /// A world that takes more CPU time than this hangs, and one that takes none for as long: a failure
    /// of the harness, which ends the command.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = values::budget)]
    hang_after: Duration,
}

impl GuardFlag {
    /// Runs worlds; one that does not end in time is a panic with a sentence.
    pub fn run(&self) -> impl Fn(&Plan) -> Outcome + Sync {
        let limit = self.hang_after;
        move |plan| {
            run_within(plan, limit).unwrap_or_else(|hang| {
                let what = match hang {
                    Hang::Busy => format!(
                        "did not end within {limit:?} of CPU time: it loops without simulated time \
                         passing, or it needs a longer --hang-after"
                    ),
                    Hang::Idle => "has long used no CPU time: it waits for something that is not \
                         simulated, such as a lock"
                        .to_owned(),
                };
                let sentence = format!("the world {what}. Again: {}", shows_again(plan));
                // It is told by whoever catches it, so the panic hook need not tell it as well.
                resume_unwind(Box::new(sentence))
            })
        }
    }

    /// The flag itself, for another process.
    pub fn arguments(&self) -> [String; 2] {
        let limit_ms = self.hang_after.as_millis();
        ["--hang-after".to_owned(), format!("{limit_ms}ms")]
    }
}
