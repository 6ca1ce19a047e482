//! `check` and `bench`: what they measure of the harness itself.

use crate::binary::{fields, json_lines, stdout, streamsim};

#[test]
fn worlds_agree_in_two_processes() {
    let arguments = [
        "check",
        "slack-first-message",
        "--worlds",
        "10",
        "--format",
        "json",
    ];
    let lines = json_lines(&mut streamsim(&arguments), 0);
    let expected = r#"{"type":"check","worlds":10,"mismatches":0}"#;
    assert_eq!(lines[0].to_string(), expected);
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_benchmark_prints_a_line_for_each_measure() {
    let arguments = [
        "bench",
        "slack-first-message",
        "--worlds",
        "3",
        "--format",
        "json",
    ];
    let lines = json_lines(&mut streamsim(&arguments), 0);
    let promised = [
        "type",
        "name",
        "n",
        "ns_per_op",
        "per_s",
        "bare_ns_per_op",
        "ratio",
    ];
    assert!(lines.iter().all(|line| fields(line) == promised));
    let names: Vec<&str> = lines.iter().filter_map(|l| l["name"].as_str()).collect();
    let expected = [
        "bare-madsim/world",
        "empty/world",
        "slack-first-message/world",
        "slack-first-message/event",
        "slack-first-message/simulated-second",
    ];
    assert_eq!(names, expected);
    assert!(lines.iter().all(|line| line["per_s"].as_f64() > Some(0.0)));
    assert_eq!(
        (&lines[2]["type"], &lines[2]["n"]),
        (&"bench".into(), &3.into())
    );
    assert!(lines[2]["ratio"].as_f64() > Some(0.0), "beside bare madsim");
}

#[test]
fn people_see_a_block_for_each_scenario() {
    let arguments = ["bench", "slack-first-message", "--worlds", "3"];
    let text = stdout(&streamsim(&arguments).output().unwrap());
    for part in [
        "bare madsim (3 worlds)\n",
        "fixed cost",
        "slack-first-message (3 worlds)\n",
        "worlds/s",
        "events/s",
        "simulated : wall",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn an_event_is_measured_in_short_and_long_streams() {
    let arguments = ["bench", "--streams", "--worlds", "1", "--format", "json"];
    let lines = json_lines(&mut streamsim(&arguments), 0);
    let names: Vec<&str> = lines.iter().filter_map(|l| l["name"].as_str()).collect();
    let expected = ["append", "delivery", "checkpoint"].map(|operation| {
        ["100", "1000", "10000"].map(|length| format!("stream-of-{length}/{operation}"))
    });
    assert_eq!(names, expected.concat());
    assert!(lines.iter().all(|line| line["n"].as_u64() >= Some(100)));
    assert!(lines.iter().all(|line| line["ratio"].is_number()));

    let arguments = ["bench", "--streams", "--worlds", "1"];
    let text = stdout(&streamsim(&arguments).output().unwrap());
    assert!(text.contains("checkpoint"), "{text}");
    assert!(text.contains("flat within 1.5"), "{text}");
}
