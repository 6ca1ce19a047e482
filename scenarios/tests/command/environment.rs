//! madsim's environment variables, and flags before them.

use crate::binary::{directory, json_lines, streamsim, worlds};
use serde_json::Value;
use std::{fs, process::Command};

fn with_environment(arguments: &[&str]) -> Command {
    let mut command = streamsim(arguments);
    command
        .env("MADSIM_TEST_SEED", "40")
        .env("MADSIM_TEST_NUM", "3")
        .env("MADSIM_TEST_JOBS", "1");
    command
}

fn seeds(lines: &[Value]) -> Vec<u64> {
    worlds(lines).into_iter().map(|(_, seed, _)| seed).collect()
}

#[test]
fn madsims_variables_mean_what_its_users_expect() {
    let directory = directory("environment");
    let arguments = [
        "explore",
        "slack-first-message",
        "--format",
        "json",
        "--out",
    ];
    let mut command = with_environment(&arguments);
    let lines = json_lines(command.arg(&directory), 6);
    assert_eq!(seeds(&lines), [40, 41, 42]);
    let arguments = ["run", "slack-first-message", "--format", "json"];
    assert_eq!(
        seeds(&json_lines(&mut with_environment(&arguments), 0)),
        [40]
    );
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn flags_go_before_variables() {
    let directory = directory("flags");
    let arguments = [
        "explore",
        "slack-first-message",
        "--format",
        "json",
        "--out",
    ];
    let mut command = with_environment(&arguments);
    let command = command.arg(&directory);
    let lines = json_lines(command.args(["--seed", "0x2a", "--worlds", "2"]), 6);
    assert_eq!(seeds(&lines), [42, 43]);
    fs::remove_dir_all(&directory).unwrap();
}
