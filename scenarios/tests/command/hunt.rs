//! `hunt`: known bugs, found or not.

use crate::binary::{explore, fields, json_lines, streamsim};

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

#[test]
fn what_needs_order_alone_is_found_more_often_by_few_far_delays() {
    let failed = |strategy: &str| {
        let bug = ["streams-two-writers", "--quirk", "B-16", "--worlds", "30"];
        let arguments = [&bug[..], &["--strategy", strategy]].concat();
        let lines = explore(&format!("b16-{strategy}"), &arguments, 1);
        lines.last().unwrap()["failed"].as_u64().unwrap()
    };
    let (random, pct) = (failed("random"), failed("pct"));
    assert!(
        pct > 2 * random,
        "{pct} of 30 worlds by pct, {random} by random"
    );
}
