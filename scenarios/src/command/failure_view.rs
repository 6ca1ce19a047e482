//! The block that ends the story of a failing world: what failed and when, the decisions that were
//! taken, whether a fresh process agrees, where it is written down, and what shows it again.

use super::{
    command_line::{replays, shows_again},
    confirmation::Confirmation,
    decisions_view,
    keep::{Kept, Shrinkage},
    plural::plural,
};
use crate::palette::{BAD, DIM, STRONG};
use sim::{
    exploration::engine::World,
    world::{Failure, Plan},
};

/// More decisions than this are only counted.
const DECISIONS_MAX: usize = 20;
/// More operations than this are only counted.
const OPERATIONS_MAX: usize = 12;

/// The block of a world that was only run.
pub fn block(world: &World, failure: &Failure) -> String {
    let again = shows_again(&world.plan);
    told(world, failure, &Told::default()) + &format!("  again: {STRONG}{again}{STRONG:#}\n")
}

/// The block of a world that was kept. `plan` is the one that first failed, if it is to be told.
pub fn kept(kept: &Kept, plan: Option<&Plan>) -> String {
    let failure = kept.world.outcome.failure.as_ref();
    let failure = failure.expect("a kept world failed");
    let before = kept.shrinkage.as_ref();
    let mut text = told(
        &kept.world,
        failure,
        &Told {
            operations_before: before.map(|it| it.operations_before),
            decisions_before: before.map(|it| it.decisions_before),
        },
    );
    if let Some(shrinkage) = &kept.shrinkage {
        text += &shrinkage_in_words(shrinkage);
    }
    let trace = kept.world.outcome.trace;
    match &kept.confirmation {
        Confirmation::Same => {
            text += &format!("  confirmed: a fresh process fails the same way, trace {trace}\n");
        }
        Confirmation::Different(found) => {
            let key = &failure.key;
            text += &format!(
                "  {BAD}NOT DETERMINISTIC{BAD:#}: here {key}, trace {trace}; in a fresh process {found}\n"
            );
        }
    }
    if let Some(plan) = plan {
        text += &format!("  from its seed: {}\n", shows_again(plan));
    }
    let again = match (kept.is_written, plan) {
        (false, Some(plan)) => shows_again(plan),
        _ => {
            text += &format!("  capsule: {}\n", kept.path.display());
            replays(&kept.path)
        }
    };
    text + &format!("  again: {STRONG}{again}{STRONG:#}\n")
}

fn shrinkage_in_words(shrinkage: &Shrinkage) -> String {
    let worlds = plural(shrinkage.worlds, "world");
    let wall_s = shrinkage.wall.as_secs_f64();
    let cut_short = match shrinkage.is_complete {
        true => "",
        false => ", and not to the end",
    };
    format!("  {DIM}shrunk in {worlds}, {wall_s:.1} s{cut_short}{DIM:#}\n")
}

/// How many there were before shrinking, if it was shrunk.
#[derive(Default)]
struct Told {
    operations_before: Option<usize>,
    decisions_before: Option<usize>,
}

fn told(world: &World, failure: &Failure, before: &Told) -> String {
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
    let of = |before: Option<usize>| before.map_or(String::new(), |count| format!(" of {count}"));
    let operations = outcome.operation_count;
    text += &format!(
        "  operations: {operations}{}\n",
        of(before.operations_before)
    );
    if before.operations_before.is_some() {
        for performed in outcome.operations.iter().take(OPERATIONS_MAX) {
            let operation = &performed.operation;
            let (actor, n, does) = (&operation.actor, operation.n, &operation.does);
            text += &format!("    {actor} #{n}  {does}\n");
        }
    }
    match outcome.decision_count {
        0 => text += "  decisions: none, everything went its default way\n",
        count => text += &format!("  decisions: {count}{}\n", of(before.decisions_before)),
    }
    text + &decisions_view::lines(&outcome.decisions, DECISIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;
    use std::time::Duration;

    fn plain(confirmation: Confirmation) -> String {
        let kept = Kept {
            world: fake::world(17, Some(("stream/offset-gap", FailureKind::Safety))),
            path: "out/one.json".into(),
            is_written: true,
            confirmation,
            shrinkage: Some(Shrinkage {
                operations_before: 6,
                decisions_before: 17,
                worlds: 212,
                wall: Duration::from_millis(1_240),
                is_complete: true,
            }),
        };
        let block = super::kept(&kept, Some(&kept.world.plan));
        anstream::adapter::strip_str(&block).to_string()
    }

    #[test]
    fn the_block_ends_with_the_command_that_shows_it_again() {
        let expected = "\
FAILED fake, seed 17: stream/offset-gap (safety) at 1.500 s
  offset 3 is missing
  operations: 0 of 6
  decisions: 1 of 17
    rpc.delay  stream p1:/a  #2    +400 ms
  shrunk in 212 worlds, 1.2 s
  confirmed: a fresh process fails the same way, trace 0000000000000011
  from its seed: cargo run --release -- run fake --seed 17
  capsule: out/one.json
  again: cargo run --release -- replay out/one.json
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
