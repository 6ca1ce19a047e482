//! Failures that were found once, replayed from `scenarios/regressions/`: with its known bugs on, each
//! fails as it did, by the same trace or by another; with them off it is gone.

use scenarios::{hunts::HUNTS, regressions};
use sim::exploration::engine::Limits;
use std::{collections::BTreeSet, num::NonZeroUsize};

fn limits() -> Limits {
    Limits {
        jobs: NonZeroUsize::new(2).expect("not zero"),
        budget: None,
        interrupt: None,
    }
}

#[test]
fn every_regression_holds() {
    let mut wrong = Vec::new();
    let paths = regressions::all().expect("they are part of the repository");
    for path in &paths {
        match regressions::hold(path, limits()) {
            Ok(held) if held.is_right() => {}
            Ok(held) => wrong.push(format!("{}: {held:?}", path.display())),
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!paths.is_empty());
}

#[test]
fn every_known_bug_has_a_regression() {
    let paths = regressions::all().expect("they are part of the repository");
    let capsules = paths
        .iter()
        .map(|path| scenarios::capsules::file::read(path).expect("a capsule"));
    let guarded: BTreeSet<String> = capsules.flat_map(|capsule| capsule.quirks).collect();
    for hunt in HUNTS {
        let name = hunt.quirk.name();
        assert!(
            guarded.contains(name),
            "{name} has none: `streamsim hunt {name} --shrink`, then `streamsim replay --promote` what that wrote"
        );
    }
}
