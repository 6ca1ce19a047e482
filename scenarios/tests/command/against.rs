//! `check --against`: another build of the command for the second process. The others here are scripts
//! that stand before the real one.

use crate::binary::{directory, json_lines, stderr, stdout, streamsim};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const REAL: &str = env!("CARGO_BIN_EXE_streamsim");

/// A file of a test's own, which ends with it.
struct Script(PathBuf);

impl Script {
    fn new(test: &str, text: &str) -> Self {
        let path = directory(test);
        // Another process writes it: nothing that this one starts meanwhile may hold it open.
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
        let mut shell = Command::new("sh");
        let written = shell.args(["-c", write]).arg(&path).arg(text).status();
        assert!(written.unwrap().success());
        Script(path)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn check(worlds: &str, program: &Path) -> Command {
    let mut check = streamsim(&["check", "streams-tree", "--worlds", worlds, "--against"]);
    check.arg(program);
    check
}

/// Exit code 2, nothing on stdout, one line on stderr that has all of `words`.
fn assert_refused(program: &Path, words: &[&str]) {
    let output = check("2", program).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(
        (stdout(&output).as_str(), told.lines().count()),
        ("", 1),
        "{told}"
    );
    for word in words
        .iter()
        .chain(&["--against", "give another build of this command"])
    {
        assert!(told.contains(word), "{word:?} is not in {told:?}");
    }
}

#[test]
fn a_build_that_does_the_same_agrees() {
    let program = Path::new(REAL);
    let output = check("6", program).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let expected = format!("6 worlds here and in {REAL}: all agree\n");
    assert_eq!(stdout(&output), expected);
}

#[test]
fn a_program_that_cannot_be_run_is_refused() {
    assert_refused(Path::new("target/no-such-program"), &["No such file"]);
    let text = Script::new("text", "exit 0");
    fs::set_permissions(&text.0, fs::Permissions::from_mode(0o644)).unwrap();
    assert_refused(&text.0, &["cannot be run", "Permission denied"]);
}

#[test]
fn a_program_that_is_another_command_is_refused() {
    let other = Script::new("other-command", "echo hello");
    assert_refused(&other.0, &["does not answer to `list`"]);
    let failing = Script::new("failing", r#"echo '{"scenarios":[]}'; exit 1"#);
    assert_refused(&failing.0, &["does not answer to `list`"]);
}

#[test]
fn a_program_without_the_scenarios_is_refused() {
    let text = r#"echo '{"scenarios":[{"name":"streams-treehouse"}]}'"#;
    let other = Script::new("other-scenarios", text);
    assert_refused(&other.0, &["no scenario \"streams-tree\""]);
}

/// The real command but for what it is asked to hash.
fn with_other_hashes(test: &str, hashes: &str) -> Script {
    let real = format!("case $1 in __hashes) {hashes};; *) exec {REAL} \"$@\";; esac");
    Script::new(test, &real)
}

#[test]
fn a_build_of_other_sources_is_refused() {
    let older = with_other_hashes("older", "echo 'streams-tree 1 0011'");
    assert_refused(&older.0, &["a build of other sources"]);
    let refusing = with_other_hashes("refusing", "echo unexpected argument >&2; exit 2");
    assert_refused(&refusing.0, &["it refuses: unexpected argument"]);
}

#[test]
fn a_build_that_does_something_else_differs_by_the_build() {
    let text =
        format!("case $1 in list) exec {REAL} \"$@\";; *) exec {REAL} \"$@\" --faults none;; esac");
    let faultless = Script::new("faultless", &text);
    let mut command = check("8", &faultless.0);
    let lines = json_lines(command.args(["--format", "json"]), 5);
    let [difference] = &lines[0]["differences"].as_array().unwrap()[..] else {
        panic!("one scenario differs: {lines:?}");
    };
    assert_eq!(difference["scenario"], "streams-tree");
    assert!(difference["event"].is_number(), "{difference}");
    assert_eq!(difference["fits"], serde_json::json!(["build"]));

    let told = stderr(&check("8", &faultless.0).output().unwrap());
    let place = format!("alone ({})", faultless.0.display());
    assert!(told.contains(&place), "{told}");
    assert!(
        told.contains("each of the two builds agrees with itself"),
        "{told}"
    );
    let again = format!("--worlds 1 --against {}\n", faultless.0.display());
    assert!(told.contains(&again), "{told}");
}
