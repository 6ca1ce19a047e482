//! What becomes of the failures of many worlds: the first of each key is written down, run again in
//! a fresh process, and told.

use super::{
    confirmation::{confirm, Confirmation},
    error::CommandError,
    failure_view::{self, FollowUp},
    report,
};
use sim::{
    exploration::tally::{FailureGroup, Tally},
    world::Failure,
};
use std::path::{Path, PathBuf};

/// Failures of more keys than this are written down and counted, but not told at length.
const TOLD_MAX: usize = 5;

pub struct Told {
    /// In the tally's order.
    pub reports: Vec<PathBuf>,
    pub blocks: String,
    pub all_confirmed: bool,
}

/// Writes the first failure of each key down and runs it again; tells about the first few.
pub fn follow_up(tally: &Tally, out: &Path) -> Result<Told, CommandError> {
    let mut told = Told {
        reports: Vec::new(),
        blocks: String::new(),
        all_confirmed: true,
    };
    if let Some(more @ 1..) = tally.failures.len().checked_sub(TOLD_MAX) {
        told.blocks = format!(
            "\n{more} more keys are only written down, in {}\n",
            out.display()
        );
    }
    for (place, group) in tally.failures.values().enumerate() {
        let world = &group.first;
        let failure = failure_of(group);
        let path = report::path(out, world, failure);
        report::write(&path, world, failure)?;
        told.reports.push(path.clone());
        let confirmation = confirm(world)?;
        told.all_confirmed &= confirmation == Confirmation::Same;
        if place >= TOLD_MAX {
            continue;
        }
        let follow_up = FollowUp {
            confirmation: Some(confirmation),
            report: Some(path),
        };
        told.blocks += &format!("\n{}", failure_view::block(world, failure, &follow_up));
    }
    Ok(told)
}

pub fn failure_of(group: &FailureGroup) -> &Failure {
    let failure = group.first.outcome.failure.as_ref();
    failure.expect("only failures are grouped")
}
