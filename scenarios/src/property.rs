//! Property tests of whole worlds, and what a fuzzer calls: a world that fails ends as a capsule.

use crate::{
    capsules::{
        capture,
        file::{self, file_name},
    },
    command::story,
};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sim::{
    exploration::{
        engine::{Limits, World},
        shrink::{shrink, Bounds},
    },
    property::{strategy, WorldBytes},
    scenario::Scenario,
    world::{run, Plan},
};
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

const SHRINKING: Bounds = Bounds {
    worlds_max: 3_000,
    wall: Duration::from_secs(60),
};

/// Where capsules go.
fn out() -> PathBuf {
    PathBuf::from("target/streamsim")
}

/// Runs so many worlds of these scenarios, the same ones each time.
///
/// # Panics
/// One fails: with its story, and the capsule that was written, as small as it got.
pub fn worlds_hold(scenarios: &[&'static dyn Scenario], cases: u32) {
    let config = Config {
        cases,
        // Shrinking bytes would be slower than shrinking operations and decisions.
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, chance);
    let count = u8::try_from(scenarios.len()).unwrap_or(u8::MAX);
    let tried = runner.run(
        &strategy(count),
        |bytes| match run(&bytes.plan(scenarios)).failure {
            None => Ok(()),
            Some(failure) => Err(TestCaseError::fail(failure.to_string())),
        },
    );
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(_, bytes)) => panic!("{}", kept(&bytes.plan(scenarios), &out())),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Runs one world, from a fuzzer's bytes.
///
/// # Panics
/// It fails, as in [`worlds_hold`].
pub fn world_holds(scenarios: &[&'static dyn Scenario], bytes: &WorldBytes) {
    let plan = bytes.plan(scenarios);
    if run(&plan).failure.is_some() {
        panic!("{}", kept(&plan, &out()));
    }
}

/// Shrinks a failing world, writes it down, and tells of it.
fn kept(plan: &Plan, out: &Path) -> String {
    let failed = World {
        outcome: run(&Plan {
            keep: true,
            ..plan.clone()
        }),
        plan: plan.clone(),
    };
    let limits = Limits {
        jobs: NonZeroUsize::MIN,
        budget: None,
        interrupt: None,
    };
    let world = shrink(&failed, SHRINKING, limits, run, &mut ()).map_or(failed, |it| it.world);
    let Some(capsule) = capture(&world, run) else {
        return "a world failed, and what is recorded of it takes another course: it is not \
                deterministic"
            .to_owned();
    };
    let name = file_name(&["property", &capsule.scenario, &capsule.failure.key]);
    let path = out.join(name);
    let written = std::fs::create_dir_all(out).and_then(|()| file::write(&path, &capsule));
    let written = match written {
        Ok(()) => format!("capsule: {}", path.display()),
        Err(error) => format!("capsule {} could not be written: {error}", path.display()),
    };
    format!("{}\n{written}", story(&capsule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registry, streams};
    use runtime::quirk::{Quirk, Quirks};
    use sim::capsule::Capsule;

    /// The scenario in a world with a bug.
    fn failing_plan() -> Plan {
        let bytes = WorldBytes {
            scenario: 0,
            seed: 1,
            operations: vec![0xFF; 40],
            decisions: vec![0xF0; 40],
        };
        Plan {
            quirks: Quirks::NONE.with(Quirk::B07),
            ..bytes.plan(&[&streams::Tree])
        }
    }

    #[test]
    fn a_failing_world_ends_as_a_capsule() {
        let out = std::env::temp_dir().join(format!("streamsim-property-{}", std::process::id()));
        let told = kept(&failing_plan(), &out);
        assert!(told.contains("announcement/uninitialized"), "{told}");
        let path = out.join("property-streams-tree-announcement-uninitialized.json");
        assert!(
            told.ends_with(&format!("capsule: {}", path.display())),
            "{told}"
        );
        let capsule: Capsule = file::read(&path).unwrap();
        let (operations, decisions) = (capsule.operations.unwrap(), capsule.decisions);
        assert!(operations.len() + decisions.len() <= 2, "it is shrunk");
        std::fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn worlds_of_every_scenario_hold() {
        worlds_hold(registry::scenarios(), 60);
    }
}
