//! Runs as leaks leave them, and what is said to fit.

use super::{between_builds, diagnose, Before, Fit, Kind, Run};
use sim::trace::TraceEvent;
use std::time::Duration;

/// What every run begins with.
const FIRST: &str = "1..=1 created";

/// A run that began at some wall time, in milliseconds, and what its world said.
fn run_at(at_ms: u64, before: Before, said: &[&str]) -> Run {
    // Some time in 2026.
    let began = Duration::from_millis(1_780_000_000_000 + at_ms);
    let lines = [FIRST].into_iter().chain(said.iter().copied());
    let event = |(n, line): (u64, &str)| TraceEvent {
        at_us: 1_000 * n,
        place: "teller p1:/a@1".to_owned(),
        kind: "info".into(),
        detail: line.to_owned(),
    };
    Run {
        before,
        began,
        ended: began + Duration::from_millis(5),
        events: (0..).zip(lines).map(event).collect(),
    }
}

/// When the runs alone began.
const ALONE_MS: [u64; 4] = [0, 330, 1_450, 1_470];

/// Four runs alone, by what each said.
fn alone(said: [&[&str]; 4]) -> Vec<Run> {
    let runs = ALONE_MS.into_iter().zip(said);
    let runs = runs.map(|(at_ms, said)| run_at(at_ms, Before::Nothing, said));
    runs.collect()
}

/// Four runs alone that agree, and others.
fn agreeing(said: &[&str], after: &[(Before, &[&str])]) -> Vec<Run> {
    let mut runs = alone([said; 4]);
    let after = after
        .iter()
        .map(|(before, said)| run_at(2_000, *before, said));
    runs.extend(after);
    runs
}

fn fits(runs: &[Run]) -> Vec<Fit> {
    diagnose(runs).expect("they differ").fits
}

fn kinds(runs: &[Run]) -> Vec<Kind> {
    fits(runs).into_iter().map(|fit| fit.kind).collect()
}

/// The one kind that fits, and a part of what speaks for it.
fn assert_fits(runs: &[Run], kind: Kind, evidence: &str) {
    let fits = fits(runs);
    assert_eq!(fits[0].kind, kind, "{fits:?}");
    assert!(fits[0].because.contains(evidence), "{fits:?}");
}

#[test]
fn runs_that_agree_tell_nothing() {
    let runs = agreeing(
        &["a"],
        &[(Before::Itself(1), &["a"]), (Before::Others(1), &["a"])],
    );
    assert!(diagnose(&runs).is_none());
}

#[test]
fn the_same_events_in_another_order_are_a_hash_map() {
    let runs = alone([
        &["told one", "told two", "told three", "end"],
        &["told two", "told one", "told three", "end"],
        &["told three", "told two", "told one", "end"],
        &["told one", "told two", "told three", "end"],
    ]);
    assert_fits(&runs, Kind::HashOrder, "the next 3 events");
    assert_eq!(kinds(&runs).len(), 1);
}

#[test]
fn the_same_words_in_another_order_in_a_line_are_a_hash_map() {
    let runs = alone([
        &["{\"one\":1,\"two\":2}"],
        &["{\"two\":2,\"one\":1}"],
        &["{\"one\":1,\"two\":2}"],
        &["{\"two\":2,\"one\":1}"],
    ]);
    assert_fits(&runs, Kind::HashOrder, "in one line");
}

#[test]
fn numbers_that_come_with_an_order_of_their_own_do_not_hide_another_order() {
    let runs = alone([
        &["offset 3 told one", "offset 4 told two"],
        &["offset 3 told two", "offset 4 told one"],
        &["offset 3 told one", "offset 4 told two"],
        &["offset 3 told two", "offset 4 told one"],
    ]);
    assert_fits(&runs, Kind::HashOrder, "the next 2 events");
}

#[test]
fn another_order_in_which_faults_strike_others_is_another_order_all_the_same() {
    let words = |order: &'static str| order.split(' ').collect::<Vec<_>>();
    let (one, other) = (words("a b c d e f g"), words("h g a d b e c"));
    let runs = alone([&one, &other, &one, &other]);
    assert_fits(&runs, Kind::HashOrder, "most of what the next 7 events");
    // Draws from a few values are not.
    let (one, other) = (words("1 4 4 0 5 2 8 0"), words("3 1 9 7 5 5 0 2"));
    assert_eq!(
        kinds(&alone([&one, &other, &one, &other])),
        [Kind::Randomness]
    );
}

