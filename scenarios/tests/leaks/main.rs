//! Leaks, planted: everything that makes a world depend on more than its seed, in the form in which an
//! author could introduce it. `check` finds each of them, shows the first event that differs, and names
//! the kind among what fits.
//!
//! - [`leak`]: an object that tells its stream what leaks, and the scenario in which it is asked.
//! - [`randomness`], [`hash_maps`], [`counters`], [`clocks`], [`selects`]: the leaks, by kind; and beside
//!   them the forms that look like leaks and are none, because madsim answers them.
//! - [`tests`]: what `check` says of each.
//!
//! `check` starts fresh processes of its own program. So this program is the command, with the leaks for
//! scenarios, where [`AS_COMMAND`] is set; and else it is the tests, which start it as the command.
//!
//! The rules of the sources (`tests/tidy`) know most of them by their looks, and exempt them here.

mod clocks;
mod counters;
mod hash_maps;
mod leak;
mod randomness;
mod selects;
mod tests;

use libtest_mimic::Arguments;
use sim::scenario::Scenario;
use std::{env, process::ExitCode, sync::LazyLock};

/// Environment variable: the program is the command.
const AS_COMMAND: &str = "LEAKS_AS_COMMAND";

/// Every leak, and then what is none.
static SCENARIOS: LazyLock<Vec<&'static dyn Scenario>> =
    LazyLock::new(|| leak::all().map(|leak| leak as &dyn Scenario).collect());

fn main() -> ExitCode {
    if env::var_os(AS_COMMAND).is_some() {
        hash_maps::read_settings();
        return scenarios::command::main_with(&SCENARIOS);
    }
    libtest_mimic::run(&Arguments::from_args(), tests::all()).exit_code()
}
