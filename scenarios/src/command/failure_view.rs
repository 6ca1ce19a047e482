//! The block that ends the story of a failing world: what failed and when, the decisions that were
//! taken, whether a fresh process agrees, where it is written down, and what shows it again.

use super::{command_line::shows_again, confirmation::Confirmation, decisions_view};
use crate::palette::{BAD, STRONG};
use sim::{exploration::engine::World, world::Failure};
use std::path::PathBuf;

/// More decisions than this are only counted.
const DECISIONS_MAX: usize = 20;

/// What became of a failing world after it was run.
#[derive(Default)]
pub struct FollowUp {
    pub confirmation: Option<Confirmation>,
    pub report: Option<PathBuf>,
}

pub fn block(world: &World, failure: &Failure, follow_up: &FollowUp) -> String {
    let World { plan, outcome } = world;
    let Failure {
        key,
        kind,
        message,
        at_ms,
    } = failure;
    let (scenario, seed, kind) = (plan.scenario.name(), plan.seed, kind.name());
    let quirks: String = (plan.quirks.iter())
        .map(|quirk| format!(", with {quirk}"))
        .collect();
    let at_s = *at_ms as f64 / 1000.0;
    let mut text = format!(
        "{BAD}FAILED{BAD:#} {STRONG}{scenario}, seed {seed}{quirks}: {key}{STRONG:#} ({kind}) at {at_s:.3} s\n"
    );
    for line in message.lines() {
        text += &format!("  {line}\n");
    }
    match outcome.decision_count {
        0 => text += "  decisions: none, everything went its default way\n",
        count => text += &format!("  decisions: {count}\n"),
    }
    text += &decisions_view::lines(&outcome.decisions, DECISIONS_MAX);
    match &follow_up.confirmation {
        None => {}
        Some(Confirmation::Same) => {
            text += &format!(
                "  confirmed: a fresh process fails the same way, trace {}\n",
                outcome.trace
            );
        }
        Some(Confirmation::Different(found)) => {
            let trace = outcome.trace;
            text += &format!(
                "  {BAD}NOT DETERMINISTIC{BAD:#}: here {key}, trace {trace}; in a fresh process {found}\n"
            );
        }
    }
    if let Some(report) = &follow_up.report {
        text += &format!("  report: {}\n", report.display());
    }
    text += &format!("  again: {STRONG}{}{STRONG:#}\n", shows_again(plan));
    text
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;

    fn plain(confirmation: Confirmation) -> String {
        let world = fake::world(17, Some(("stream/offset-gap", FailureKind::Safety)));
        let follow_up = FollowUp {
            confirmation: Some(confirmation),
            report: Some("out/one.json".into()),
        };
        let block = block(&world, fake::failure(&world), &follow_up);
        anstream::adapter::strip_str(&block).to_string()
    }

    #[test]
    fn the_block_ends_with_the_command_that_shows_it_again() {
        let expected = "\
FAILED fake, seed 17: stream/offset-gap (safety) at 1.500 s
  offset 3 is missing
  decisions: 1
    rpc.delay  stream p1:/a  #2    +400 ms
  confirmed: a fresh process fails the same way, trace 0000000000000011
  report: out/one.json
  again: cargo run --release -- run fake --seed 17
";
        assert_eq!(plain(Confirmation::Same), expected);
    }

    #[test]
    fn a_failure_that_does_not_come_back_says_so() {
        let block = plain(Confirmation::Different("pass, trace 0f".to_owned()));
        let expected = "  NOT DETERMINISTIC: here stream/offset-gap, trace 0000000000000011; \
                        in a fresh process pass, trace 0f\n";
        assert!(block.contains(expected), "{block}");
    }
}
