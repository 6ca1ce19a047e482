//! `sweep`: a world for every point of a run; and `run --decide`, which shows one of them again.

use crate::binary::{directory, fields, json_lines, of_type, stderr, stdout, streamsim};
use serde_json::Value;
use std::fs;

const FIELDS: [&str; 8] = [
    "type",
    "scenario",
    "seed",
    "points",
    "survived",
    "failures",
    "left_out",
    "run_failed",
];

/// `sweep --format json`, with its reports in a directory of its own; its lines.
fn sweep(test: &str, arguments: &[&str], exit: i32) -> Vec<Value> {
    let directory = directory(test);
    let mut command = streamsim(&["sweep", "--format", "json", "--out"]);
    let lines = json_lines(command.arg(&directory).args(arguments), exit);
    fs::remove_dir_all(&directory).expect("sweep made the directory");
    lines
}

/// A run with a bug that a crash after a call brings out.
const BUGGY: [&str; 5] = [
    "streams-idle",
    "--quirk",
    "B-20",
    "--site",
    "crash.after-call",
];

#[test]
fn every_crash_point_of_a_run_is_survived() {
    let lines = sweep("sweep-calm", &["streams-tree", "--seed", "1"], 0);
    let [swept] = &lines[..] else {
        panic!("one run, one line: {lines:?}");
    };
    assert_eq!(fields(swept), FIELDS);
    assert!(swept["points"].as_u64() > Some(50), "{swept}");
    assert_eq!(swept["points"], swept["survived"]);
    assert_eq!(swept["failures"], Value::Array(Vec::new()));
}

#[test]
fn a_point_that_is_not_survived_is_named_and_shown_again() {
    let lines = sweep("sweep-buggy", &[&BUGGY[..], &["--seed", "1"]].concat(), 1);
    let swept = &lines[0];
    let failures = swept["failures"].as_array().unwrap();
    let lost = swept["points"].as_u64().unwrap() - swept["survived"].as_u64().unwrap();
    assert_eq!(failures.len() as u64, lost);
    let failure = &failures[0];
    let words = failure["in_words"][0].as_str().unwrap();
    assert!(words.starts_with("crash.after-call of "), "{words}");
    assert!(
        words.contains(" time, at ") && words.contains(" s: after "),
        "{words}"
    );
    let decision = failure["decisions"][0].as_str().unwrap();
    let command = failure["command"].as_str().unwrap();
    let again =
        format!("run streams-idle --seed 1 --quirk B-20 --faults none --decide '{decision}'");
    assert!(command.ends_with(&again), "{command}");

    let run = ["run", "streams-idle", "--quirk", "B-20", "--faults", "none"];
    let mut run = streamsim(&run);
    let run = run.args(["--format", "json", "--decide", decision]);
    let output = run.output().unwrap();
    let world: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(world["failure"]["key"], failure["key"]);
    assert_eq!(world["failure"]["message"], failure["message"]);
}

#[test]
fn people_see_a_table_and_the_block_of_the_last_failure() {
    let directory = directory("sweep-text");
    let mut command = streamsim(&["sweep", "--out"]);
    let command = command.arg(&directory).args(BUGGY);
    let output = command.output().unwrap();
    fs::remove_dir_all(&directory).unwrap();
    let (text, told) = (stdout(&output), stderr(&output));
    assert!(text.starts_with("streams-idle, seed 1: "), "{text}");
    for part in ["  crash.after-call ", "not survived crash.after-call of "] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(
        told.contains("confirmed: a fresh process fails the same way"),
        "{told}"
    );
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("  again: ") && last.contains(" replay "),
        "{last}"
    );
    assert!(told.contains("--decide 'crash."), "{told}");
}

#[test]
fn a_sample_of_pairs_is_the_same_on_any_number_of_jobs() {
    let pairs = |jobs: &str| {
        let arguments = ["--depth", "2", "--max-worlds", "60", "--jobs", jobs];
        sweep(
            &format!("sweep-{jobs}"),
            &[&BUGGY[..], &arguments].concat(),
            1,
        )
    };
    let one = pairs("1");
    assert_eq!(one, pairs("3"));
    assert!(one[0]["left_out"].as_u64() > Some(0), "{one:?}");
    let failures = one[0]["failures"].as_array().unwrap();
    let is_pair = |failure: &&Value| failure["decisions"].as_array().unwrap().len() == 2;
    let pair = failures
        .iter()
        .find(is_pair)
        .expect("a pair that is not survived");
    assert_eq!(pair["in_words"].as_array().unwrap().len(), 2);
}

#[test]
fn every_scenario_is_swept_by_default_and_every_variant_of_a_site() {
    // Few points each; the peers that do not come up have none.
    let arguments = [
        "--site",
        "peer.slack.duplicate",
        "--max-worlds",
        "2",
        "--seeds",
        "1..3",
    ];
    let lines = sweep("sweep-all", &arguments, 0);
    let scenarios: Vec<&Value> = lines.iter().map(|line| &line["scenario"]).collect();
    assert_eq!(scenarios.len() % 2, 0, "two seeds of each");
    assert_eq!(scenarios[0], scenarios[1]);
    let points: u64 = lines
        .iter()
        .map(|line| line["points"].as_u64().unwrap())
        .sum();
    assert!(points > 0 && of_type(&lines, "sweep").len() == lines.len());
}

#[test]
fn a_site_that_never_comes_up_is_vacuous() {
    let arguments = ["streams-tree", "--site", "peer.slack.redeliver"];
    let lines = sweep("sweep-vacuous", &arguments, 6);
    assert_eq!(lines[0]["points"], 0);
}

#[test]
fn a_decision_that_never_came_up_is_told() {
    let run = ["run", "streams-tree", "--faults", "none", "--decide"];
    let decision = "crash.after-commit|agent p1:/nobody|3=yes";
    let output = streamsim(&run).arg(decision).output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let text = stdout(&output);
    assert!(
        text.contains(&format!("never came up: {decision}\n")),
        "{text}"
    );
    let mut command = streamsim(&run);
    let lines = json_lines(command.args([decision, "--format", "json"]), 6);
    assert_eq!(lines[0]["never_came_up"][0], decision);
}

#[test]
fn a_world_that_does_not_end_in_time_is_a_failure_of_the_harness() {
    for command in ["run", "explore"] {
        let directory = directory(&format!("hang-{command}"));
        let mut hanging = streamsim(&[command, "whole-platform", "--hang-after", "1ms"]);
        if command == "explore" {
            hanging.arg("--out").arg(&directory);
        }
        let output = hanging.output().unwrap();
        let _ = fs::remove_dir_all(&directory);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(70), "{told}");
        for part in [
            "whole-platform, seed 1",
            "did not end within 1ms",
            "run whole-platform --seed 1",
        ] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
    }
}
