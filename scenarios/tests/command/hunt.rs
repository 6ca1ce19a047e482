//! `hunt`: known bugs, found or not.

use crate::binary::{fields, json_lines, streamsim};

const FIELDS: [&str; 10] = [
    "type",
    "quirk",
    "found",
    "scenario",
    "seed",
    "worlds",
    "wall_ms",
    "key",
    "expected_key",
    "decisions",
];

#[test]
fn the_known_bugs_are_found_by_their_keys() {
    let arguments = ["hunt", "B-28", "B-20", "B-09", "--format", "json"];
    let lines = json_lines(&mut streamsim(&arguments), 0);
    let mut quirks: Vec<&str> = lines.iter().filter_map(|l| l["quirk"].as_str()).collect();
    quirks.sort_unstable();
    assert_eq!(quirks, ["B-09", "B-20", "B-28"]);
    for line in &lines {
        assert_eq!(fields(line), FIELDS);
        assert_eq!(line["found"], true, "{line}");
        assert_eq!(line["key"], line["expected_key"], "{line}");
        assert!(line["worlds"].as_u64() <= Some(500), "{line}");
    }
}

#[test]
fn a_bug_that_is_not_found_is_an_exit_of_its_own() {
    let arguments = [
        "hunt", "B-28", "--worlds", "1", "--faults", "none", "--format", "json",
    ];
    let lines = json_lines(&mut streamsim(&arguments), 8);
    assert_eq!(fields(&lines[0]), FIELDS);
    assert_eq!(lines[0]["found"], false);
    assert_eq!(lines[0]["worlds"], 1);
    assert!(["key", "seed", "decisions"]
        .iter()
        .all(|name| lines[0][name].is_null()));
}
