//! `explore`: sweeps, their shards and their goals.

use crate::binary::{
    directory, explore, fields, of_type, stdout, streamsim, worlds, World, WORLD_FIELDS,
};
use serde_json::Value;
use std::fs;

#[test]
fn a_sweep_prints_every_world_and_a_summary() {
    // In a storm few worlds reach every goal.
    let storm = ["--faults", "storm", "--strategy", "random"];
    let sweep = ["slack-first-message", "--worlds", "120"];
    let lines = explore("sweep", &[&sweep[..], &storm].concat(), 0);
    let worlds = of_type(&lines, "world");
    assert_eq!(worlds.len(), 120);
    assert!(worlds.iter().all(|world| fields(world) == WORLD_FIELDS));
    let summary = lines.last().unwrap();
    let promised = [
        "type",
        "worlds",
        "passed",
        "failed",
        "wall_ms",
        "worlds_per_s",
        "sim_to_wall",
        "failures",
        "goals_missed",
        "oracles_idle",
        "fired",
        "goals",
        "exercised",
    ];
    assert_eq!(fields(summary), promised);
    assert_eq!(
        (&summary["type"], &summary["worlds"]),
        (&"summary".into(), &120.into())
    );
    assert_eq!(
        (&summary["passed"], &summary["failed"]),
        (&120.into(), &0.into())
    );
    assert_eq!(summary["failures"], Value::Array(Vec::new()));
    assert!(summary["sim_to_wall"].as_f64() > Some(1.0), "{summary}");
}

#[test]
fn shards_partition_the_sweep() {
    let sweep = |shard: &str| {
        let arguments = ["--worlds", "80", "--faults", "none", "--shard", shard];
        worlds(&explore(&shard.replace('/', "-of-"), &arguments, 0))
    };
    let whole = sweep("0/1");
    let shards = [sweep("0/3"), sweep("1/3"), sweep("2/3")];
    assert!(shards.iter().all(|shard| !shard.is_empty()));
    let mut together: Vec<World> = shards.concat();
    together.sort();
    let mut sorted = whole.clone();
    sorted.sort();
    assert_eq!(together, sorted);
}

#[test]
fn the_number_of_jobs_changes_nothing_that_is_printed() {
    let sweep = |jobs: &str| {
        let arguments = ["--worlds", "8", "--jobs", jobs];
        worlds(&explore(&format!("jobs-{jobs}"), &arguments, 6))
    };
    assert_eq!(sweep("1"), sweep("3"));
}

#[test]
fn a_tiny_sweep_misses_goals() {
    let lines = explore("tiny", &["slack-first-message", "--worlds", "1"], 6);
    let missed = lines.last().unwrap()["goals_missed"].as_array().unwrap();
    assert!(missed.contains(&"slack-first-message/input-below-anchor".into()));
}

/// One world does not hold everything that can be judged.
#[test]
fn a_sweep_in_which_an_oracle_has_nothing_to_judge_is_vacuous() {
    let lines = explore("idle", &["streams-tree", "--worlds", "1"], 6);
    let idle = lines.last().unwrap()["oracles_idle"].as_array().unwrap();
    assert!(idle.contains(&"streams-tree/delivery".into()), "{idle:?}");
    assert!(!idle.contains(&"streams-tree/log".into()), "{idle:?}");
}

#[test]
fn people_are_told_which_goals_were_missed() {
    let directory = directory("missed");
    let arguments = ["explore", "slack-first-message", "--worlds", "1"];
    let mut command = streamsim(&arguments);
    let output = command.arg("--out").arg(&directory).output().unwrap();
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(output.status.code(), Some(6));
    let text = stdout(&output);
    assert!(text.contains("1 world, 1 passed"), "{text}");
    assert!(
        text.contains("vacuous: no world of slack-first-message reached input-below-anchor"),
        "{text}"
    );
}
