//! Command lines of ours, as arguments and as text: what shows a world again.

use super::{
    decide,
    flags::{word, FAULTS, STRATEGIES},
};
use crate::registry;
use sim::{
    exploration::schedule::Settings,
    world::{FaultLevel, Plan, Strategy},
};
use std::path::Path;

/// `run SCENARIO --seed N`, and every setting that is not the default.
pub fn run_arguments(plan: &Plan) -> Vec<String> {
    let mut arguments = vec![
        "run".to_owned(),
        plan.scenario.name().to_owned(),
        "--seed".to_owned(),
        plan.seed.to_string(),
    ];
    arguments.extend(settings_arguments(&Settings {
        quirks: plan.quirks,
        faults: plan.faults,
        strategy: plan.strategy,
    }));
    for decision in &plan.forced {
        arguments.extend(["--decide".to_owned(), decide::spelled(decision)]);
    }
    arguments
}

/// Every setting that is not the default.
pub fn settings_arguments(settings: &Settings) -> Vec<String> {
    let mut arguments = Vec::new();
    for quirk in settings.quirks.iter() {
        arguments.extend(["--quirk".to_owned(), quirk.to_string()]);
    }
    if settings.faults != FaultLevel::Swarm {
        let faults = word(&FAULTS, settings.faults);
        arguments.extend(["--faults".to_owned(), faults.to_owned()]);
    }
    if settings.strategy != Strategy::Swarm {
        let strategy = word(&STRATEGIES, settings.strategy);
        arguments.extend(["--strategy".to_owned(), strategy.to_owned()]);
    }
    arguments
}

/// The complete command that shows a world again: from the root of the repository, or, of a program
/// with scenarios of its own, from where it was called.
pub fn shows_again(plan: &Plan) -> String {
    complete(run_arguments(plan))
}

/// The complete command with these arguments, from the same places.
pub fn complete(arguments: Vec<String>) -> String {
    let program = program();
    let arguments = arguments.into_iter().map(quoted);
    format!("{program} {}", arguments.collect::<Vec<_>>().join(" "))
}

/// The complete command that replays a capsule.
pub fn replays(capsule: &Path) -> String {
    format!(
        "{} replay {}",
        program(),
        quoted(capsule.display().to_string())
    )
}

fn program() -> String {
    match registry::is_ours() {
        true => "cargo run --release --".to_owned(),
        false => std::env::args().next().unwrap_or_default(),
    }
}

/// As a shell takes it: in single quotes, if it has any letter that a shell might read.
fn quoted(argument: String) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._/:".contains(letter);
    match argument.chars().all(is_plain) {
        true => argument,
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;
    use runtime::quirk::{Quirk, Quirks};

    #[test]
    fn only_settings_that_are_not_the_default_are_spelled_out() {
        let plain = Plan::new(&Fake, 17);
        assert_eq!(
            shows_again(&plain),
            "cargo run --release -- run fake --seed 17"
        );
        let special = Plan {
            quirks: Quirks::NONE.with(Quirk::B28).with(Quirk::B09),
            faults: FaultLevel::Storm,
            strategy: Strategy::Random,
            ..plain
        };
        assert_eq!(
            run_arguments(&special).join(" "),
            "run fake --seed 17 --quirk B-09 --quirk B-28 --faults storm --strategy random"
        );
    }

    #[test]
    fn forced_decisions_are_quoted_for_a_shell() {
        let decision = decide::decision("rpc.delay|agent p1:/a → stream p1:/a's|3=250");
        let plan = Plan {
            forced: vec![decision.unwrap()],
            ..Plan::new(&Fake, 17)
        };
        assert_eq!(
            shows_again(&plan),
            "cargo run --release -- run fake --seed 17 --decide \
             'rpc.delay|agent p1:/a → stream p1:/a'\\''s|3=250'"
        );
    }
}
