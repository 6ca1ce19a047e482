//! What becomes of failing worlds: told, written down, and shown again by the command that is told.

use crate::binary::{directory, fields, stderr, stdout, streamsim};
use serde_json::Value;
use sim::capsule::Capsule;
use std::fs;

const SWEEP: [&str; 6] = [
    "explore",
    "slack-first-message",
    "--quirk",
    "B-20",
    "--seeds",
    "1..13",
];

/// The arguments of the command that a failure's last line shows.
fn again(stderr: &str) -> Vec<&str> {
    let last = stderr.lines().last().expect("a block on stderr");
    let command = last.trim().strip_prefix("again: ").expect(last);
    let arguments = command.strip_prefix("cargo run --release -- ");
    arguments.expect(command).split(' ').collect()
}

#[test]
fn a_failure_is_told_written_down_and_shown_again() {
    let directory = directory("failure");
    let output = streamsim(&SWEEP)
        .args(["--format", "json", "--out"])
        .arg(&directory)
        .output()
        .unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("\nFAILED slack-first-message, seed "),
        "{told}"
    );
    assert!(
        told.contains("confirmed: a fresh process fails the same way"),
        "{told}"
    );

    let text = stdout(&output);
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let groups = summary["failures"].as_array().unwrap();
    let keys = ["key", "count", "first_seed", "scenario", "capsule"];
    assert!(groups.iter().all(|group| fields(group) == keys));
    for group in groups {
        let capsule = fs::read(group["capsule"].as_str().unwrap()).unwrap();
        let capsule = Capsule::parse(&capsule).unwrap();
        assert_eq!(capsule.failure.key, group["key"].as_str().unwrap());
        assert_eq!(Some(capsule.seed), group["first_seed"].as_u64());
        assert!(capsule.decisions.len() <= 8, "it is shrunk");
    }
    assert!(told.contains("  from its seed: cargo run --release -- run slack-first-message"));

    let mut command = streamsim(&again(&told));
    let once_more = command.args(["--format", "json"]).output().unwrap();
    let replayed: Value = serde_json::from_slice(&once_more.stdout).unwrap();
    assert_eq!(replayed["outcome"], "exact");
    let mut keys = groups.iter().map(|group| &group["key"]);
    assert!(keys.any(|key| *key == replayed["key"]));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_unwritable_directory_is_refused_before_any_world() {
    let file = directory("file");
    fs::write(&file, "not a directory").unwrap();
    let output = streamsim(&SWEEP)
        .args(["--format", "json", "--out"])
        .arg(file.join("below"))
        .output()
        .unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "", "no world ran");
    assert_eq!(stderr(&output).lines().count(), 1);
}
