//! What becomes of failing worlds: told, written down, and shown again by the command that is told.

use crate::binary::{directory, fields, stderr, stdout, streamsim};
use serde_json::Value;
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
        let report = fs::read(group["capsule"].as_str().unwrap()).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["key"], group["key"]);
        assert_eq!(report["seed"], group["first_seed"]);
        assert!(told.contains(report["command"].as_str().unwrap()), "{told}");
    }

    let mut command = streamsim(&again(&told));
    let once_more = command.args(["--format", "json"]).output().unwrap();
    let world: Value = serde_json::from_slice(&once_more.stdout).unwrap();
    let last = groups
        .iter()
        .find(|group| group["first_seed"] == world["seed"]);
    assert_eq!(world["failure"]["key"], last.unwrap()["key"]);
    assert_eq!(
        fields(&world["failure"]),
        ["key", "kind", "message", "at_ms"]
    );
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