#[test]
fn a_number_that_grows_as_wall_time_does_is_a_clock() {
    let milliseconds: [&[&str]; 4] = [
        &["at 1780000000003"],
        &["at 1780000000333"],
        &["at 1780000001452"],
        &["at 1780000001472"],
    ];
    assert_fits(
        &alone(milliseconds),
        Kind::Clock,
        "in ms: from 1780000000003",
    );
    let uptime: [&[&str]; 4] = [
        &["at 917.20"],
        &["at 917.53"],
        &["at 918.65"],
        &["at 918.67"],
    ];
    assert_fits(
        &alone(uptime),
        Kind::Clock,
        "in s: from 917.20 to 918.67 in 1470 ms",
    );
    let timestamps: [&[&str]; 4] = [
        &["at \"2026-05-28T20:26:40.004Z\""],
        &["at \"2026-05-28T20:26:40.334Z\""],
        &["at \"2026-05-28T20:26:41.454Z\""],
        &["at \"2026-05-28T20:26:41.474Z\""],
    ];
    assert_fits(&alone(timestamps), Kind::Clock, "in ms");
}

#[test]
fn whole_seconds_are_a_clock_if_they_are_the_present_ones() {
    let present: [&[&str]; 4] = [
        &["at 1780000000"],
        &["at 1780000000"],
        &["at 1780000001"],
        &["at 1780000001"],
    ];
    assert_fits(&alone(present), Kind::Clock, "in s");
    let small: [&[&str]; 4] = [&["at 7"], &["at 7"], &["at 8"], &["at 8"]];
    assert_eq!(kinds(&alone(small)), [Kind::Randomness]);
}

#[test]
fn a_value_that_is_another_each_time_is_drawn() {
    let runs = alone([&["token 17"], &["token 9001"], &["token 4"], &["token 388"]]);
    assert_fits(&runs, Kind::Randomness, "17, 9001, 4");
    assert!(!fits(&runs)[0].because.contains("memory"));
}

#[test]
fn addresses_of_memory_are_known_by_their_looks() {
    let runs = alone([
        &["at 0x7f81dc011810"],
        &["at 0x7f555c011810"],
        &["at 0x7fc148011810"],
        &["at 0x7f18fc011810"],
    ]);
    assert_fits(&runs, Kind::Randomness, "addresses of memory");
}

#[test]
fn a_number_that_grows_from_run_to_run_is_kept_outside_of_the_process() {
    let runs = alone([&["run 4"], &["run 5"], &["run 6"], &["run 7"]]);
    assert_fits(&runs, Kind::LeftoverState, "by 1 from run to run: 4, 5, 6");
}

#[test]
fn the_same_event_at_another_time_is_drawn_or_a_clock() {
    let mut runs = alone([&["a"]; 4]);
    runs[2].events[1].at_us += 70;
    assert_eq!(kinds(&runs), [Kind::Randomness, Kind::Clock]);
}

#[test]
fn another_event_is_a_decision_that_was_drawn() {
    let runs = alone([&["yes"], &["no, not at all"], &["yes"], &["yes"]]);
    assert_fits(&runs, Kind::Randomness, "another event");
}

#[test]
fn what_differs_after_other_worlds_alone_is_left_over() {
    let runs = agreeing(
        &["count 0"],
        &[
            (Before::Itself(1), &["count 3"]),
            (Before::Others(1), &["count 3"]),
            (Before::Others(4), &["count 12"]),
        ],
    );
    let evidence = "4 runs alone in fresh processes agree, and it differs after itself in the same \
                    process: a number grows with the worlds before it: 0 alone, 3 after 1 world, 12 \
                    after 4";
    assert_fits(&runs, Kind::LeftoverState, evidence);
    assert_eq!(kinds(&runs).len(), 1);
}

#[test]
fn what_differs_in_the_sweep_alone_is_left_over_as_well() {
    let said = |before, said| (before, said);
    let runs = agreeing(
        &["1 under way"],
        &[
            said(Before::Itself(1), &["1 under way"][..]),
            said(Before::Others(4), &["1 under way"]),
            said(Before::Sweep("last world first"), &["3 under way"]),
        ],
    );
    let evidence = "differs only in the sweep, last world first";
    assert_fits(&runs, Kind::LeftoverState, evidence);
}

