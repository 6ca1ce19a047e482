//! `run`: one world, the same in every process.

use crate::binary::{
    explore, fields, json_lines, of_type, stderr, stdout, streamsim, WORLD_FIELDS,
};
use serde_json::Value;

fn run_seed_7() -> Value {
    let arguments = [
        "run",
        "slack-first-message",
        "--seed",
        "7",
        "--format",
        "json",
    ];
    let lines = json_lines(&mut streamsim(&arguments), 0);
    let [world] = &lines[..] else {
        panic!("one world, one line: {lines:?}");
    };
    world.clone()
}

#[test]
fn a_world_is_one_line_with_the_promised_fields() {
    let world = run_seed_7();
    assert_eq!(fields(&world), WORLD_FIELDS);
    assert_eq!(world["verdict"], "pass");
    assert_eq!(world["failure"], Value::Null);
    assert!(world["events"].as_u64() > Some(20), "{world}");
    assert!(world["decisions"].as_u64() > Some(0), "{world}");
    assert_eq!(world["trace"].as_str().map(str::len), Some(16));
}

#[test]
fn a_seed_has_one_trace_alone_and_after_other_worlds() {
    let alone = run_seed_7();
    assert_eq!(run_seed_7(), alone, "in two processes");
    let sweep = ["slack-first-message", "--seeds", "3..8", "--jobs", "1"];
    let lines = explore("after-others", &sweep, 6);
    let after_others = of_type(&lines, "world").last().copied().cloned();
    assert_eq!(after_others, Some(alone), "after other worlds");
}

#[test]
fn people_see_logs_decisions_and_verdict() {
    let arguments = [
        "run",
        "slack-first-message",
        "--seed",
        "7",
        "--faults",
        "none",
    ];
    let output = streamsim(&arguments).output().unwrap();
    let text = stdout(&output);
    for part in [
        "p1:/integrations/slack (8 events)\n",
        "text: \"Which of our stores sells the most tea?\"",
        "\ndecisions (",
        "\nslack-first-message, seed 7: pass\n",
        "\ntrace ",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_trace_is_printed_on_request() {
    let arguments = ["run", "slack-first-message", "--seed", "7", "--trace"];
    let text = stdout(&streamsim(&arguments).output().unwrap());
    assert!(
        text.contains("\ntrace\n") && text.contains(" heal "),
        "{text}"
    );
}
