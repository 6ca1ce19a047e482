//! The `streamsim` command (design §11).
//!
//! Each command is a file that reads its arguments, calls the engine of `sim::exploration` and
//! prints: [`list`], [`run`], [`explore`], [`replay`], [`shrink`], [`sweep`], [`hunt`], [`check`], [`bench`](mod@bench), and
//! for `check`'s own processes [`hashes`] and [`trace`]. Around them:
//!
//! - [`flags`], [`values`], [`names`], [`decide`], [`guard`], [`environment`]: what is
//!   asked for.
//! - [`exit`], [`error`]: how it ends.
//! - [`json_line`] and the files that end in `_view`: what is printed.
//! - [`trace_difference`]: where two traces part, and how that looks. [`whole_trace`],
//!   [`investigation`], [`leak`]: what `check` compares, and what becomes of a world that differs.
//! - [`follow_up`], [`confirmation`], [`process`], [`command_line`], [`keep`]: what becomes of a failing world.

mod bench;
mod bench_view;
mod check;
mod command_line;
mod confirmation;
mod counts_view;
pub(crate) mod decide;
mod decisions_view;
pub mod environment;
mod error;
mod exit;
mod explore;
mod failure_view;
#[cfg(test)]
mod fake;
pub(crate) mod flags;
mod follow_up;
mod guard;
mod hashes;
mod hunt;
mod hunt_view;
mod interrupt;
mod investigation;
mod json_line;
mod keep;
mod leak;
mod list;
pub(crate) mod names;
mod out;
mod plural;
mod process;
mod progress_view;
mod replay;
mod run;
mod shrink;
mod shrink_bounds;
mod shrink_progress;
mod story_view;
mod summary_view;
mod sweep;
mod sweep_view;
mod trace;
mod trace_difference;
mod values;
mod whole_trace;

use crate::{capsules::playable, registry};
use clap::{
    error::{Error, ErrorKind},
    Parser, Subcommand,
};
use environment::Environment;
use error::CommandError;
use exit::Exit;
use sim::{capsule::Capsule, exploration::engine::World, scenario::Scenario};
use std::{
    error::Error as _,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

/// Deterministic simulation testing for event streams and their processors
#[derive(Parser)]
#[command(name = "streamsim", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Arguments),
    Run(run::Arguments),
    Explore(explore::Arguments),
    Replay(replay::Arguments),
    Shrink(shrink::Arguments),
    Sweep(sweep::Arguments),
    Hunt(hunt::Arguments),
    Check(check::Arguments),
    Bench(bench::Arguments),
    #[command(name = "__hashes", hide = true)]
    Hashes(hashes::Arguments),
    #[command(name = "__trace", hide = true)]
    Trace(trace::Arguments),
}

/// The whole program, with scenarios of one's own in the place of ours.
pub fn main_with(scenarios: &'static [&'static dyn Scenario]) -> ExitCode {
    registry::replace_scenarios(scenarios);
    main()
}

/// The whole program.
pub fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return refuse(&error).into(),
    };
    // The panic itself was told by the panic hook.
    let result = panic::catch_unwind(AssertUnwindSafe(|| execute(command_line.command)));
    match result {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) => {
            if !error.is_broken_pipe() {
                anstream::eprintln!("streamsim: {error}");
            }
            error.exit().into()
        }
        Err(_) => Exit::Harness.into(),
    }
}

fn execute(command: Command) -> Result<Exit, CommandError> {
    let environment = Environment::read()?;
    environment::start_log()?;
    match command {
        Command::List(arguments) => arguments.execute(),
        Command::Run(arguments) => arguments.execute(&environment),
        Command::Explore(arguments) => arguments.execute(&environment),
        Command::Replay(arguments) => arguments.execute(&environment),
        Command::Shrink(arguments) => arguments.execute(&environment),
        Command::Sweep(arguments) => arguments.execute(&environment),
        Command::Hunt(arguments) => arguments.execute(&environment),
        Command::Check(arguments) => arguments.execute(&environment),
        Command::Bench(arguments) => arguments.execute(&environment),
        Command::Hashes(arguments) => arguments.execute(&environment),
        Command::Trace(arguments) => arguments.execute(),
    }
}

/// The story of a capsule, without colours; its world is run once more.
///
/// # Panics
/// The capsule names what is not known here.
pub fn story(capsule: &Capsule) -> String {
    let playable = playable(capsule).unwrap_or_else(|error| panic!("{error}"));
    let plan = story_view::watching(&playable.plan);
    let outcome = sim::world::run(&plan);
    let story = story_view::story(&World { plan, outcome });
    anstream::adapter::strip_str(&story).to_string()
}

/// Says in one sentence what is wrong with the arguments; shows help where that was asked for.
fn refuse(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody is left to be told that help could not be printed.
            let _ = error.print();
            Exit::Well
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            anstream::eprintln!("streamsim: {}", sentence(error));
            Exit::Usage
        }
    }
}

/// Our own words where a value of ours was refused, else clap's, without its usage lines.
fn sentence(error: &Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let wanted =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = wanted.filter(|line| !line.is_empty()).collect();
    let sentence = words.join(" ");
    sentence.trim_start_matches("error: ").to_owned()
}
