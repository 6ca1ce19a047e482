//! Why a command could not do its work. A world that fails is not an error but a result.

use super::exit::Exit;
use crate::capsules::{file::ReadError, Unplayable};
use sim::exploration::engine::HarnessFailure;
use std::{io, path::PathBuf};

/// A caller's mistake: one sentence that names the value and the way out.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("{0:?} is not a seed: give a whole number below 2^64, decimal or 0x hex")]
    Seed(String),
    #[error(
        "{0:?} is not a range of seeds: give FIRST..END with FIRST below END, such as 1..2000"
    )]
    Seeds(String),
    #[error("{0:?} is not a shard: give INDEX/COUNT with INDEX below COUNT, such as 0/4")]
    Shard(String),
    #[error("{0:?} is not a budget: give a whole number with ms, s, m or h, such as 30s")]
    Budget(String),
    #[error("{0:?} is not a number of jobs: give a whole number from 1 to 1024")]
    Jobs(String),
    #[error("{0:?} is not a number of worlds: give a whole number from 0, such as 2000")]
    Worlds(String),
    #[error("{0:?} is not a bound on worlds: give a whole number from 1, such as 5000")]
    WorldsMax(String),
    #[error("{0} is decided twice, in two ways: decide it once")]
    DecidedTwice(String),
    #[error("unknown scenario {name:?}: {way_out}")]
    Scenario { name: String, way_out: String },
    #[error("unknown quirk {name:?}: {way_out}")]
    Quirk { name: String, way_out: String },
    #[error("{name} cannot occur here: {why}; `streamsim list` shows the known bugs that can")]
    Impossible {
        name: &'static str,
        why: &'static str,
    },
    #[error("environment variable {variable}: {error}")]
    Environment {
        variable: &'static str,
        error: Box<UsageError>,
    },
    #[error(
        "{0:?} is not a decision: give 'SITE|SUBJECT|N=VALUE' in single quotes, such as \
         'crash.after-commit|agent p1:/agents/a|3=yes'"
    )]
    Decision(String),
    #[error("{value:?} is no value of {site}, which takes {takes}")]
    DecisionValue {
        site: &'static str,
        value: String,
        takes: String,
    },
    #[error("--site {glob:?} matches no fault site: {way_out}")]
    Glob { glob: String, way_out: String },
    #[error(
        "--site {0:?} matches only faults that nothing could repair, which no budget lets happen: \
         give --faults unlimited as well"
    )]
    Irreparable(String),
    #[error("{0:?} is not a depth: give 1 for every point, or 2 for every pair as well")]
    Depth(String),
    #[error(
        "--against {path:?}: {problem}; give another build of this command, such as \
         target/debug/streamsim"
    )]
    Against { path: PathBuf, problem: String },
    #[error("unknown fault site {name:?}: {way_out}")]
    Site { name: String, way_out: String },
    #[error("{0:?} is not a log filter: give levels by target, such as sim=debug,warn")]
    LogFilter(String),
    #[error("environment variable {0} is not valid Unicode: set it again or unset it")]
    NotUnicode(&'static str),
    #[error("--trace is for people: leave --format json out")]
    TraceAsJson,
    #[error(transparent)]
    ReadCapsule(#[from] ReadError),
    #[error("capsule {path:?}: {error}")]
    Unplayable { path: PathBuf, error: Unplayable },
    #[error("cannot promote {path:?}: {problem}")]
    Promote { path: PathBuf, problem: String },
    #[error(
        "cannot write to directory {path:?} ({error}): give --out a directory that can be written"
    )]
    Out { path: PathBuf, error: io::Error },
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Harness(#[from] HarnessFailure),
    #[error("`{command}` in a fresh process: {problem}")]
    Process { command: String, problem: String },
    #[error("cannot write capsule {path:?}: {error}")]
    Capsule { path: PathBuf, error: io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    pub fn exit(&self) -> Exit {
        match self {
            CommandError::Usage(_) => Exit::Usage,
            _ => Exit::Harness,
        }
    }

    /// The reader of our output went away, as `head` does. Nobody is left to be told, but the
    /// command did not finish, so it did not succeed either.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, CommandError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
