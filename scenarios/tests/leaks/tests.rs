//! What `check` says of each leak, and of what is none.

use crate::{
    counters,
    leak::{self, Leak},
    AS_COMMAND,
};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::{
    env, fs,
    process::{Command, Output, Stdio},
};

pub fn all() -> Vec<Trial> {
    let each = leak::all().map(|leak| match leak.kind {
        Some(kind) => {
            let name = format!("{}_is_found_and_named", leak.name.replace('-', "_"));
            Trial::test(name, move || is_found_and_named(leak, kind))
        }
        None => {
            let name = format!("{}_is_no_leak", leak.name.replace('-', "_"));
            Trial::test(name, move || is_no_leak(leak))
        }
    });
    let few = Trial::test(
        "only_leaks_are_told_and_no_more_than_a_few",
        only_leaks_are_told,
    );
    each.chain([few]).collect()
}

/// `check` of some of the scenarios here.
fn check(arguments: &[&str]) -> Output {
    let program = env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.env(AS_COMMAND, "1").arg("check").args(arguments);
    for variable in [
        "MADSIM_TEST_SEED",
        "MADSIM_TEST_NUM",
        "MADSIM_TEST_JOBS",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let check = command.spawn().expect("it can be started");
    let counter = counters::file(check.id());
    let output = check.wait_with_output().expect("it ends");
    if counter.exists() {
        fs::remove_file(counter).expect("it can be removed");
    }
    output
}

/// The one line on stdout.
fn line(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8")
}

fn is_found_and_named(leak: &Leak, kind: &str) -> Result<(), Failed> {
    let output = check(&[leak.name, "--worlds", "4", "--format", "json"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    let line = line(&output);
    let [difference] = &line["differences"].as_array().expect("a list")[..] else {
        panic!("one scenario differs: {line}");
    };
    assert_eq!(difference["scenario"], leak.name);
    let fits = difference["fits"].as_array().expect("a list");
    assert!(fits.iter().any(|fit| fit == kind), "{line}\n{told}");
    assert_eq!(fits[0], kind, "it is the likeliest: {told}");

    // The first event that differs is the first row with a payload that leaks.
    let title = format!("event {} differs\n", difference["event"]);
    assert!(told.contains(&title), "{told}");
    let differing = told.lines().filter(|line| line.contains("\"found\":"));
    assert_eq!(differing.count(), 2, "{told}");
    let marked = told
        .lines()
        .filter(|line| line.trim().chars().all(|sign| sign == '^'));
    assert_eq!(marked.filter(|line| !line.is_empty()).count(), 2, "{told}");

    // Whoever wants to see it again is told how.
    let again = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("again: "));
    let arguments = again
        .and_then(|again| again.split_once(" check "))
        .expect(&told)
        .1;
    let output = check(&arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(
        output.status.code(),
        Some(5),
        "{arguments}: {}",
        stderr(&output)
    );
    Ok(())
}

fn is_no_leak(leak: &Leak) -> Result<(), Failed> {
    let output = check(&[leak.name, "--worlds", "20", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let expected = r#"{"type":"check","worlds":20,"mismatches":0}"#;
    assert_eq!(line(&output).to_string(), expected);
    Ok(())
}

fn only_leaks_are_told() -> Result<(), Failed> {
    let worlds = leak::all().count().to_string();
    let output = check(&["--worlds", &worlds]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    let titles = told
        .lines()
        .filter_map(|line| line.strip_prefix("NOT DETERMINISTIC "));
    let titles: Vec<&str> = titles.collect();
    assert_eq!(titles.len(), 3, "{told}");
    for leak in leak::all().filter(|leak| leak.kind.is_none()) {
        let of_it = format!("{},", leak.name);
        assert!(
            titles.iter().all(|title| !title.starts_with(&of_it)),
            "{told}"
        );
    }
    Ok(())
}
