//! What the command refuses, and how it says so; and what it answers without running a world.

use crate::binary::{directory, fields, json_lines, stderr, stdout, streamsim};
use std::process::Command;

/// Exit code 2, nothing on stdout, one line on stderr that has all of `words`.
fn assert_refused(command: &mut Command, words: &[&str]) {
    let output = command.output().unwrap();
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
}

#[test]
fn list_shows_every_section_and_quirk() {
    let output = streamsim(&["list"]).output().unwrap();
    let stdout = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    for word in [
        "scenarios",
        "faults: object (design §6), by default off",
        "faults: Slack (peers §5.3 and §5.4), by default off",
        "own judgement",
        "choosers",
        "oracles",
        "quirks",
        "B-28",
        "known bugs that cannot occur here, and why",
        "X-4",
    ] {
        assert!(stdout.contains(word), "{word:?} is not in {stdout}");
    }
    assert!(!stdout.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn list_is_one_json_line_as_well() {
    let lines = json_lines(&mut streamsim(&["list", "--format", "json"]), 0);
    let [list] = &lines[..] else {
        panic!("one line: {lines:?}");
    };
    assert_eq!(
        fields(list),
        [
            "type",
            "scenarios",
            "faults",
            "choosers",
            "oracles",
            "quirks",
            "impossible"
        ]
    );
    let faults = list["faults"].as_array().unwrap();
    let lost = faults
        .iter()
        .find(|fault| fault["site"] == "rpc.reply-lost");
    let lost = lost.expect("it is in the table");
    assert_eq!(
        (&lost["row"], &lost["default"]),
        (&"call".into(), &"off".into())
    );
    assert_eq!(lost["takes"], "yes or no");
    assert!(
        list["scenarios"][0]["goals"][0]["name"].is_string(),
        "{list}"
    );
}

#[test]
fn help_does_not_show_internal_commands() {
    let output = streamsim(&["--help"]).output().unwrap();
    let stdout = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout.contains("explore") && !stdout.contains("__"));
}

#[test]
fn no_command_is_wrong_usage() {
    assert_eq!(streamsim(&[]).output().unwrap().status.code(), Some(2));
}

#[test]
fn an_unknown_command_is_refused() {
    let words = ["'exlore'", "'explore'"];
    assert_refused(&mut streamsim(&["exlore"]), &words);
}

#[test]
fn an_unknown_flag_is_refused() {
    assert_refused(
        &mut streamsim(&["explore", "--sed", "1"]),
        &["'--sed'", "'--seed'"],
    );
}

#[test]
fn an_unknown_scenario_is_refused() {
    let words = ["\"no-such-scenario\"", "`streamsim list`"];
    for command in ["run", "explore", "sweep", "check", "bench"] {
        assert_refused(&mut streamsim(&[command, "no-such-scenario"]), &words);
    }
}

#[test]
fn an_unknown_quirk_is_refused() {
    let words = ["\"B-288\"", "did you mean B-28?"];
    assert_refused(&mut streamsim(&["hunt", "B-288"]), &words);
    assert_refused(&mut streamsim(&["explore", "--quirk", "B-288"]), &words);
}

#[test]
fn a_sweep_of_unknown_sites_is_refused() {
    for (glob, way_out) in [
        ("crash.after-comit", "did you mean crash.after-commit?"),
        ("nothing.*", "`streamsim list`"),
    ] {
        assert_refused(&mut streamsim(&["sweep", "--site", glob]), &[glob, way_out]);
    }
    let depth = ["sweep", "--depth", "3"];
    assert_refused(&mut streamsim(&depth), &["\"3\"", "2 for every pair"]);
}

#[test]
fn decisions_of_another_form_or_range_are_refused() {
    for (decision, way_out) in [
        ("crash.after-commit", "'SITE|SUBJECT|N=VALUE'"),
        (
            "crash.after-comit|a|0=yes",
            "did you mean crash.after-commit?",
        ),
        ("crash.after-commit|a|0=2", "takes yes or no"),
    ] {
        let arguments = ["run", "streams-tree", "--decide", decision];
        assert_refused(&mut streamsim(&arguments), &[way_out]);
    }
}

#[test]
fn malformed_values_are_refused() {
    for (flag, value, way_out) in [
        ("--seed", "12x", "decimal or 0x hex"),
        ("--seed", "18446744073709551616", "below 2^64"),
        ("--seed", "-1", "decimal or 0x hex"),
        ("--seeds", "5..5", "FIRST..END"),
        ("--worlds", "many", "such as 2000"),
        ("--budget", "30", "such as 30s"),
        ("--shard", "4/4", "such as 0/4"),
        ("--jobs", "0", "from 1"),
        ("--faults", "some", "none, swarm, storm, unlimited"),
        ("--strategy", "luck", "random, swarm, pct"),
        ("--format", "xml", "text, json"),
    ] {
        let arguments = ["explore", flag, value];
        assert_refused(&mut streamsim(&arguments), &[value, way_out]);
    }
}

#[test]
fn a_range_of_seeds_goes_with_neither_first_seed_nor_number() {
    for flag in ["--seed", "--worlds"] {
        let arguments = ["explore", "--seeds", "1..9", flag, "3"];
        assert_refused(&mut streamsim(&arguments), &["--seeds", flag]);
    }
}

#[test]
fn a_malformed_environment_variable_is_refused() {
    for (variable, value) in [
        ("MADSIM_TEST_SEED", "now"),
        ("MADSIM_TEST_NUM", "-3"),
        ("MADSIM_TEST_JOBS", "0"),
        ("RUST_LOG", "sim=loud"),
    ] {
        let mut command = streamsim(&["explore"]);
        assert_refused(command.env(variable, value), &[variable, value]);
    }
}

#[test]
fn a_choice_is_decided_once_and_a_bound_lets_something_through() {
    let decisions = ["rpc.delay|a → b|0=5", "rpc.delay|a → b|0=9"];
    let mut run = streamsim(&["run", "streams-tree"]);
    for decision in decisions {
        run.args(["--decide", decision]);
    }
    assert_refused(&mut run, &["rpc.delay|a → b|0=9", "twice"]);
    let mut sweep = streamsim(&["sweep", "streams-tree", "--max-worlds", "0"]);
    assert_refused(&mut sweep, &["\"0\"", "bound"]);
}

#[test]
fn what_calm_worlds_leave_out_is_told_and_is_not_vacuous() {
    let directory = directory("calm");
    let calm = [
        "explore",
        "streams-tree",
        "--worlds",
        "8",
        "--faults",
        "none",
    ];
    let output = streamsim(&calm)
        .arg("--out")
        .arg(&directory)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let left_out = "left out: no world of streams-tree reached crashed\n";
    assert!(stdout(&output).contains(left_out), "{}", stdout(&output));
    std::fs::remove_dir(&directory).unwrap();
}

#[test]
fn no_world_is_vacuous() {
    let directory = directory("none");
    let mut command = streamsim(&["explore", "--worlds", "0", "--format", "json", "--out"]);
    let output = command.arg(&directory).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["type"], "summary");
    assert_eq!(summary["worlds"], 0);
    std::fs::remove_dir(&directory).unwrap();
}
