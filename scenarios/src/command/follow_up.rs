//! What becomes of the failures of many worlds: the first of each key is kept, as small as it gets, and
//! told.

use super::{
    confirmation::Confirmation,
    error::CommandError,
    failure_view,
    keep::{self, Keeping},
};
use sim::{
    exploration::{
        sweep::Run,
        tally::{FailureGroup, Tally},
    },
    world::Failure,
};
use std::path::{Path, PathBuf};

/// Failures of more keys than this are kept and counted, but not told at length.
const TOLD_MAX: usize = 5;

pub struct Told {
    /// In the tally's order; none where nothing could be written down that replays.
    pub capsules: Vec<Option<PathBuf>>,
    pub blocks: String,
    pub all_confirmed: bool,
}

/// Keeps the first failure of each key; tells about the first few.
///
/// # Errors
/// No file could be written, no process started.
pub fn follow_up(
    tally: &Tally,
    out: &Path,
    keeping: &Keeping<'_, impl Run>,
) -> Result<Told, CommandError> {
    let mut told = Told {
        capsules: Vec::new(),
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
        let path = keep::path(out, world, failure_of(group));
        let kept = keeping.keep(world, path)?;
        told.capsules
            .push(kept.is_written.then(|| kept.path.clone()));
        told.all_confirmed &= kept.confirmation == Confirmation::Same;
        if place < TOLD_MAX {
            told.blocks += &format!("\n{}", failure_view::kept(&kept, Some(&world.plan)));
        }
    }
    Ok(told)
}

pub fn failure_of(group: &FailureGroup) -> &Failure {
    let failure = group.first.outcome.failure.as_ref();
    failure.expect("only failures are grouped")
}
