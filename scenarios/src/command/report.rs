//! Reports: a failing world written down as one readable JSON file in the `--out` directory.
//!
//! A file is written beside its place and then renamed, so that a reader, or the next run after a
//! crash of this one, never sees half a report.

use super::{
    command_line::shows_again,
    decisions_view::value_in_words,
    error::{CommandError, UsageError},
    flags::{word, FAULTS, STRATEGIES},
};
use serde::Serialize;
use sim::{choice::Decision, exploration::engine::World, world::Failure};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    format: u32,
    scenario: &'static str,
    seed: u64,
    quirks: Vec<&'static str>,
    faults: &'static str,
    strategy: &'static str,
    key: &'a str,
    kind: &'static str,
    message: &'a str,
    at_ms: u64,
    trace: String,
    decisions: Vec<ReportedDecision<'a>>,
    command: String,
}

#[derive(Serialize)]
struct ReportedDecision<'a> {
    site: &'static str,
    subject: &'a str,
    n: u32,
    value: u64,
    in_words: String,
}

/// Makes sure that reports can be written, before there is anything to report.
///
/// # Errors
/// The directory cannot be created or written to.
pub fn prepare(directory: &Path) -> Result<(), UsageError> {
    let probe = directory.join(format!(".writable-{}", process::id()));
    fs::create_dir_all(directory)
        .and_then(|()| File::create(&probe))
        .and_then(|_| fs::remove_file(&probe))
        .map_err(|error| UsageError::Out {
            path: directory.to_owned(),
            error,
        })
}

/// Where the report of a failing world belongs.
pub fn path(directory: &Path, world: &World, failure: &Failure) -> PathBuf {
    let scenario = world.plan.scenario.name();
    let seed = world.plan.seed;
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    let key: String = failure.key.chars().map(plain).collect();
    directory.join(format!("{scenario}-{seed}-{key}.json"))
}

/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, world: &World, failure: &Failure) -> Result<(), CommandError> {
    let mut text = serde_json::to_vec_pretty(&report(world, failure)).expect("a report serializes");
    text.push(b'\n');
    write_whole(path, &text).map_err(|error| CommandError::Report {
        path: path.to_owned(),
        error,
    })
}

fn report<'a>(world: &'a World, failure: &'a Failure) -> Report<'a> {
    let World { plan, outcome } = world;
    Report {
        format: FORMAT_VERSION,
        scenario: plan.scenario.name(),
        seed: plan.seed,
        quirks: plan.quirks.iter().map(|quirk| quirk.name()).collect(),
        faults: word(&FAULTS, plan.faults),
        strategy: word(&STRATEGIES, plan.strategy),
        key: &failure.key,
        kind: failure.kind.name(),
        message: &failure.message,
        at_ms: failure.at_ms,
        trace: outcome.trace.to_string(),
        decisions: outcome.decisions.iter().map(reported).collect(),
        command: shows_again(plan),
    }
}

fn reported(decision: &Decision) -> ReportedDecision<'_> {
    ReportedDecision {
        site: decision.site.name,
        subject: &decision.subject,
        n: decision.n,
        value: decision.value,
        in_words: value_in_words(decision),
    }
}

fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("json.{}", process::id()));
    let written = File::create(&unfinished)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use serde_json::Value;
    use sim::world::FailureKind;

    #[test]
    fn a_report_is_one_whole_file() {
        let directory = std::env::temp_dir().join(format!("streamsim-report-{}", process::id()));
        prepare(&directory).unwrap();
        let world = fake::world(17, Some(("stream/offset-gap", FailureKind::Safety)));
        let failure = fake::failure(&world);
        let path = path(&directory, &world, failure);
        write(&path, &world, failure).unwrap();
        let files: Vec<_> = (fs::read_dir(&directory).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files, ["fake-17-stream-offset-gap.json"]);
        let report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(report["key"], "stream/offset-gap");
        assert_eq!(report["decisions"][0]["in_words"], "+400 ms");
        fs::remove_dir_all(&directory).unwrap();
    }
}
