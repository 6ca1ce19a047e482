//! The built `streamsim` binary, started as a user would, without the user's environment.

use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

pub fn streamsim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamsim"));
    command.args(arguments);
    for variable in [
        "MADSIM_TEST_SEED",
        "MADSIM_TEST_NUM",
        "MADSIM_TEST_JOBS",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8")
}

/// The JSON lines of a command that ended with this exit code.
pub fn json_lines(command: &mut Command, exit: i32) -> Vec<Value> {
    let output = command.output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(exit), "{}", stderr(&output));
    let lines = stdout(&output);
    let lines = lines.lines().map(serde_json::from_str);
    lines.map(|line| line.expect("a line is JSON")).collect()
}

/// A place of its own for a test's reports; it does not exist yet.
pub fn directory(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("streamsim-{test}-{}", std::process::id()))
}

/// The names of a line's fields, in order.
pub fn fields(line: &Value) -> Vec<&str> {
    let object = line.as_object().expect("a line is an object");
    object.keys().map(String::as_str).collect()
}

pub fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// `explore --format json`, with its reports in a directory of its own; its lines.
pub fn explore(test: &str, arguments: &[&str], exit: i32) -> Vec<Value> {
    let directory = directory(test);
    let mut command = streamsim(&["explore", "--format", "json", "--out"]);
    let lines = json_lines(command.arg(&directory).args(arguments), exit);
    fs::remove_dir_all(&directory).expect("explore made the directory");
    lines
}

/// `(scenario, seed, trace hash)`.
pub type World = (String, u64, String);

pub fn worlds(lines: &[Value]) -> Vec<World> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let world = |line: &&Value| {
        let seed = line["seed"].as_u64().expect("a number");
        (text(&line["scenario"]), seed, text(&line["trace"]))
    };
    of_type(lines, "world").iter().map(world).collect()
}
/// Of a world's line (design §11).
pub const WORLD_FIELDS: [&str; 9] = [
    "type",
    "scenario",
    "seed",
    "verdict",
    "failure",
    "trace",
    "events",
    "sim_ms",
    "decisions",
];
