//! Every environment variable that the command reads, with the meaning that madsim's users expect:
//! `MADSIM_TEST_SEED` is the first seed, `MADSIM_TEST_NUM` the number of worlds,
//! `MADSIM_TEST_JOBS` the number of threads, `RUST_LOG` what is logged. Flags go before them.

use super::{error::UsageError, values};
use std::{env, io, num::NonZeroUsize};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Clone, Copy, Debug, Default)]
pub struct Environment {
    pub seed: Option<u64>,
    pub worlds: Option<u64>,
    pub jobs: Option<NonZeroUsize>,
}

impl Environment {
    /// # Errors
    /// A variable is set to something that its flag would refuse as well.
    pub fn read() -> Result<Self, UsageError> {
        Ok(Environment {
            seed: variable("MADSIM_TEST_SEED", values::seed)?,
            worlds: variable("MADSIM_TEST_NUM", values::worlds)?,
            jobs: variable("MADSIM_TEST_JOBS", values::jobs)?,
        })
    }
}

/// Sends the log that `RUST_LOG` asks for to stderr: stdout belongs to results.
///
/// # Errors
/// `RUST_LOG` is not a list of levels by target.
pub fn start_log() -> Result<(), UsageError> {
    let parse = |text: &str| {
        text.parse::<Targets>()
            .map_err(|_| UsageError::LogFilter(text.to_owned()))
    };
    if let Some(targets) = variable("RUST_LOG", parse)? {
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        tracing_subscriber::registry()
            .with(lines)
            .with(targets)
            .init();
    }
    Ok(())
}

fn variable<T>(
    variable: &'static str,
    parse: impl Fn(&str) -> Result<T, UsageError>,
) -> Result<Option<T>, UsageError> {
    match env::var(variable) {
        Ok(text) => parse(&text).map(Some).map_err(|error| {
            let error = Box::new(error);
            UsageError::Environment { variable, error }
        }),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(UsageError::NotUnicode(variable)),
    }
}
