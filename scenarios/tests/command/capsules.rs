//! Capsules: found, shrunk, replayed, promoted; and those that are none.

use crate::binary::{directory, fields, json_lines, stderr, stdout, streamsim};
use serde_json::Value;
use sim::capsule::Capsule;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn regression(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    directory.join(format!("{name}.json"))
}

/// A regression, changed as text; in a directory of its own.
fn changed(test: &str, name: &str, change: impl FnOnce(String) -> Vec<u8>) -> PathBuf {
    let directory = directory(test);
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("changed.json");
    let text = fs::read_to_string(regression(name)).unwrap();
    fs::write(&path, change(text)).unwrap();
    path
}

fn replay(capsule: &Path, more: &[&str], exit: i32) -> Value {
    let mut command = streamsim(&["replay", "--format", "json"]);
    let mut lines = json_lines(command.arg(capsule).args(more), exit);
    lines.pop().expect("a line")
}

#[test]
fn a_find_is_shrunk_and_a_fresh_process_replays_it_exactly() {
    let out = directory("hunt-shrink");
    let mut command = streamsim(&["hunt", "B-07", "--shrink", "--format", "json", "--out"]);
    let lines = json_lines(command.arg(&out), 0);
    let shrunk = &lines[0]["shrunk"];
    assert_eq!(
        fields(shrunk),
        [
            "capsule",
            "operations",
            "decisions",
            "worlds",
            "wall_ms",
            "confirmed"
        ]
    );
    assert_eq!(shrunk["confirmed"], true);
    let capsule = PathBuf::from(shrunk["capsule"].as_str().unwrap());
    let replayed = replay(&capsule, &[], 1);
    assert_eq!(
        fields(&replayed),
        ["type", "outcome", "key", "trace", "moved", "worlds"]
    );
    assert_eq!(replayed["outcome"], "exact");
    assert_eq!(replayed["key"], "announcement/uninitialized");
    let gone = replay(&capsule, &["--without-quirks"], 7);
    assert_eq!(gone["outcome"], "gone");
    fs::remove_dir_all(&out).unwrap();
}

#[test]
fn a_replay_tells_the_story() {
    let mut command = streamsim(&["replay"]);
    let capsule = regression("b-28-obligation-input-unanswered");
    let output = command.arg(capsule).output().unwrap();
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    for part in [
        "slack-first-message, seed 13, with B-28\n",
        "what happened\n",
        "  somebody  {",
        "what is wrong\n",
        "obligation/input-unanswered (liveness)\n",
        "is followed by no request",
        "the log around it\n",
        "\n> ",
        "agent/input-added",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}

#[test]
fn a_whole_world_is_shrunk_from_its_capsule() {
    let out = directory("shrink");
    let mut command = streamsim(&["explore", "streams-tree", "--quirk", "B-07", "--no-shrink"]);
    let whole = command.args(["--seeds", "1..2", "--format", "json", "--out"]);
    let lines = json_lines(whole.arg(&out), 1);
    let capsule = lines.last().unwrap()["failures"][0]["capsule"].clone();
    let smaller = out.join("smaller.json");
    let mut command = streamsim(&["shrink", capsule.as_str().unwrap(), "--format", "json"]);
    let lines = json_lines(command.arg("--output").arg(&smaller), 1);
    let expected = [
        "type",
        "capsule",
        "operations_before",
        "operations",
        "decisions_before",
        "decisions",
        "worlds",
        "wall_ms",
        "complete",
        "confirmed",
    ];
    assert_eq!(fields(&lines[0]), expected);
    assert_eq!(lines[0]["confirmed"], true);
    let count = |name: &str| lines[0][name].as_u64().unwrap();
    assert!(count("operations") < count("operations_before"));
    let written = Capsule::parse(&fs::read(&smaller).unwrap()).unwrap();
    let operations = written.operations.unwrap();
    assert_eq!(operations.len() as u64, count("operations"));
    fs::remove_dir_all(&out).unwrap();
}

#[test]
fn another_course_is_shown_side_by_side() {
    let path = changed("other-course", "b-07-announcement-uninitialized", |text| {
        // As if the code took longer.
        text.replacen("\"after_ms\": 0", "\"after_ms\": 7", 1)
            .into_bytes()
    });
    let output = streamsim(&["replay"]).arg(&path).output().unwrap();
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("\nwhat differs first: event "), "{told}");
    assert!(told.contains("  recorded "), "{told}");
    assert!(told.contains("\n  now "), "{told}");
    assert!(
        told.contains("same failure: announcement/uninitialized"),
        "{told}"
    );
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn a_moved_decision_is_found_again_by_what_its_object_had_done() {
    let name = "b-20-processor-state-not-fold";
    let text = fs::read_to_string(regression(name)).unwrap();
    let capsule = Capsule::parse(text.as_bytes()).unwrap();
    assert!(!capsule.decisions.is_empty());
    let path = changed("moved", name, |text| {
        let mut capsule = Capsule::parse(text.as_bytes()).unwrap();
        capsule.decisions[0].n += 9;
        capsule.to_text().into_bytes()
    });
    let replayed = replay(&path, &[], 1);
    assert_eq!(replayed["outcome"], "same-failure");
    let moved = replayed["moved"][0].as_str().unwrap();
    assert!(moved.contains(&capsule.decisions[0].site), "{moved}");
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn what_is_no_capsule_is_refused_with_a_sentence() {
    type Refusal = (&'static str, fn(String) -> Vec<u8>, &'static str);
    let refusals: [Refusal; 8] = [
        (
            "truncated",
            |text| text[..text.len() / 2].into(),
            "EOF while parsing",
        ),
        (
            "corrupt",
            |text| text.replace("\"seed\"", "seed").into(),
            "line 4, column 3",
        ),
        (
            "newer",
            |text| text.replacen("2", "99", 1).into(),
            "format 99 is newer",
        ),
        (
            "oversized",
            |_| vec![b' '; (16 << 20) + 1],
            "no capsule has more than",
        ),
        ("no-text", |_| vec![0xff, 0xfe], "byte 0 is not UTF-8"),
        (
            "scenario",
            |text| text.replace("streams-tree", "streams-treee").into(),
            "field `scenario`: unknown scenario \"streams-treee\": did you mean streams-tree?",
        ),
        (
            "quirk",
            |text| text.replace("[\"B-07\"]", "[\"B-77\"]").into(),
            "field `quirks[0]`: unknown quirk \"B-77\"",
        ),
        (
            "faults",
            |text| text.replace("\"swarm\"", "\"some\"").into(),
            "field `faults`: \"some\" is none of none, swarm, storm, unlimited",
        ),
    ];
    for (test, change, words) in refusals {
        let path = changed(test, "b-07-announcement-uninitialized", change);
        for command in ["replay", "shrink"] {
            let output = streamsim(&[command]).arg(&path).output().unwrap();
            let told = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{test}: {told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(told.contains(words), "{test}: {words:?} is not in {told:?}");
            assert!(output.stdout.is_empty());
        }
        let beside = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "{test}: nothing is written");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
    let output = streamsim(&["replay", "no/such/capsule.json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read capsule \"no/such/capsule.json\""));
}

#[test]
fn what_is_kept_already_is_not_promoted_again() {
    let capsule = regression("b-07-announcement-uninitialized");
    let output = streamsim(&["replay", "--promote"])
        .arg(capsule)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is there already: remove it first"));
}