#[test]
fn worlds_that_meet_in_one_sweep_and_not_in_another_leave_something() {
    let sweep = Before::Sweep("first world first");
    let runs = agreeing(
        &["1 under way"],
        &[
            (Before::Others(4), &["1 under way"][..]),
            (sweep, &["1 under way"]),
            (sweep, &["3 under way"]),
            (sweep, &["2 under way"]),
        ],
    );
    let evidence = "differs only in the sweep, first world first";
    assert_fits(&runs, Kind::LeftoverState, evidence);
}

#[test]
fn a_long_count_is_no_other_order() {
    let counted = |from: u64| (from..from + 20).map(|n| n.to_string()).collect::<Vec<_>>();
    let said = |from| counted(from).join(" next ");
    let (none, one, two) = (said(0), said(2), said(4));
    let after = [
        (Before::Others(1), &[one.as_str()][..]),
        (Before::Others(2), &[two.as_str()][..]),
    ];
    let runs = agreeing(&[&none], &after);
    assert_eq!(kinds(&runs), [Kind::LeftoverState]);
}

#[test]
fn an_order_that_is_another_after_any_world_is_a_select() {
    let runs = agreeing(
        &["left", "right", "left", "right"],
        &[
            (Before::Itself(1), &["right", "left", "left", "right"]),
            (Before::Others(1), &["left", "right", "right", "left"]),
            (Before::Others(1), &["left", "right", "right", "left"]),
        ],
    );
    assert_fits(&runs, Kind::UnbiasedSelect, "itself as well");
    assert_eq!(kinds(&runs), [Kind::UnbiasedSelect, Kind::LeftoverState]);
}

#[test]
fn an_order_that_is_another_after_other_worlds_only_is_a_hash_map_in_a_static() {
    let runs = agreeing(
        &["one", "two"],
        &[
            (Before::Itself(1), &["one", "two"]),
            (Before::Others(1), &["two", "one"]),
        ],
    );
    assert_eq!(kinds(&runs), [Kind::HashOrder, Kind::LeftoverState]);
}

#[test]
fn another_pick_among_the_same_words_may_be_a_select() {
    let runs = agreeing(
        &["left", "left", "right", "right", "left"],
        &[(
            Before::Itself(1),
            &["left", "right", "right", "right", "right"],
        )],
    );
    assert_eq!(kinds(&runs), [Kind::LeftoverState, Kind::UnbiasedSelect]);
}

#[test]
fn two_leaks_are_both_told_if_the_one_that_is_left_over_comes_first() {
    let mut runs = alone([
        &["count 0", "token 5"],
        &["count 0", "token 77"],
        &["count 0", "token 3"],
        &["count 0", "token 21"],
    ]);
    runs.push(run_at(2_000, Before::Others(1), &["count 1", "token 34"]));
    assert_eq!(kinds(&runs), [Kind::Randomness, Kind::LeftoverState]);
    assert!(fits(&runs)[1]
        .because
        .starts_with("runs alone agree up to event 2"));
}

#[test]
fn two_runs_after_the_same_worlds_that_differ_are_not_left_over() {
    let runs = agreeing(
        &["token 5"],
        &[
            (Before::Others(1), &["token 5"]),
            (Before::Others(1), &["token 6"]),
        ],
    );
    assert_fits(&runs, Kind::Randomness, "2 runs after another world");
}

#[test]
fn the_runs_that_are_shown_part_where_runs_first_do() {
    let runs = alone([
        &["a", "b", "1"],
        &["a", "b", "2"],
        &["a", "3", "1"],
        &["a", "b", "1"],
    ]);
    let found = diagnose(&runs).unwrap();
    assert!(std::ptr::eq(found.one, &runs[0]) && std::ptr::eq(found.other, &runs[2]));
}

#[test]
fn builds_that_agree_with_themselves_only_differ_by_the_build() {
    let one = run_at(0, Before::Nothing, &["a"]);
    let same = run_at(0, Before::Nothing, &["a"]);
    let other = run_at(0, Before::Nothing, &["b"]);
    assert!(between_builds(&one, &same, 20).is_none());
    let found = between_builds(&one, &other, 20).unwrap();
    assert_eq!(found.fits[0].kind, Kind::Build);
    assert!(found.fits[0].because.starts_with("in 20 runs"));
}
