//! What becomes of a failing world: it is run again in a fresh process, written down as a capsule,
//! shrunk, and what is left is replayed in a fresh process. Only then is anybody told.
//!
//! The capsule of the whole world is there before shrinking begins, and is replaced by a smaller one
//! when that was confirmed: whatever ends the process in between, a capsule that replays is left.

use super::{
    confirmation::{self, Confirmation},
    error::CommandError,
    interrupt,
    shrink_progress::ShrinkProgress,
};
use crate::capsules::{capture, file};
use sim::{
    exploration::{
        engine::{Limits, World},
        shrink::{self, Bounds, Shrunk},
        sweep::Run,
    },
    world::Failure,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How failing worlds are kept.
pub struct Keeping<'a, R> {
    pub limits: Limits,
    /// None: they are not shrunk.
    pub bounds: Option<Bounds>,
    pub run: &'a R,
    /// For fresh processes.
    pub guard: [String; 2],
    pub shows_progress: bool,
}

/// A failing world that was kept.
pub struct Kept {
    /// The smallest that was found.
    pub world: World,
    pub path: PathBuf,
    /// False if what is recorded of it does not come to the same.
    pub is_written: bool,
    pub confirmation: Confirmation,
    pub shrinkage: Option<Shrinkage>,
}

/// What shrinking did.
pub struct Shrinkage {
    pub operations_before: usize,
    pub decisions_before: usize,
    pub worlds: u64,
    pub wall: Duration,
    pub is_complete: bool,
}

/// Where the capsule of a failing world belongs.
pub fn path(directory: &Path, world: &World, failure: &Failure) -> PathBuf {
    let scenario = world.plan.scenario.name();
    let seed = world.plan.seed.to_string();
    directory.join(file::file_name(&[scenario, &seed, &failure.key]))
}

impl<R: Run> Keeping<'_, R> {
    /// Keeps a world that failed by what it is run from, a seed or decisions by name.
    ///
    /// # Errors
    /// No file could be written, no process started.
    pub fn keep(&self, world: &World, path: PathBuf) -> Result<Kept, CommandError> {
        let confirmation = confirmation::confirm(world, &self.guard)?;
        self.keep_confirmed(world, path, confirmation)
    }

    /// The same of a world that is recorded already.
    ///
    /// # Errors
    /// No file could be written, no process started.
    pub fn keep_confirmed(
        &self,
        world: &World,
        path: PathBuf,
        confirmation: Confirmation,
    ) -> Result<Kept, CommandError> {
        let mut kept = Kept {
            world: World {
                plan: world.plan.clone(),
                outcome: world.outcome.clone(),
            },
            path,
            is_written: true,
            confirmation,
            shrinkage: None,
        };
        if !self.write(&kept.path, world)? {
            kept.is_written = false;
            kept.confirmation = Confirmation::Different(
                "another course, when it is run from what was recorded of it".to_owned(),
            );
            return Ok(kept);
        }
        if kept.confirmation != Confirmation::Same {
            return Ok(kept);
        }
        if let Some(bounds) = self.bounds {
            self.shrink(&mut kept, bounds)?;
        }
        Ok(kept)
    }

    fn shrink(&self, kept: &mut Kept, bounds: Bounds) -> Result<(), CommandError> {
        let started = Instant::now();
        let mut progress = ShrinkProgress::new(&kept.world, self.shows_progress);
        let shrunk = shrink::shrink(&kept.world, bounds, self.limits, self.run, &mut progress);
        drop(progress);
        // Interrupted before it could begin.
        let Some(shrunk) = shrunk else { return Ok(()) };
        let Shrunk {
            world,
            worlds,
            is_complete,
        } = shrunk;
        let smaller = kept.path.with_extension("smaller.json");
        let confirmation = match self.write(&smaller, &world)? {
            true => confirmation::confirm_capsule(&smaller, &self.guard)?,
            false => Confirmation::Different(
                "another course, when it is run from what is left of it".to_owned(),
            ),
        };
        if confirmation != Confirmation::Same {
            // The whole world stays what is kept. Nothing is there if it was not written.
            let _ = fs::remove_file(&smaller);
            kept.confirmation = confirmation;
            return Ok(());
        }
        let renamed = fs::rename(&smaller, &kept.path);
        renamed.map_err(|error| CommandError::Capsule {
            path: kept.path.clone(),
            error,
        })?;
        kept.shrinkage = Some(Shrinkage {
            operations_before: kept.world.outcome.operation_count,
            decisions_before: kept.world.outcome.decision_count,
            worlds,
            wall: started.elapsed(),
            is_complete: is_complete && !interrupt::is_interrupted(),
        });
        kept.world = world;
        Ok(())
    }

    /// False if what is recorded of the world does not give the same failure by the same trace.
    fn write(&self, path: &Path, world: &World) -> Result<bool, CommandError> {
        let Some(capsule) = capture(world, self.run) else {
            return Ok(false);
        };
        let written = file::write(path, &capsule);
        written.map_err(|error| CommandError::Capsule {
            path: path.to_owned(),
            error,
        })?;
        Ok(true)
    }
}
